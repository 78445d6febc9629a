#pragma once

#include <cstddef>
#include <functional>
#include <memory>

#include "base/loop/async.h"
#include "base/loop/loop.h"

namespace drover {

/// Owns the background coroutines of one object, so that none outlives it.
///
/// stop() cancels them all and completes when every frame has ended; the destructor asserts that none is left (unless
/// the loop itself was destroyed under them, as the simulator does to crash a role). Declare it last in its owner.
/// Inside, cancelling does not throw: a cancelled wait returns Code::cancelled or false. On the loop's thread only.
class Scope {
 public:
  explicit Scope(Loop& loop);
  Scope(const Scope&) = delete;
  Scope& operator=(const Scope&) = delete;
  ~Scope();

  /// Starts a coroutine; it first runs when the loop comes round to it. After stop() began, it is dropped unstarted.
  void spawn(Async<void> work);
  /// As spawn; the returned function cancels only this coroutine (harmless when it has ended).
  std::function<void()> spawn_cancellable(Async<void> work);

  /// Asks all to end, without waiting.
  void cancel();
  /// Cancels, and waits until every frame has ended. May be awaited once.
  Async<void> stop();

  std::size_t size() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace drover
