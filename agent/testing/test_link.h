#pragma once

#include <deque>
#include <memory>
#include <string>

#include "agent/server_link.h"
#include "base/loop/duplex_pair.h"
#include "base/loop/virtual_loop.h"
#include "model/proto/session.pb.h"

namespace drover::agent {

using ServerSession = Duplex<model::ToAgent, model::FromAgent>;
using ServerTunnel = Duplex<model::TunnelFrame, model::TunnelFrame>;

/// A ServerLink whose other ends a test holds; sessions and tunnels are in-process pairs.
class TestLink final : public ServerLink {
 public:
  TestLink(Loop& agent_loop, Loop& server_loop) : agent_loop_(agent_loop), server_loop_(server_loop) {}

  Async<Result<std::unique_ptr<Session>>> dial() override {
    ++dials;
    if (refuses) co_return fail(Code::unavailable, "connection refused");
    auto pair = duplex_pair<model::FromAgent, model::ToAgent>(agent_loop_, server_loop_);
    sessions.push_back(std::move(pair.second));
    co_return std::move(pair.first);
  }
  Async<Result<std::unique_ptr<Tunnel>>> open_tunnel() override {
    if (refuses) co_return fail(Code::unavailable, "connection refused");
    auto pair = duplex_pair<model::TunnelFrame, model::TunnelFrame>(agent_loop_, server_loop_);
    tunnels.push_back(std::move(pair.second));
    co_return std::move(pair.first);
  }
  Async<Result<model::CallResponse>> call(model::CallRequest) override {
    co_return fail(Code::unsupported, "not supported yet");
  }
  void use_servers(std::vector<std::string> addresses) override { servers = std::move(addresses); }

  bool refuses = false;
  int dials = 0;
  std::deque<std::unique_ptr<ServerSession>> sessions;  ///< the server's ends, newest last
  std::deque<std::unique_ptr<ServerTunnel>> tunnels;
  std::vector<std::string> servers;

 private:
  Loop& agent_loop_;
  Loop& server_loop_;
};

}  // namespace drover::agent
