#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "base/loop/async.h"
#include "base/loop/loop.h"
#include "base/rpc/rpc.h"

namespace drover::rpc {

struct CallOptions {
  Duration deadline{};         ///< from now; 0 = none (waits and streams only)
  bool wait_for_ready = false; ///< keep trying to connect until the deadline instead of failing at once
};

struct Reply {
  Status status;
  std::string body;
};

/// A connection to one server, made when first used and again when it broke. Thread-safe. The destructor cancels the
/// calls in flight and waits for them, so the loops they complete on must outlive the channel.
class Channel {
 public:
  struct Options {
    std::optional<Tls> tls;
    /// A dead peer is noticed by silence: pings after `keepalive` without traffic. 0 = none (local plugins forbid them).
    Duration keepalive{};
  };

  /// `target`: "unix:/path" or "host:port". Nothing is dialled yet.
  Channel(const std::string& target, const Options& options);
  Channel(const Channel&) = delete;
  Channel& operator=(const Channel&) = delete;
  ~Channel();

  /// One request, one reply. Cancelling the waiter cancels the call, whose status is then `cancelled`.
  Async<Reply> call(Loop& loop, std::string method, std::string request, CallOptions options);

  /// A stream of any kind. `events` is told what happens until `ended`.
  std::shared_ptr<Call> open(const std::string& method, CallEvents events, CallOptions options = {});

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// The call of one typed method: serialises, calls, parses. Messages are protobuf's, lite or not.
template <class Response, class Request>
Async<std::pair<Status, Response>> call(Channel& channel, Loop& loop, std::string method, Request request,
                                        CallOptions options) {
  Reply reply = co_await channel.call(loop, std::move(method), request.SerializeAsString(), options);
  std::pair<Status, Response> result(std::move(reply.status), Response());
  if (result.first.ok() && !result.second.ParseFromString(reply.body)) {
    result.first = Status{StatusCode::internal, "the reply cannot be parsed", {}};
  }
  co_return result;
}

}  // namespace drover::rpc
