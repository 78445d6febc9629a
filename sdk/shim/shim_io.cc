#include "sdk/shim/shim_io.h"

#include <cerrno>
#include <cstring>
#include <ctime>
#include <fcntl.h>
#include <unistd.h>

namespace drover::sdk::shim {

std::uint64_t parse_number(const char* text) {
  std::uint64_t value = 0;
  for (; *text >= '0' && *text <= '9'; ++text) value = value * 10 + static_cast<std::uint64_t>(*text - '0');
  return value;
}

bool same(const char* a, const char* b) { return std::strcmp(a, b) == 0; }

int read_file(const char* path, char* buffer, std::size_t size) {
  const int fd = ::open(path, O_RDONLY | O_CLOEXEC);
  if (fd < 0) return -errno;
  const ssize_t got = ::read(fd, buffer, size - 1);
  const int error = errno;
  ::close(fd);
  if (got < 0) return -error;
  buffer[got] = 0;
  return static_cast<int>(got);
}

int write_all(int fd, const void* bytes, std::size_t size) {
  const char* at = static_cast<const char*>(bytes);
  while (size > 0) {
    const ssize_t put = ::write(fd, at, size);
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return -errno;
    at += put;
    size -= static_cast<std::size_t>(put);
  }
  return 0;
}

int write_file(const char* path, const char* bytes, std::size_t size) {
  const int fd = ::open(path, O_WRONLY | O_CLOEXEC);
  if (fd < 0) return -errno;
  const int result = write_all(fd, bytes, size);
  ::close(fd);
  return result;
}

std::uint64_t start_ticks(int pid) {
  Line<64> path;
  path.add("/proc/");
  path.add_number(pid);
  path.add("/stat");
  char content[1024];
  if (read_file(path.chars, content, sizeof content) <= 0) return 0;
  const char* at = std::strrchr(content, ')');  // the name before it may hold blanks and parentheses
  for (int field = 2; at != nullptr && field < 22; ++field) at = std::strchr(at + 1, ' ');
  return at == nullptr ? 0 : parse_number(at + 1);
}

std::int64_t wall_clock_ns() {
  timespec now{};
  ::clock_gettime(CLOCK_REALTIME, &now);
  return static_cast<std::int64_t>(now.tv_sec) * 1'000'000'000 + now.tv_nsec;
}

}  // namespace drover::sdk::shim
