#include "cli/local_link.h"

#include "base/loop/duplex_pair.h"
#include "model/proto/session.pb.h"
#include "server/sessions/tunnels.h"

namespace drover::cli {

Async<Result<std::unique_ptr<agent::Session>>> LocalLink::dial() {
  auto [ours, theirs] = duplex_pair<model::FromAgent, model::ToAgent>(agent_loop_, server_loop_);
  auto shared = std::make_shared<std::unique_ptr<server::AgentLink>>(std::move(theirs));
  server_loop_.post([this, shared] { server_.accept(std::move(*shared)); });
  co_return std::move(ours);
}

Async<Result<std::unique_ptr<agent::Tunnel>>> LocalLink::open_tunnel() {
  auto [ours, theirs] = duplex_pair<model::TunnelFrame, model::TunnelFrame>(agent_loop_, server_loop_);
  auto shared = std::make_shared<std::unique_ptr<server::TunnelLink>>(std::move(theirs));
  server_loop_.post([this, shared] { server_.tunnels().accept(std::move(*shared)); });
  co_return std::move(ours);
}

Async<Result<model::CallResponse>> LocalLink::call(model::CallRequest request) {
  co_return server_.answer(request);
}

}  // namespace drover::cli
