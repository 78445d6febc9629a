#pragma once

#include <drover/result.h>

#include <functional>
#include <memory>
#include <optional>

#include "base/loop/real_loop.h"
#include "base/loop/virtual_loop.h"

/// From plain code into coroutines: for main, tests and edges. Inside a role, spawn into a Scope instead.
namespace drover {

/// Runs a coroutine to its end with no owner; it starts when the loop comes round to it. From any thread.
void start(Loop& loop, Async<void> work);

namespace detail {
template <class T>
Async<void> deliver(Async<T> work, std::function<void(T)> done) {
  T result = co_await std::move(work);
  done(std::move(result));
}

template <class T>
Async<void> deliver_void(Async<void> work, std::function<void()> done) {
  co_await std::move(work);
  done();
}
}  // namespace detail

/// As start; `done` gets the result, on the loop.
template <class T>
void start(Loop& loop, Async<T> work, std::function<void(T)> done) {
  start(loop, detail::deliver<T>(std::move(work), std::move(done)));
}

/// Runs the loop on this thread until `work` has ended, and returns its result:
/// `int main() { RealLoop loop; return run(loop, serve(loop)); }`
template <class T>
T run(RealLoop& loop, Async<T> work) {
  std::optional<T> result;
  const std::shared_ptr<void> guard = loop.keep_running();
  std::function<void(T)> done = [&result, &loop](T value) {
    result.emplace(std::move(value));
    loop.stop();
  };
  start<T>(loop, std::move(work), std::move(done));
  loop.run();
  DROVER_ASSERT(result.has_value());  // somebody else stopped the loop
  return std::move(*result);
}

/// Lets virtual time pass until `work` has ended; aborts when that takes longer than `limit`.
template <class T>
T run(VirtualTime& time, VirtualLoop& loop, Async<T> work, Duration limit = std::chrono::hours(24)) {
  auto result = std::make_shared<std::optional<T>>();
  std::function<void(T)> done = [result](T value) { result->emplace(std::move(value)); };
  start<T>(loop, std::move(work), std::move(done));
  const bool ended = time.run_until([&result] { return result->has_value(); }, limit);
  DROVER_ASSERT(ended);
  return std::move(**result);
}

/// The same for a coroutine without a result.
inline void run(VirtualTime& time, VirtualLoop& loop, Async<void> work, Duration limit = std::chrono::hours(24)) {
  auto ended = std::make_shared<bool>(false);
  std::function<void()> done = [ended] { *ended = true; };
  start(loop, detail::deliver_void<void>(std::move(work), std::move(done)));
  const bool in_time = time.run_until([&ended] { return *ended; }, limit);
  DROVER_ASSERT(in_time);
}

}  // namespace drover
