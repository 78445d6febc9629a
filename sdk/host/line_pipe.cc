#include "sdk/host/line_pipe.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <boost/asio/as_tuple.hpp>
#include <boost/asio/posix/stream_descriptor.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <cerrno>
#include <cstring>
#include <utility>

namespace drover::host {

namespace asio = boost::asio;

struct LinePipe::Reader {
  Reader(Loop& loop, int fd) : descriptor(loop.executor(), fd) {}
  asio::posix::stream_descriptor descriptor;
};

LinePipe::LinePipe(std::string path, std::unique_ptr<Reader> reader) : path_(std::move(path)), reader_(std::move(reader)) {}
LinePipe::~LinePipe() = default;

Result<std::unique_ptr<LinePipe>> LinePipe::open(Loop& loop, const std::string& path) {
  if (mkfifo(path.c_str(), 0600) != 0 && errno != EEXIST) {
    return fail(Code::unavailable, "cannot make the pipe {}: {}", path, std::strerror(errno));
  }
  const int fd = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
  struct stat status {};
  if (fd < 0 || fstat(fd, &status) != 0 || !S_ISFIFO(status.st_mode)) {
    if (fd >= 0) ::close(fd);
    return fail(Code::unavailable, "cannot open the pipe {}: {}", path, fd < 0 ? std::strerror(errno) : "it is no pipe");
  }
  auto reader = std::make_unique<Reader>(loop, fd);
  return std::unique_ptr<LinePipe>(new LinePipe(path, std::move(reader)));
}

Result<Fd> LinePipe::open_for_plugin() const {
  Fd fd(::open(path_.c_str(), O_RDWR | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW));
  if (!fd.is_open()) return fail(Code::unavailable, "cannot open the pipe {}: {}", path_, std::strerror(errno));
  return fd;
}

Async<void> LinePipe::read_lines(std::function<void(std::string)> line) {
  std::string rest;
  std::array<char, 8192> buffer;
  for (;;) {
    const auto token = asio::as_tuple(asio::use_awaitable_t<Loop::Executor>());
    const auto [error] = co_await reader_->descriptor.async_wait(asio::posix::descriptor_base::wait_read, token);
    if (error) co_return;
    const ssize_t got = ::read(reader_->descriptor.native_handle(), buffer.data(), buffer.size());
    if (got < 0 && (errno == EAGAIN || errno == EINTR)) continue;
    if (got <= 0) co_return;  // no plugin has the pipe open any more
    rest.append(buffer.data(), static_cast<std::size_t>(got));
    for (std::size_t end = rest.find('\n'); end != std::string::npos; end = rest.find('\n')) {
      line(rest.substr(0, end));
      rest.erase(0, end + 1);
    }
    if (rest.size() >= line_max) line(std::exchange(rest, {}));
  }
}

}  // namespace drover::host
