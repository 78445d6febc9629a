#pragma once

#include <drover/result.h>

#include <boost/asio/posix/stream_descriptor.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/loop/async.h"

namespace drover::http {

class TlsSession;

/// A bound, listening, non-blocking socket and what it is bound to.
struct Listening {
  int fd = -1;
  std::string address;  ///< "127.0.0.1:4646" or the path
  std::uint16_t port = 0;
};

/// Binds an IP address; port 0 takes any. The error says what stands in the way and what to do.
Result<Listening> listen_tcp(const std::string& address, std::uint16_t port);
/// Binds a unix socket (mode 0600). A left-over socket nobody listens on is replaced.
Result<Listening> listen_unix(const std::string& path);

/// A connection accepted from `listening_fd`; -1 with errno when none is waiting. `peer_ip` is "" for unix sockets.
int accept_connection(int listening_fd, std::string& peer_ip, std::string& peer);

/// A connected stream socket (TCP or unix) on a loop. Reads and writes what the kernel takes at once and waits for
/// readiness only in between, so that an idle connection holds no buffer. On the loop's thread.
class Socket {
 public:
  Socket(const boost::asio::any_io_executor& executor, int fd) : descriptor_(executor, fd) {}
  /// The same with TLS inside.
  Socket(const boost::asio::any_io_executor& executor, int fd, std::unique_ptr<TlsSession> tls);
  ~Socket();

  enum class Got { some, nothing_yet, end };
  /// Appends what has arrived to `out` (at most a scratch buffer's worth), without waiting.
  Got read_now(std::string& out);
  /// Takes what the kernel accepts now from the front of `data`; false when the connection is broken.
  bool write_now(std::string_view& data);
  /// Whether all that was taken has been given to the kernel; else write_now (also of nothing) goes on.
  bool flushed() const { return unsent_.empty(); }

  /// False when cancelled or closed.
  Async<bool> wait_readable();
  Async<bool> wait_writable();

  /// Calls back once when there is something to read, or the socket is closed.
  template <class Callback>
  void when_readable(Callback callback) {
    descriptor_.async_wait(boost::asio::posix::stream_descriptor::wait_read, std::move(callback));
  }

  /// True when the peer has closed its side, whatever is still unread.
  bool peer_closed() const;
  /// Tells the peer that no more comes.
  void end_writing();
  void close();

 private:
  Got read_plain(std::string& out);
  bool write_plain(std::string_view& data);
  bool flush_tls();

  boost::asio::posix::stream_descriptor descriptor_;
  std::unique_ptr<TlsSession> tls_;
  std::string unsent_;  // ciphertext
};

}  // namespace drover::http
