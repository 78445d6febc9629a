#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <drover/result.h>

#include "base/loop/async.h"
#include "base/loop/duplex.h"
#include "base/loop/loop.h"
#include "base/loop/random.h"
#include "model/fwd.h"

namespace drover::server {

/// An HTTP-like request for the agent of a node.
struct TunnelRequest {
  std::string method = "GET";
  std::string path;  ///< e.g. /v1/client/fs/logs/<alloc>
  std::vector<std::pair<std::string, std::string>> query;
  std::vector<std::pair<std::string, std::string>> headers;
  std::string body;           ///< at most `tunnel_request_max`
  bool streams_body = false;  ///< more of the body follows by write()
};
constexpr std::size_t tunnel_request_max = 1 << 20;

/// The agent's answer: its head, then the body piece by piece. Used on the loop of the one who asked.
class TunnelAnswer {
 public:
  virtual ~TunnelAnswer() = default;
  virtual int status() const = 0;
  virtual const std::vector<std::pair<std::string, std::string>>& headers() const = 0;
  /// The next piece; an empty one is the end. `unavailable` when the agent or its link went away in the middle.
  virtual Async<Result<std::string>> read() = 0;
  /// Sends a piece of the request's body after the head (exec, port-forward); empty ends it.
  virtual Async<Result<void>> write(std::string piece) = 0;
  /// When the status is 101 it is a websocket instead: messages and at last a close, either way.
  struct SocketEvent {
    std::string message;
    bool closes = false;
    int code = 0;
    std::string reason;
  };
  virtual Async<Result<SocketEvent>> receive() = 0;
  virtual Async<Result<void>> send(SocketEvent event) = 0;
  /// The reader has gone: the agent is told to stop.
  virtual void cancel() = 0;
};

using TunnelLink = Duplex<model::TunnelFrame, model::TunnelFrame>;

/// Opens requests to agents. The server asks on the node's session; the agent dials back with a Tunnel stream whose
/// first frame names the request.
class Tunnels {
 public:
  virtual ~Tunnels() = default;

  /// `not_found`: the node has no session ("No path to node"); `timeout`: the agent did not dial back in
  /// `tunnel_dial_max`. Any thread; `on` is the loop that asks: the answer is used there, and dropped before the
  /// server stops.
  virtual Async<Result<std::unique_ptr<TunnelAnswer>>> open(Uuid node, TunnelRequest request, Loop& on) = 0;

  /// A Tunnel stream that an agent has dialled: its first frame is `accept`. On the server's loop.
  virtual void accept(std::unique_ptr<TunnelLink> link) = 0;
};
constexpr auto tunnel_dial_max = std::chrono::seconds(10);

}  // namespace drover::server
