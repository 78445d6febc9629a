#include "agent/files/write_beneath.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <vector>

#include "base/process/process_id.h"

namespace drover::agent {
namespace {

constexpr mode_t folder_mode = 0755;
constexpr mode_t file_mode = 0644;

Error failed(const std::string& path, std::string_view step) {
  return fail(errno == ENOSPC ? Code::exhausted : Code::denied, "write {}: {}: {}", path, step, std::strerror(errno));
}

/// "a//b/./c" → a, b, c. Nothing of it leads upwards.
Result<std::vector<std::string>> parts_of(const std::string& path) {
  std::vector<std::string> parts;
  std::string_view rest = path;
  while (!rest.empty()) {
    const std::string_view part = rest.substr(0, rest.find('/'));
    rest.remove_prefix(std::min(rest.size(), part.size() + 1));
    if (part == "..") return fail(Code::denied, "write {}: the path leads outside", path);
    if (!part.empty() && part != ".") parts.emplace_back(part);
  }
  if (parts.empty()) return fail(Code::invalid, "write {}: it names no file", path);
  return parts;
}

Result<void> write_all(int fd, const std::string& path, std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = ::write(fd, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return failed(path, "write");
    bytes.remove_prefix(static_cast<std::size_t>(written));
  }
  return {};
}

}  // namespace

Result<void> write_beneath(const std::string& folder, const std::string& path, std::string_view bytes) {
  DROVER_LET(const std::vector<std::string> parts, parts_of(path));
  constexpr int flags = O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;
  Fd at(::open(folder.c_str(), flags | O_RDONLY));
  if (!at.is_open()) return failed(path, folder);
  for (std::size_t i = 0; i + 1 < parts.size(); ++i) {
    if (::mkdirat(at.get(), parts[i].c_str(), folder_mode) != 0 && errno != EEXIST) return failed(path, parts[i]);
    Fd next(::openat(at.get(), parts[i].c_str(), flags | O_RDONLY));
    if (!next.is_open()) return failed(path, parts[i]);
    at = std::move(next);
  }
  const std::string name = parts.back(), draft = "." + name + ".drover";
  ::unlinkat(at.get(), draft.c_str(), 0);
  Fd file(::openat(at.get(), draft.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, file_mode));
  if (!file.is_open()) return failed(path, name);
  ::fchmod(file.get(), file_mode);  // whatever the agent's umask is
  Result<void> written = write_all(file.get(), path, bytes);
  if (written && ::renameat(at.get(), draft.c_str(), at.get(), name.c_str()) != 0) written = failed(path, name);
  if (!written) ::unlinkat(at.get(), draft.c_str(), 0);
  return written;
}

}  // namespace drover::agent
