#pragma once

#include "agent/agent.h"
#include "api/client_endpoints.h"
#include "base/loop/loop.h"
#include "server/sessions/tunnels.h"

namespace drover::cli {

/// Answers /v1/client/…: by the agent of this process when it is the node, else through a tunnel to the node's agent.
class Clients final : public api::ClientEndpoints {
 public:
  /// `agent` and its loop may be null (a server alone), and so may `tunnels` (a client alone). All outlive this.
  Clients(Loop& http_loop, agent::Agent* agent, Loop* agent_loop, server::Tunnels* tunnels)
      : http_loop_(http_loop), agent_(agent), agent_loop_(agent_loop), tunnels_(tunnels) {}

  std::string local_node() const override;
  Async<http::Response> handle(std::string node_id, http::Request request) override;

 private:
  Async<http::Response> here(http::Request request);
  Async<http::Response> there(std::string node_id, http::Request request);

  Loop& http_loop_;
  agent::Agent* agent_;
  Loop* agent_loop_;
  server::Tunnels* tunnels_;
};

}  // namespace drover::cli
