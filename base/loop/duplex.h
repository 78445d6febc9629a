#pragma once

#include <drover/result.h>

#include "base/loop/async.h"

namespace drover {

/// One end of a two-way stream of messages: ordered, each message once, until one end closes or the link is lost.
///
/// Implementations: in process between two loops (duplex_pair), gRPC streams (base/rpc), and the simulator's, which
/// delays, drops and cuts. Used on the loop of the end that holds it; one receive() at a time.
template <class Out, class In>
class Duplex {
 public:
  virtual ~Duplex() = default;

  /// Queues a message. `exhausted` when the bounded queue is full (the peer does not read: close it), `unavailable`
  /// when the stream has ended. Never blocks.
  virtual Result<void> send(Out message) = 0;

  /// The next message; `unavailable` with the reason when the stream has ended, `cancelled` when the waiter was.
  virtual Async<Result<In>> receive() = 0;

  /// Ends the stream: what was sent before is still delivered, then the other end sees `unavailable` with `reason`.
  virtual void close(std::string reason) = 0;
};

}  // namespace drover
