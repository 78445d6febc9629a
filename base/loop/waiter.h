#pragma once

#include <boost/asio/steady_timer.hpp>

#include "base/loop/loop.h"

namespace drover {

/// A Waiter on an Asio timer; the timer's own expiry is the limit. For the sources of base/loop only.
///
/// Suspended coroutines are always known to the io_context (as a pending timer), so that destroying the context
/// destroys their frames.
class TimerWaiter : public Waiter {
 public:
  explicit TimerWaiter(const Loop::Executor& executor) : timer_(executor) {}

  Async<End> wait(std::optional<Duration> limit) override;
  Async<void> wait_uncancelled() override;
  void wake() override;

 protected:
  /// Starts the clock for a wait of `limit`; elapse() or the timer's expiry ends it.
  virtual void arm(std::optional<Duration> limit);
  virtual void disarm() {}
  /// Ends the wait as elapsed.
  void elapse();

  boost::asio::steady_timer timer_;

 private:
  bool woken_ = false;
  bool elapsed_ = false;
};

}  // namespace drover
