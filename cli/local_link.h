#pragma once

#include "agent/server_link.h"
#include "server/server.h"

namespace drover::cli {

/// The way from an agent to the server in the same process: the messages of the network, over pairs in memory.
class LocalLink final : public agent::ServerLink {
 public:
  /// Both loops and the server outlive this.
  LocalLink(Loop& agent_loop, Loop& server_loop, server::Server& server)
      : agent_loop_(agent_loop), server_loop_(server_loop), server_(server) {}

  Async<Result<std::unique_ptr<agent::Session>>> dial() override;
  Async<Result<std::unique_ptr<agent::Tunnel>>> open_tunnel() override;
  Async<Result<model::CallResponse>> call(model::CallRequest request) override;
  void use_servers(std::vector<std::string>) override {}

 private:
  Loop& agent_loop_;
  Loop& server_loop_;
  server::Server& server_;
};

}  // namespace drover::cli
