#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "base/loop/time.h"
#include "base/rpc/rpc.h"

namespace drover::rpc {

/// What a server knows of a call that arrives.
struct Incoming {
  std::string method;  ///< "/package.Service/Method"
  std::string peer;
};

/// Serves calls of all kinds on one address. The acceptor is told of each call on a thread of gRPC, must not block, and
/// says what happens to it; it starts with call->read(). An unknown method is answered by closing with `unimplemented`.
class Server {
 public:
  using Acceptor = std::function<CallEvents(std::shared_ptr<Call> call, const Incoming& incoming)>;
  struct Options {
    std::string address;     ///< "unix:/path" or "host:port" (port 0: any free one)
    std::optional<Tls> tls;  ///< clients must show a certificate too
    Duration stop_grace = std::chrono::milliseconds(200);  ///< calls still open after that are cancelled
    Duration keepalive{};    ///< pings after so long without traffic; 0 = none
  };

  /// Listens when it returns.
  static Result<std::unique_ptr<Server>> start(Options options, Acceptor acceptor);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  /// Ends all calls. Never on a thread of gRPC.
  ~Server();

  int port() const;  ///< of a TCP address

 private:
  class Impl;
  explicit Server(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace drover::rpc
