#include "sdk/shim/prepare.h"

#include <algorithm>
#include <cerrno>
#include <cstring>

#include <grp.h>
#include <pwd.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/process/program.h"
#include "sdk/shim/protocol.h"

namespace drover::sdk::shim {

namespace {

constexpr const char* default_search_path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr unsigned usual_umask = 022;  // not the agent's: that keeps its own files from everybody
constexpr int user_groups_max = 1024;
constexpr std::size_t account_bytes_max = 64 * 1024;

// Keys of the spec that only those who start shims read.
constexpr const char* owned_key = "owned";  // the path of a group of our own
constexpr const char* group_v2_key = "group_v2";
constexpr const char* group_v1_key = "group_v1";  // "controller=folder", repeated

struct ResourceName {
  const char* name;
  int resource;
};
constexpr ResourceName resources[] = {{"as", RLIMIT_AS},           {"core", RLIMIT_CORE},         {"cpu", RLIMIT_CPU},           {"data", RLIMIT_DATA},
                                      {"fsize", RLIMIT_FSIZE},     {"locks", RLIMIT_LOCKS},       {"memlock", RLIMIT_MEMLOCK},   {"msgqueue", RLIMIT_MSGQUEUE},
                                      {"nice", RLIMIT_NICE},       {"nofile", RLIMIT_NOFILE},     {"nproc", RLIMIT_NPROC},       {"rss", RLIMIT_RSS},
                                      {"rtprio", RLIMIT_RTPRIO},   {"rttime", RLIMIT_RTTIME},     {"sigpending", RLIMIT_SIGPENDING}, {"stack", RLIMIT_STACK}};

cgroup::Limits limits_of(const ProcessLimits& limits) {
  cgroup::Limits result;
  result.memory_bytes = limits.memory_bytes;
  result.memory_reserve_bytes = limits.memory_reserve_bytes;
  result.swap = limits.swap;
  result.oom_group = limits.oom_group;
  result.cpu_shares = limits.cpu_shares;
  result.cpu_quota_us = limits.cpu_quota_us;
  result.pids_max = limits.pids_max;
  result.cpuset_cpus = limits.cpuset_cpus;
  return result;
}

std::string below(const std::string& root, const std::string& path) { return path.starts_with('/') ? path : root + "/" + path; }

bool is_group(const std::string& folder) { return ::access((folder + "/cgroup.procs").c_str(), F_OK) == 0; }

/// Version 2: one group is all there is.
Result<Placement> place_in_existing_v2(const cgroup::Hierarchy& host, const ProcessSpec& spec) {
  Placement placement;
  placement.guests.v2 = below(host.v2, spec.cgroup.v2_existing);
  if (!is_group(placement.guests.v2)) return fail(Code::not_found, "cgroup {} does not exist", placement.guests.v2);
  if (const auto applied = cgroup::apply(placement.guests, limits_of(spec.limits)); !applied.ok()) placement.warnings.push_back(applied.error().message);
  return placement;
}

/// Version 1: takes the controllers that somebody else provides out of our group; they limit by their own settings.
Result<void> take_guests(const cgroup::Hierarchy& host, const ProcessSpec& spec, Placement& placement, cgroup::Limits& limits) {
  for (const auto& [controller, path] : spec.cgroup.v1_existing) {
    const auto root = host.v1.find(controller);
    const std::string folder = root == host.v1.end() ? path : below(root->second, path);
    if (!is_group(folder)) {
      if (spec.cgroup.required) return fail(Code::not_found, "cgroup {} of controller {} does not exist", path, controller);
      placement.warnings.push_back(text("cgroup {} of controller {} does not exist", path, controller));
      continue;
    }
    placement.guests.v1[controller] = folder;
    placement.group.v1.erase(controller);
    if (controller == "memory") limits.memory_bytes = limits.memory_reserve_bytes = 0;
    if (controller == "cpu") limits.cpu_shares = 0, limits.cpu_quota_us = 0;
    if (controller == "pids") limits.pids_max = 0;
    if (controller == "cpuset") limits.cpuset_cpus.clear();
  }
  return {};
}

Result<void> add_rlimits(const ProcessSpec& spec, SpecText& out) {
  for (const auto& [name, values] : spec.rlimits) {
    const auto found = std::find_if(std::begin(resources), std::end(resources), [&wanted = name](const ResourceName& each) { return wanted == each.name; });
    if (found == std::end(resources)) return fail(Code::invalid, "unknown resource limit '{}'", name);
    out.add(key::rlimit, text("{} {} {}", found->resource, values.first, values.second));
  }
  return {};
}

void add_user(const UserIds& user, SpecText& out) {
  if (!user.change) return;
  out.add(key::uid, text("{}", user.uid));
  out.add(key::gid, text("{}", user.gid));
  for (const unsigned group : user.groups) out.add(key::group, text("{}", group));
}

void add_environment(const ProcessSpec& spec, const UserIds& user, SpecText& out) {
  const auto has = [&spec](std::string_view name) {
    return std::any_of(spec.env.begin(), spec.env.end(), [name](const auto& variable) { return variable.first == name; });
  };
  for (const auto& [name, value] : spec.env) out.add(key::env, name + "=" + value);
  if (!user.change || user.name.empty()) return;
  out.add_if(!has("HOME"), key::env, "HOME=" + user.home);
  out.add_if(!has("USER"), key::env, "USER=" + user.name);
  out.add_if(!has("LOGNAME"), key::env, "LOGNAME=" + user.name);
}

/// What the newborn writes "0" to. It has one thread, so this moves all of it; through cgroup.procs the kernel would
/// first wait until no process anywhere is being born or dying, which takes it some 10 ms.
constexpr const char* v1_join_file = "/tasks";

void add_placement(const ProcessSpec& spec, const Placement& placement, SpecText& out) {
  const cgroup::Group& group = placement.group;
  const std::string& born_in = !group.v2.empty() ? group.v2 : placement.guests.v2;
  out.add_if(placement.owned, owned_key, placement.path);
  out.add_if(spec.cgroup.required, key::cgroup_required, "1");
  out.add_if(!group.v2.empty(), group_v2_key, group.v2);
  out.add_if(!born_in.empty(), key::cgroup_v2, born_in);
  for (const auto& [controller, folder] : group.v1) {
    out.add(group_v1_key, controller + "=" + folder);
    out.add(key::cgroup_join, folder + v1_join_file);
  }
  for (const auto& [controller, folder] : placement.guests.v1) out.add(key::cgroup_join, folder + v1_join_file);
  const auto memory = group.v1.find("memory");
  if (memory != group.v1.end()) out.add(key::oom_file, memory->second + "/memory.oom_control");
  else out.add_if(!born_in.empty(), key::oom_file, born_in + "/memory.events");
  if (!placement.owned) return;
  const auto freezer = group.v1.find("freezer");
  out.add_if(freezer != group.v1.end(), key::freezer, freezer == group.v1.end() ? std::string() : freezer->second);
  out.add_if(!group.v2.empty(), key::kill_file, group.v2 + "/cgroup.kill");
}

/// A name or a path among folders; what is found but cannot be executed is kept for the error.
Result<std::string> search(const std::string& command, const std::vector<std::string>& folders) {
  std::string refused;
  for (const std::string& folder : folders) {
    const std::string path = folder + "/" + command;
    struct stat info {};
    if (::stat(path.c_str(), &info) != 0 || !S_ISREG(info.st_mode)) continue;
    if (::access(path.c_str(), X_OK) == 0) return path;
    refused = path;
  }
  if (!refused.empty()) return fail(Code::denied, "command '{}': {} is not executable", command, refused);
  std::string tried;
  for (const std::string& folder : folders) tried += (tried.empty() ? "" : ", ") + folder;
  return fail(Code::not_found, "command '{}' not found in {}", command, tried);
}

std::vector<std::string> split(std::string_view list, char separator) {
  std::vector<std::string> parts;
  while (!list.empty()) {
    const auto end = std::min(list.find(separator), list.size());
    if (end > 0) parts.emplace_back(list.substr(0, end));
    list.remove_prefix(std::min(list.size(), end + 1));
  }
  return parts;
}

bool is_number(const std::string& text) { return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos; }

}  // namespace

Result<Placement> place(const cgroup::Hierarchy& host, const ProcessSpec& spec) {
  if (!spec.cgroup.v2_existing.empty() && host.layout == cgroup::Layout::v2) return place_in_existing_v2(host, spec);
  Placement placement;
  cgroup::Limits limits = limits_of(spec.limits);
  placement.group = cgroup::locate(host, spec.cgroup.path, !limits.cpuset_cpus.empty());
  if (!host.v1.empty()) DROVER_TRY(take_guests(host, spec, placement, limits));
  if (placement.group.empty()) {
    if (spec.cgroup.path.empty()) return placement;
    if (spec.cgroup.required) return fail(Code::unsupported, "this host has no control groups");
    placement.warnings.push_back("this host has no control groups: nothing is limited");
    return placement;
  }
  if (const auto created = cgroup::create(host, placement.group); !created.ok()) {
    static_cast<void>(cgroup::remove(placement.group, std::chrono::milliseconds(0)));
    if (spec.cgroup.required) return created.error();
    placement.warnings.push_back(created.error().message + ": nothing is limited");
    placement.group = {};
    return placement;
  }
  if (const auto applied = cgroup::apply(placement.group, limits); !applied.ok()) placement.warnings.push_back(applied.error().message);
  placement.path = spec.cgroup.path;
  placement.owned = true;
  return placement;
}

Placement placement_of(const SpecEntries& entries) {
  Placement placement;
  placement.path = value_of(entries, owned_key);
  placement.owned = !placement.path.empty();
  placement.group.v2 = value_of(entries, group_v2_key);
  for (const std::string& folder : values_of(entries, group_v1_key)) {
    const auto equals = folder.find('=');
    if (equals != std::string::npos) placement.group.v1[folder.substr(0, equals)] = folder.substr(equals + 1);
  }
  return placement;
}

Result<std::string> find_command(const ProcessSpec& spec) {
  if (spec.command.empty()) return fail(Code::invalid, "no command is given");
  if (!spec.command.starts_with('/')) return search(spec.command, spec.search_path);
  if (const auto usable = check_executable(spec.command); !usable.ok()) return usable.error().within(text("command '{}'", spec.command));
  return spec.command;
}

Result<UserIds> find_user(const std::string& user, const std::string& group) {
  UserIds ids;
  if (user.empty() && group.empty()) return ids;
  ids.change = true;
  ids.uid = ::geteuid();
  ids.gid = ::getegid();
  std::string buffer(account_bytes_max, '\0');
  if (!user.empty()) {
    passwd account{};
    passwd* found = nullptr;
    ::getpwnam_r(user.c_str(), &account, buffer.data(), buffer.size(), &found);
    if (found == nullptr) return fail(Code::not_found, "user '{}' does not exist on this host", user);
    ids.uid = found->pw_uid;
    ids.gid = found->pw_gid;
    ids.name = found->pw_name;
    ids.home = found->pw_dir;
  }
  if (!group.empty()) {
    struct group entry {};
    struct group* found = nullptr;
    ::getgrnam_r(group.c_str(), &entry, buffer.data(), buffer.size(), &found);
    if (found == nullptr && !is_number(group)) return fail(Code::not_found, "group '{}' does not exist on this host", group);
    ids.gid = found != nullptr ? found->gr_gid : static_cast<unsigned>(std::stoul(group.substr(0, 9)));
  }
  if (user.empty()) return ids;
  int count = user_groups_max;
  ids.groups.resize(user_groups_max);
  if (::getgrouplist(ids.name.c_str(), ids.gid, ids.groups.data(), &count) < 0)
    return fail(Code::exhausted, "user '{}' is in more than {} groups", user, user_groups_max);
  ids.groups.resize(static_cast<std::size_t>(count));
  return ids;
}

Result<SpecText> write_spec(const ProcessSpec& spec, const Placement& placement) {
  DROVER_LET(const std::string program, find_command(spec));
  DROVER_LET(const UserIds user, find_user(spec.user, spec.group));
  SpecText out;
  out.add(key::state_dir, spec.state_dir);
  out.add(key::program, program);
  out.add(key::arg, spec.command);
  for (const std::string& arg : spec.args) out.add(key::arg, arg);
  add_environment(spec, user, out);
  out.add_if(!spec.cwd.empty(), key::cwd, spec.cwd);
  out.add_if(!spec.stdout_path.empty(), key::stdout_path, spec.stdout_path);
  out.add_if(!spec.stderr_path.empty(), key::stderr_path, spec.stderr_path);
  out.add_if(!spec.netns_path.empty(), key::netns, spec.netns_path);
  add_user(user, out);
  add_placement(spec, placement, out);
  if (spec.oom_score_adj) out.add(key::oom_score_adj, text("{}", *spec.oom_score_adj));
  out.add(key::umask, text("{}", spec.umask.value_or(usual_umask)));
  out.add_if(spec.no_new_privs, key::no_new_privs, "1");
  DROVER_TRY(add_rlimits(spec, out));
  if (!out.valid()) return fail(Code::invalid, "the command, its arguments or its environment hold a NUL character");
  return out;
}

Result<SpecText> exec_spec(const SpecEntries& task, const ExecSpec& exec) {
  if (exec.argv.empty() || exec.argv.front().empty()) return fail(Code::invalid, "no command is given");
  std::string path = default_search_path;
  for (const std::string& variable : values_of(task, key::env))
    if (variable.starts_with("PATH=")) path = variable.substr(5);
  const std::string& command = exec.argv.front();
  std::string program = command;
  if (command.find('/') == std::string::npos) {
    DROVER_LET(program, search(command, split(path, ':')));
  } else if (!command.starts_with('/')) {
    program = value_of(task, key::cwd) + "/" + command;
  }
  SpecText out;
  out.add(key::exec_mode, "1");
  out.add(key::program, program);
  for (const std::string& arg : exec.argv) out.add(key::arg, arg);
  out.add_if(exec.terminal, key::terminal, "1");
  constexpr std::string_view inherited[] = {key::env, key::cwd, key::uid, key::gid, key::group, key::netns, key::cgroup_v2, key::cgroup_join, key::umask, key::no_new_privs, key::rlimit};
  for (const auto& [name, value] : task)
    if (std::find(std::begin(inherited), std::end(inherited), name) != std::end(inherited)) out.add(name, value);
  if (!out.valid()) return fail(Code::invalid, "the command holds a NUL character");
  return out;
}

}  // namespace drover::sdk::shim
