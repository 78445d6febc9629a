#pragma once

#include <memory>

#include "base/loop/async.h"
#include "base/loop/loop.h"

namespace drover {

/// Wakes coroutines of one loop: the condition variable of single-threaded code. On the loop's thread only.
///
///   while (!ready()) if (!co_await changed_.wait()) co_return;  // false: cancelled
class Signal {
 public:
  explicit Signal(Loop& loop);
  Signal(const Signal&) = delete;
  Signal& operator=(const Signal&) = delete;
  ~Signal();  ///< wakes waiters with false

  /// Wakes all who wait now; they run later, on the loop.
  void notify();
  /// Until the next notify(); false when cancelled.
  Async<bool> wait();
  /// Until the next notify() or `limit` has passed (then true as well: look at your condition); false when cancelled.
  Async<bool> wait_for(Duration limit);

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace drover
