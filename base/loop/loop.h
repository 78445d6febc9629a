#pragma once

#include <functional>

#include "base/loop/async.h"
#include "base/loop/time.h"

namespace drover {

/// The one thread of a role (server, agent, HTTP): runs what is posted to it, in order, and tells the time.
///
/// Two implementations: RealLoop (an Asio io_context on the calling thread, the machine's clocks) and VirtualLoop
/// (tests and the simulator: time moves only when it is told to). All state of a role is touched on its loop only.
class Loop {
 public:
  using Executor = boost::asio::any_io_executor;

  virtual ~Loop() = default;

  /// Where coroutines of this loop run.
  virtual Executor executor() = 0;

  /// The wall clock. May jump; use it for stamps, not for measuring.
  virtual Instant now() const = 0;

  /// Time since an arbitrary start that never jumps: for timeouts and ages.
  virtual Duration uptime() const = 0;

  /// Runs `work` on the loop, after what was posted before. From any thread.
  virtual void post(std::function<void()> work) = 0;

  /// Completes after `delay` of uptime; false when it was cancelled before. On the loop only.
  virtual Async<bool> sleep(Duration delay) = 0;
};

}  // namespace drover
