#include "base/file/durable_file.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>

namespace drover {

namespace {

constexpr std::size_t buffer_size = 256 << 10;

Error io_error(std::string_view what, const std::filesystem::path& path, int error) {
  if (error == ENOSPC || error == EDQUOT) return fail(Code::exhausted, "{} '{}': the disk is full", what, path.string());
  const Code code = error == ENOENT ? Code::not_found : error == EACCES || error == EPERM ? Code::denied : Code::unavailable;
  return fail(code, "{} '{}': {}", what, path.string(), std::strerror(error));
}

struct Descriptor {
  explicit Descriptor(int its_fd) : fd(its_fd) {}
  Descriptor(const Descriptor&) = delete;
  Descriptor& operator=(const Descriptor&) = delete;
  ~Descriptor() {
    if (fd >= 0) ::close(fd);
  }
  int fd;
};

std::filesystem::path folder_of(const std::filesystem::path& path) {
  return path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
}

}  // namespace

DurableFile::DurableFile(std::filesystem::path path, std::filesystem::path temporary, int fd)
    : path_(std::move(path)), temporary_(std::move(temporary)), fd_(fd) {}

DurableFile::DurableFile(DurableFile&& other) noexcept
    : path_(std::move(other.path_)), temporary_(std::move(other.temporary_)), buffer_(std::move(other.buffer_)), fd_(std::exchange(other.fd_, -1)) {}

DurableFile::~DurableFile() {
  if (fd_ < 0) return;
  ::close(fd_);
  ::unlink(temporary_.c_str());
}

Result<DurableFile> DurableFile::create(std::filesystem::path path) {
  std::filesystem::path temporary = path;
  temporary += ".tmp";
  const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
  if (fd < 0) return io_error("create", temporary, errno);
  return DurableFile(std::move(path), std::move(temporary), fd);
}

Result<void> DurableFile::write(std::string_view bytes) {
  buffer_ += bytes;
  if (buffer_.size() < buffer_size) return {};
  return flush();
}

Result<void> DurableFile::flush() {
  std::string_view rest = buffer_;
  while (!rest.empty()) {
    const ssize_t written = ::write(fd_, rest.data(), rest.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return io_error("write", temporary_, errno);
    rest.remove_prefix(static_cast<std::size_t>(written));
  }
  buffer_.clear();
  return {};
}

Result<void> DurableFile::commit() {
  DROVER_TRY(flush());
  if (::fsync(fd_) != 0) return io_error("sync", temporary_, errno);
  if (::rename(temporary_.c_str(), path_.c_str()) != 0) return io_error("rename to", path_, errno);
  ::close(std::exchange(fd_, -1));
  return sync_folder(folder_of(path_));
}

Result<void> write_file_durably(const std::filesystem::path& path, std::string_view bytes) {
  DROVER_LET(DurableFile file, DurableFile::create(path));
  DROVER_TRY(file.write(bytes));
  return file.commit();
}

Result<std::string> read_file(const std::filesystem::path& path, std::size_t bytes_max) {
  const Descriptor file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file.fd < 0) return io_error("open", path, errno);
  struct stat info {};
  if (::fstat(file.fd, &info) != 0) return io_error("look at", path, errno);
  std::string bytes;
  bytes.reserve(std::min(static_cast<std::size_t>(info.st_size) + 1, bytes_max + 1));  // /proc says 0
  char chunk[64 << 10];
  for (;;) {
    const ssize_t got = ::read(file.fd, chunk, sizeof chunk);
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return io_error("read", path, errno);
    if (got == 0) return bytes;
    bytes.append(chunk, static_cast<std::size_t>(got));
    if (bytes.size() > bytes_max) return fail(Code::exhausted, "read '{}': longer than {} bytes", path.string(), bytes_max);
  }
}

Result<void> sync_folder(const std::filesystem::path& folder) {
  const Descriptor fd(::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (fd.fd < 0) return io_error("open", folder, errno);
  if (::fsync(fd.fd) != 0) return io_error("sync", folder, errno);
  return {};
}

}  // namespace drover
