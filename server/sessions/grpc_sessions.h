#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>

#include <drover/result.h>

#include "base/loop/duplex.h"
#include "base/loop/loop.h"
#include "base/loop/scope.h"
#include "base/rpc/rpc.h"
#include "model/fwd.h"
#include "server/sessions/tunnels.h"

namespace drover::rpc {
class Server;
}

namespace drover::server {

/// Takes what agents dial over gRPC (Session, Tunnel, Call of model/proto/session.proto) and hands it to the server as
/// the same links that -dev uses in memory. Lives on the server's loop.
class GrpcSessions {
 public:
  using SessionLink = Duplex<model::ToAgent, model::FromAgent>;

  /// What happens with each kind of call; on the loop.
  struct Handlers {
    std::function<void(std::unique_ptr<SessionLink>)> session;
    std::function<void(std::unique_ptr<TunnelLink>)> tunnel;
    std::function<model::CallResponse(const model::CallRequest&)> call;
  };
  struct Options {
    std::string address;  ///< "host:port"
    std::shared_ptr<const rpc::Tls> tls;  ///< null: plain, for loopback only
  };

  /// Listens when it returns; a taken address is an error that names it. From the thread that makes the role.
  static Result<std::unique_ptr<GrpcSessions>> start(Loop& loop, Options options, Handlers handlers);
  GrpcSessions(const GrpcSessions&) = delete;
  GrpcSessions& operator=(const GrpcSessions&) = delete;
  ~GrpcSessions();

  /// Ends every call; the server itself is told by its links. On the loop, before the destructor.
  Async<void> stop();

 private:
  struct Shared;
  explicit GrpcSessions(std::shared_ptr<Shared> shared);
  std::shared_ptr<Shared> shared_;
  std::unique_ptr<rpc::Server> server_;
};

}  // namespace drover::server
