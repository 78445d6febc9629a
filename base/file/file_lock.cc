#include "base/file/file_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace drover {

namespace {

std::string holder(int fd) {
  char pid[32] = {};
  const ssize_t got = ::pread(fd, pid, sizeof pid - 1, 0);
  return got > 0 ? std::string(pid, static_cast<std::size_t>(got)) : std::string("unknown");
}

}  // namespace

FileLock::FileLock(FileLock&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}

FileLock::~FileLock() {
  if (fd_ >= 0) ::close(fd_);
}

Result<FileLock> FileLock::take(const std::filesystem::path& folder) {
  const std::string path = folder / "lock";
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return fail(Code::unavailable, "open '{}': {}", path, std::strerror(errno));
  FileLock lock(fd);
  if (::flock(fd, LOCK_EX | LOCK_NB) != 0) {
    if (errno != EWOULDBLOCK) return fail(Code::unavailable, "lock '{}': {}", path, std::strerror(errno));
    return fail(Code::conflict, "'{}' is in use by process {}: stop that one first, or give this one another data_dir", folder.string(), holder(fd));
  }
  const std::string pid = std::to_string(::getpid());
  if (::ftruncate(fd, 0) != 0 || ::pwrite(fd, pid.data(), pid.size(), 0) < 0) {
    // A full disk only costs the pid, which is for people.
  }
  return lock;
}

}  // namespace drover
