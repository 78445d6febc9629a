#include "base/http/socket.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/http/tls.h"

namespace drover::http {
namespace {

constexpr int backlog = 1024;
constexpr std::size_t read_now_max = 64 * 1024;

constexpr auto tuple_awaitable = boost::asio::as_tuple(boost::asio::use_awaitable);

Error bind_error(const std::string& where, int error) {
  switch (error) {
    case EADDRINUSE:
      return fail(Code::conflict, "cannot listen on {}: the address is taken by another program; stop it or choose another port",
                  where);
    case EACCES:
      return fail(Code::denied, "cannot listen on {}: permission denied; choose a port above 1023 or run as root", where);
    case EADDRNOTAVAIL:
      return fail(Code::invalid, "cannot listen on {}: this machine has no such address", where);
    default:
      return fail(Code::unavailable, "cannot listen on {}: {}", where, std::strerror(error));
  }
}

std::string ip_text(const sockaddr_storage& address) {
  std::array<char, INET6_ADDRSTRLEN> buffer{};
  if (address.ss_family == AF_INET6) {
    const auto& v6 = reinterpret_cast<const sockaddr_in6&>(address);
    inet_ntop(AF_INET6, &v6.sin6_addr, buffer.data(), buffer.size());
  } else if (address.ss_family == AF_INET) {
    const auto& v4 = reinterpret_cast<const sockaddr_in&>(address);
    inet_ntop(AF_INET, &v4.sin_addr, buffer.data(), buffer.size());
  }
  return buffer.data();
}

std::uint16_t port_of(const sockaddr_storage& address) {
  return ntohs(address.ss_family == AF_INET6 ? reinterpret_cast<const sockaddr_in6&>(address).sin6_port
                                             : reinterpret_cast<const sockaddr_in&>(address).sin_port);
}

std::string join(const std::string& ip, std::uint16_t port) {
  return ip.find(':') == std::string::npos ? text("{}:{}", ip, port) : text("[{}]:{}", ip, port);
}

/// 0 when `text` is no IP address.
socklen_t parse_ip(const std::string& text, std::uint16_t port, sockaddr_storage& out) {
  auto& v4 = reinterpret_cast<sockaddr_in&>(out);
  auto& v6 = reinterpret_cast<sockaddr_in6&>(out);
  if (inet_pton(AF_INET, text.c_str(), &v4.sin_addr) == 1) {
    v4.sin_family = AF_INET;
    v4.sin_port = htons(port);
    return sizeof v4;
  }
  if (inet_pton(AF_INET6, text.c_str(), &v6.sin6_addr) == 1) {
    v6.sin6_family = AF_INET6;
    v6.sin6_port = htons(port);
    return sizeof v6;
  }
  return 0;
}

bool somebody_listens(const sockaddr_un& address) {
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  const int connected = ::connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address);
  const bool refused = connected != 0 && errno == ECONNREFUSED;
  ::close(fd);
  return !refused;
}

}  // namespace

Result<Listening> listen_tcp(const std::string& address, std::uint16_t port) {
  const std::string where = join(address, port);
  sockaddr_storage storage{};
  const socklen_t size = parse_ip(address, port, storage);
  if (size == 0) return fail(Code::invalid, "cannot listen on '{}': not an IP address", address);

  const int fd = ::socket(storage.ss_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return bind_error(where, errno);
  const int on = 1;
  ::setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&storage), size) != 0 || ::listen(fd, backlog) != 0) {
    const int error = errno;
    ::close(fd);
    return bind_error(where, error);
  }
  socklen_t bound_size = sizeof storage;
  ::getsockname(fd, reinterpret_cast<sockaddr*>(&storage), &bound_size);
  const std::uint16_t bound = port_of(storage);
  return Listening{fd, join(address, bound), bound};
}

Result<Listening> listen_unix(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) {
    return fail(Code::invalid, "cannot listen on {}: a socket path may have {} bytes at most", path,
                sizeof address.sun_path - 1);
  }
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);

  struct stat found{};
  if (::lstat(path.c_str(), &found) == 0 && S_ISSOCK(found.st_mode)) {
    if (somebody_listens(address)) return bind_error(path, EADDRINUSE);
    ::unlink(path.c_str());
  }
  const int fd = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  if (fd < 0) return bind_error(path, errno);
  // The mode is set before anyone can connect: the socket of an unlistened path refuses.
  if (::bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0 || ::chmod(path.c_str(), 0600) != 0 ||
      ::listen(fd, backlog) != 0) {
    const int error = errno;
    ::close(fd);
    return bind_error(path, error);
  }
  return Listening{fd, path, 0};
}

int accept_connection(int listening_fd, std::string& peer_ip, std::string& peer) {
  sockaddr_storage address{};
  socklen_t size = sizeof address;
  const int fd = ::accept4(listening_fd, reinterpret_cast<sockaddr*>(&address), &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
  if (fd < 0) return -1;
  peer_ip = ip_text(address);
  peer = peer_ip.empty() ? "unix" : join(peer_ip, port_of(address));
  if (!peer_ip.empty()) {
    const int on = 1;
    ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
  }
  return fd;
}

Socket::Got Socket::read_plain(std::string& out) {
  // One scratch buffer a thread: nothing is kept in it between calls.
  static thread_local std::array<char, read_now_max> scratch;
  if (!descriptor_.is_open()) return Got::end;
  for (;;) {
    const ssize_t got = ::recv(descriptor_.native_handle(), scratch.data(), scratch.size(), MSG_DONTWAIT);
    if (got > 0) {
      out.append(scratch.data(), static_cast<std::size_t>(got));
      return Got::some;
    }
    if (got == 0) return Got::end;
    if (errno == EAGAIN || errno == EWOULDBLOCK) return Got::nothing_yet;
    if (errno != EINTR) return Got::end;
  }
}

bool Socket::write_plain(std::string_view& data) {
  if (!descriptor_.is_open()) return false;
  while (!data.empty()) {
    const ssize_t sent = ::send(descriptor_.native_handle(), data.data(), data.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent >= 0) {
      data.remove_prefix(static_cast<std::size_t>(sent));
      continue;
    }
    if (errno == EAGAIN || errno == EWOULDBLOCK) return true;
    if (errno != EINTR) return false;
  }
  return true;
}

Socket::Socket(const boost::asio::any_io_executor& executor, int fd, std::unique_ptr<TlsSession> tls)
    : descriptor_(executor, fd), tls_(std::move(tls)) {}

Socket::~Socket() = default;

Socket::Got Socket::read_now(std::string& out) {
  if (!tls_) return read_plain(out);
  const std::size_t before = out.size();
  for (;;) {
    std::string ciphertext;
    const Got got = read_plain(ciphertext);
    tls_->received(ciphertext);
    const bool sound = tls_->read(out);
    const bool sent = flush_tls();  // a handshake answers; an alert says why it failed
    if (out.size() != before) return Got::some;
    if (!sound || !sent || got == Got::end) return Got::end;
    if (got == Got::nothing_yet) return Got::nothing_yet;
  }
}

bool Socket::write_now(std::string_view& data) {
  if (!tls_) return write_plain(data);
  while (flush_tls()) {
    if (!unsent_.empty() || data.empty()) return true;
    const std::size_t before = data.size();
    if (!tls_->write(data)) return false;
    if (data.size() == before) return flush_tls();
  }
  return false;
}

/// Gives the kernel what TLS wants to send; what it does not take stays in `unsent_`. False when broken.
bool Socket::flush_tls() {
  tls_->to_send(unsent_);
  std::string_view rest = unsent_;
  const bool sound = write_plain(rest);
  unsent_.erase(0, unsent_.size() - rest.size());
  return sound;
}

Async<bool> Socket::wait_readable() {
  if (!descriptor_.is_open()) co_return false;
  const auto [error] = co_await descriptor_.async_wait(boost::asio::posix::stream_descriptor::wait_read, tuple_awaitable);
  co_return !error;
}

Async<bool> Socket::wait_writable() {
  if (!descriptor_.is_open()) co_return false;
  const auto [error] = co_await descriptor_.async_wait(boost::asio::posix::stream_descriptor::wait_write, tuple_awaitable);
  co_return !error;
}

bool Socket::peer_closed() const {
  if (!descriptor_.is_open()) return true;
  pollfd look{};
  look.fd = const_cast<boost::asio::posix::stream_descriptor&>(descriptor_).native_handle();
  look.events = POLLRDHUP;
  return ::poll(&look, 1, 0) > 0 && (look.revents & (POLLRDHUP | POLLHUP | POLLERR)) != 0;
}

void Socket::end_writing() {
  if (descriptor_.is_open()) ::shutdown(descriptor_.native_handle(), SHUT_WR);
}

void Socket::close() {
  boost::system::error_code ignored;
  descriptor_.close(ignored);
}

}  // namespace drover::http
