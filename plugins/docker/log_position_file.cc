#include "plugins/docker/log_position_file.h"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <atomic>
#include <cerrno>
#include <cstring>
#include <filesystem>

namespace drover::docker {
namespace {

Error failed(const std::string& what, const std::string& path) { return fail(Code::internal, "{} {}: {}", what, path, std::strerror(errno)); }

}  // namespace

/// Two slots a stream: the one that `current` does not name is written, then named.
struct LogPositionFile::Layout {
  struct Stream {
    std::atomic<std::uint64_t> current;
    LogPosition slots[2];
  };
  Stream streams[2];
};

Result<std::unique_ptr<LogPositionFile>> LogPositionFile::open(const std::string& path) {
  static_assert(std::atomic<std::uint64_t>::is_always_lock_free);
  std::error_code error;
  const std::filesystem::path folder = std::filesystem::path(path).parent_path();
  std::filesystem::create_directories(folder, error);
  if (error) return fail(Code::internal, "make folder {}: {}", folder.string(), error.message());
  std::filesystem::permissions(folder, std::filesystem::perms::owner_all, error);
  const int fd = ::open(path.c_str(), O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC, 0600);
  if (fd < 0) return failed("open", path);
  void* mapped = MAP_FAILED;
  // Blocks are taken now: a full disk must not become a SIGBUS later.
  errno = ::posix_fallocate(fd, 0, sizeof(Layout));
  if (errno == 0) mapped = ::mmap(nullptr, sizeof(Layout), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  const int why = errno;
  ::close(fd);
  errno = why;
  if (mapped == MAP_FAILED) return failed("map", path);
  return std::unique_ptr<LogPositionFile>(new LogPositionFile(static_cast<Layout*>(mapped)));
}

LogPositionFile::~LogPositionFile() { ::munmap(layout_, sizeof(Layout)); }

LogPosition LogPositionFile::read(bool is_stderr) const {
  const Layout::Stream& stream = layout_->streams[is_stderr ? 1 : 0];
  return stream.slots[stream.current.load(std::memory_order_acquire) & 1];
}

void LogPositionFile::write(bool is_stderr, const LogPosition& position) {
  Layout::Stream& stream = layout_->streams[is_stderr ? 1 : 0];
  const std::uint64_t next = stream.current.load(std::memory_order_relaxed) + 1;
  stream.slots[next & 1] = position;
  stream.current.store(next, std::memory_order_release);
}

}  // namespace drover::docker
