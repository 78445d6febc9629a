#include "plugins/raw_exec/users.h"

#include <algorithm>
#include <charconv>

#include <grp.h>
#include <pwd.h>
#include <unistd.h>

namespace drover::raw_exec {

namespace {

constexpr std::size_t account_bytes_max = 64 * 1024;
constexpr int groups_max = 1024;

struct Account {
  std::string name;
  std::uint32_t uid = 0;
  std::uint32_t gid = 0;
};

Result<Account> find_account(const std::string& user) {
  std::string buffer(account_bytes_max, '\0');
  passwd entry{};
  passwd* found = nullptr;
  if (user.empty()) ::getpwuid_r(::geteuid(), &entry, buffer.data(), buffer.size(), &found);
  else ::getpwnam_r(user.c_str(), &entry, buffer.data(), buffer.size(), &found);
  if (found != nullptr) return Account{found->pw_name, found->pw_uid, found->pw_gid};
  if (user.empty()) return Account{"", ::geteuid(), ::getegid()};
  return fail(Code::not_found, "user '{}' does not exist on this host", user);
}

std::string_view trimmed(std::string_view text) {
  while (text.starts_with(' ')) text.remove_prefix(1);
  while (text.ends_with(' ')) text.remove_suffix(1);
  return text;
}

bool parse_id(std::string_view text, std::uint32_t& id) {
  text = trimmed(text);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  return error == std::errc{} && end == text.data() + text.size();
}

}  // namespace

Result<IdRanges> IdRanges::parse(std::string_view name, std::string_view text) {
  IdRanges result;
  while (!trimmed(text).empty()) {
    const auto end = std::min(text.find(','), text.size());
    const std::string_view part = text.substr(0, end);
    text.remove_prefix(std::min(text.size(), end + 1));
    const auto dash = part.find('-');
    std::uint32_t low = 0, high = 0;
    const bool good = dash == std::string_view::npos ? parse_id(part, low) && parse_id(part, high) : parse_id(part.substr(0, dash), low) && parse_id(part.substr(dash + 1), high);
    if (!good) return fail(Code::invalid, "{}: '{}' is neither an id nor a range of ids", name, part);
    if (low > high) return fail(Code::invalid, "{}: range '{}' ends before it begins", name, part);
    result.ranges_.emplace_back(low, high);
  }
  return result;
}

bool IdRanges::contains(std::uint32_t id) const {
  return std::any_of(ranges_.begin(), ranges_.end(), [id](const auto& range) { return range.first <= id && id <= range.second; });
}

Result<void> check_user(const std::string& user, const DeniedIds& denied) {
  if (denied.uids.empty() && denied.gids.empty()) return {};
  DROVER_LET(const Account account, find_account(user));
  if (denied.uids.contains(account.uid)) return fail(Code::denied, "running as user '{}' (uid {}) is denied by denied_host_uids", account.name, account.uid);
  std::vector<gid_t> groups(groups_max);
  int count = groups_max;
  if (::getgrouplist(account.name.c_str(), account.gid, groups.data(), &count) < 0) return fail(Code::exhausted, "user '{}' is in more than {} groups", account.name, groups_max);
  groups.resize(static_cast<std::size_t>(count));
  for (const gid_t group : groups)
    if (denied.gids.contains(group)) return fail(Code::denied, "running as user '{}' (gid {}) is denied by denied_host_gids", account.name, group);
  return {};
}

}  // namespace drover::raw_exec
