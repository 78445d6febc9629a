#include "agent/http/alloc_folder.h"

#include <dirent.h>
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cctype>
#include <cerrno>
#include <climits>
#include <cstdio>
#include <cstring>
#include <optional>

namespace drover::agent {
namespace {

constexpr std::size_t entries_max = 100'000;
constexpr std::size_t sniffed_bytes = 512;

std::string lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return out;
}

/// Relative to the folder: without leading slashes, "." for the folder itself.
std::string relative(std::string_view path) {
  while (!path.empty() && path.front() == '/') path.remove_prefix(1);
  return path.empty() ? "." : std::string(path);
}

/// The components of a path with "." and ".." worked out as text. Nothing when it leaves the folder.
std::optional<std::vector<std::string>> components(std::string_view path) {
  std::vector<std::string> out;
  while (!path.empty()) {
    const std::string_view part = path.substr(0, path.find('/'));
    path.remove_prefix(std::min(path.size(), part.size() + 1));
    if (part.empty() || part == ".") continue;
    if (part == "..") {
      if (out.empty()) return std::nullopt;
      out.pop_back();
    } else {
      out.emplace_back(part);
    }
  }
  return out;
}

bool is_secret(const std::vector<std::string>& parts) {
  if (parts.size() < 2 || parts[0] == "alloc") return false;
  const std::string second = lower(parts[1]);
  return second == "secrets" || second == "private";
}

/// Does the descriptor lie in a task's secrets, whatever path led there?
bool leads_to_secret(int fd, int root) {
  char link[64], target[PATH_MAX], root_target[PATH_MAX];
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
  const ssize_t size = ::readlink(link, target, sizeof target);
  std::snprintf(link, sizeof link, "/proc/self/fd/%d", root);
  const ssize_t root_size = ::readlink(link, root_target, sizeof root_target);
  if (size <= 0 || root_size <= 0 || size <= root_size) return false;
  const std::string_view below =
      std::string_view(target, static_cast<std::size_t>(size)).substr(static_cast<std::size_t>(root_size));
  const auto parts = components(below);
  return parts && is_secret(*parts);
}

}  // namespace

Result<AllocFolder> AllocFolder::open(std::string root) {
  Fd fd(::open(root.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC | O_NOFOLLOW));
  if (fd.get() < 0)
    return fail(errno == ENOENT ? Code::not_found : Code::unavailable, "open {}: {}", root, std::strerror(errno));
  return AllocFolder(std::move(root), std::make_shared<Fd>(std::move(fd)));
}

Result<Fd> AllocFolder::resolve(const std::string& path, int flags, const char* doing) const {
  const auto parts = components(path);
  if (!parts || path.find('\0') != std::string::npos) return fail(Code::denied, "Path escapes the alloc directory");
  if (is_secret(*parts)) return fail(Code::denied, "Reading secret file prohibited: {}", path);

  open_how how{};
  how.flags = static_cast<std::uint64_t>(flags | O_CLOEXEC | ((flags & O_PATH) != 0 ? 0 : O_NONBLOCK));
  how.resolve = RESOLVE_BENEATH | RESOLVE_NO_MAGICLINKS;
  Fd fd(static_cast<int>(::syscall(SYS_openat2, fd_->get(), relative(path).c_str(), &how, sizeof how)));
  if (fd.get() < 0) {
    const int error = errno;
    if (error == EXDEV) return fail(Code::denied, "Path escapes the alloc directory");
    const std::string shown = root_ + "/" + (relative(path) == "." ? "" : relative(path));
    std::string reason = std::strerror(error);
    reason[0] = static_cast<char>(std::tolower(reason[0]));
    const Code code = error == ENOENT ? Code::not_found : error == ENOTDIR ? Code::invalid : Code::unavailable;
    return fail(code, "{} {}: {}", doing, shown, reason);
  }
  if (leads_to_secret(fd.get(), fd_->get())) return fail(Code::denied, "Reading secret file prohibited: {}", path);
  return fd;
}

Result<std::vector<FileInfo>> AllocFolder::list(const std::string& path) const {
  DROVER_LET(Fd fd, resolve(path, O_RDONLY | O_DIRECTORY, "open"));
  std::vector<FileInfo> out;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::fdopendir(::dup(fd.get())), ::closedir);
  if (!folder) return fail(Code::unavailable, "open {}/{}: {}", root_, path, std::strerror(errno));
  while (const dirent* entry = ::readdir(folder.get())) {
    const std::string name = entry->d_name;
    struct stat status {};
    if (name == "." || name == ".." || ::fstatat(fd.get(), name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) continue;
    out.push_back(make_file_info(name, status));
    if (out.size() == entries_max)
      return fail(Code::exhausted, "{}/{} has more than {} entries", root_, path, entries_max);
  }
  std::sort(out.begin(), out.end(), [](const FileInfo& a, const FileInfo& b) { return a.name < b.name; });
  return out;
}

std::vector<std::string> AllocFolder::names(const std::string& path, const std::string& prefix) const {
  std::vector<std::string> out;
  const Result<Fd> fd = resolve(path, O_RDONLY | O_DIRECTORY, "open");
  if (!fd) return out;
  const std::unique_ptr<DIR, int (*)(DIR*)> folder(::fdopendir(::dup(fd->get())), ::closedir);
  if (!folder) return out;
  while (const dirent* entry = ::readdir(folder.get())) {
    if (std::string_view(entry->d_name).starts_with(prefix) && out.size() < entries_max)
      out.emplace_back(entry->d_name);
  }
  std::sort(out.begin(), out.end());
  return out;
}

Result<FileInfo> AllocFolder::stat(const std::string& path) const {
  DROVER_LET(Fd fd, resolve(path, O_PATH, "stat"));
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0)
    return fail(Code::unavailable, "stat {}/{}: {}", root_, path, std::strerror(errno));
  const auto parts = components(path);
  FileInfo info = make_file_info(parts->empty() ? "." : parts->back(), status);
  info.content_type = "application/octet-stream";
  if (S_ISREG(status.st_mode)) {
    const Result<Fd> file = open_file(path);
    if (file) info.content_type = guess_content_type(info.name, read_at(file->get(), 0, sniffed_bytes).value_or(""));
  }
  return info;
}

Result<Fd> AllocFolder::open_file(const std::string& path) const {
  DROVER_LET(Fd fd, resolve(path, O_RDONLY, "stat"));
  struct stat status {};
  if (::fstat(fd.get(), &status) != 0)
    return fail(Code::unavailable, "stat {}/{}: {}", root_, path, std::strerror(errno));
  if (S_ISDIR(status.st_mode)) return fail(Code::invalid, "file \"{}\" is a directory", path);
  if (!S_ISREG(status.st_mode)) return fail(Code::invalid, "file \"{}\" is not a regular file", path);
  return fd;
}

Result<std::string> read_at(int fd, std::uint64_t offset, std::size_t size) {
  std::string out(size, '\0');
  std::size_t got = 0;
  while (got < size) {
    const ssize_t n = ::pread(fd, out.data() + got, size - got, static_cast<off_t>(offset + got));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return fail(Code::unavailable, "read: {}", std::strerror(errno));
    if (n == 0) break;
    got += static_cast<std::size_t>(n);
  }
  out.resize(got);
  return out;
}

Result<std::uint64_t> file_size(int fd) {
  struct stat status {};
  if (::fstat(fd, &status) != 0) return fail(Code::unavailable, "stat: {}", std::strerror(errno));
  return static_cast<std::uint64_t>(status.st_size);
}

}  // namespace drover::agent
