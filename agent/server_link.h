#pragma once

#include <memory>
#include <string>
#include <vector>

#include <drover/result.h>

#include "base/loop/async.h"
#include "base/loop/duplex.h"
#include "model/fwd.h"

namespace drover::agent {

using Session = Duplex<model::FromAgent, model::ToAgent>;
using Tunnel = Duplex<model::TunnelFrame, model::TunnelFrame>;

/// The way from an agent to its servers: in process in -dev, gRPC otherwise, the simulator's net in tests.
/// The agent dials everything (model/proto/session.proto). On the agent's loop only.
class ServerLink {
 public:
  virtual ~ServerLink() = default;

  /// Opens the session to a server, another one after a failure. `unavailable` when none answers, within its own
  /// deadline. Whoever asks waits between two tries.
  virtual Async<Result<std::unique_ptr<Session>>> dial() = 0;

  /// Opens the stream that answers an OpenTunnel of the current session's server. The caller sends `accept` first.
  virtual Async<Result<std::unique_ptr<Tunnel>>> open_tunnel() = 0;

  /// A unary request.
  virtual Async<Result<model::CallResponse>> call(model::CallRequest request) = 0;

  /// The servers to try from now on, as a Welcome named them.
  virtual void use_servers(std::vector<std::string> addresses) = 0;
};

}  // namespace drover::agent
