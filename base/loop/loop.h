#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "base/loop/async.h"
#include "base/loop/time.h"

namespace drover {

/// Where one coroutine waits until it is woken, or a time has passed. Made by a Loop and used on its thread. What
/// Loop::sleep, Signal and Scope are built from; other code has little use for it.
class Waiter {
 public:
  enum class End : std::uint8_t { woken, elapsed, cancelled };

  virtual ~Waiter() = default;

  /// Until wake(), or until `limit` has passed, or the coroutine is cancelled. One wait at a time.
  virtual Async<End> wait(std::optional<Duration> limit) = 0;
  /// Until wake(); goes on when the coroutine is cancelled: for the clean-up after a cancel.
  virtual Async<void> wait_uncancelled() = 0;
  /// Ends the wait, also one that begins later.
  virtual void wake() = 0;
};

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

  /// A place to wait at; see Waiter.
  virtual std::unique_ptr<Waiter> make_waiter() = 0;
};

}  // namespace drover
