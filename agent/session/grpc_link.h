#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agent/server_link.h"
#include "base/loop/loop.h"
#include "base/rpc/rpc.h"

namespace drover::rpc {
class Channel;
}

namespace drover::agent {

/// The way to the servers over gRPC. Each dial takes the next server of the list; tunnels and calls go to the server of
/// the current session.
class GrpcLink final : public ServerLink {
 public:
  /// `servers` are "host:port", at least one. Without `tls` the connection is plain, for loopback only.
  GrpcLink(Loop& loop, std::vector<std::string> servers, std::shared_ptr<const rpc::Tls> tls);
  ~GrpcLink() override;

  Async<Result<std::unique_ptr<Session>>> dial() override;
  Async<Result<std::unique_ptr<Tunnel>>> open_tunnel() override;
  Async<Result<model::CallResponse>> call(model::CallRequest request) override;
  void use_servers(std::vector<std::string> addresses) override;

 private:
  Loop& loop_;
  std::vector<std::string> servers_;
  std::size_t next_ = 0;
  std::shared_ptr<const rpc::Tls> tls_;
  std::shared_ptr<rpc::Channel> channel_;
};

}  // namespace drover::agent
