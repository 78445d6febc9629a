#pragma once

#include <string>

#include "api/client_endpoints.h"
#include "base/loop/loop.h"
#include "server/sessions/tunnels.h"

namespace drover::server {

/// Client endpoints of any node, also of the one in this process: through the tunnel that its agent opens.
class TunnelEndpoints final : public api::ClientEndpoints {
 public:
  /// `local_node` is the node of this process, "" for none. `loop` is the HTTP server's.
  TunnelEndpoints(Tunnels& tunnels, Loop& loop, std::string local_node)
      : tunnels_(tunnels), loop_(loop), local_node_(std::move(local_node)) {}

  std::string local_node() const override { return local_node_; }
  void set_local_node(std::string node) { local_node_ = std::move(node); }
  Async<http::Response> handle(std::string node_id, http::Request request) override;

 private:
  Tunnels& tunnels_;
  Loop& loop_;
  std::string local_node_;
};

}  // namespace drover::server
