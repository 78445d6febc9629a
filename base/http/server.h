#pragma once

#include <drover/result.h>

#include <cstdint>
#include <memory>
#include <string>

#include "base/http/types.h"
#include "base/loop/loop.h"

namespace drover::http {

/// Files in PEM format for TLS on the TCP address. Without a certificate the address speaks plain HTTP.
struct TlsFiles {
  std::string certificate;  ///< with its chain
  std::string key;
  std::string ca;               ///< of clients
  bool verify_clients = false;  ///< clients must show a certificate of that CA
};

/// Where to listen, and the bounds of what is accepted. 0 means unlimited where that makes sense.
struct ServerOptions {
  std::string address = "127.0.0.1";  ///< an IP address
  std::uint16_t port = 0;             ///< 0: any free port (see Server::port)
  std::string unix_socket;            ///< a path to listen on as well (mode 0600); "" for none
  bool tcp = true;                    ///< false: the unix socket only
  TlsFiles tls;

  std::size_t body_max = 32u << 20;               ///< beyond: 413
  std::size_t headers_max = 64u << 10;            ///< beyond: 431
  std::size_t connections_per_address_max = 100;  ///< beyond: 429, and closed (TCP only); 0: unlimited
  std::size_t connections_max = 50'000;           ///< beyond: closed at once

  Duration headers_limit = 10s;  ///< a request's header must have arrived this long after its first byte
  Duration body_limit = 120s;    ///< and its body this long after the header
  Duration idle_limit = 120s;    ///< a kept-alive connection without a request is closed
  Duration stall_limit = 30s;    ///< a client that takes no byte of the answer for so long is cut off
  Duration stop_limit = 5s;      ///< what answers still being written get when the server stops
  Duration sweep_interval = 250ms;  ///< how often limits are looked at, and parked clients begin to be watched
};

/// An HTTP/1.1 server on one loop: keep-alive, pipelining, chunked streams, gzip.
///
/// Handlers run on the loop's thread, one coroutine a connection. A client that goes away while its request is
/// being answered cancels the handler. A request that is too large, too slow or malformed is refused with a plain text
/// body and the connection closed.
class Server {
 public:
  Server(Loop& loop, Handler handler, ServerOptions options);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  /// Binds and begins to accept. The error names the address, and what to do about a taken port. From any thread,
  /// before or while the loop runs.
  Result<void> start();

  /// The TCP address bound: "127.0.0.1:4646". After start().
  std::string address() const;
  std::uint16_t port() const;

  /// Stops accepting, closes idle connections, cancels waiting handlers, lets answers end within stop_limit; completes
  /// when no connection is left. On the loop.
  Async<void> stop();

  /// Open connections, for metrics. On the loop.
  std::size_t connections() const;

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace drover::http
