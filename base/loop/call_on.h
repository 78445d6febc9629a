#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "base/loop/loop.h"
#include "base/loop/signal.h"
#include "base/loop/start.h"

namespace drover {

/// Runs `make()` on another loop and comes back to this one with its result; nothing when the caller was cancelled
/// meanwhile (the work then still runs to its end, its result is dropped).
///
/// `here` is the caller's loop. Both loops outlive the call. `make` is called on `there` and owns what it reads.
template <class T>
Async<std::optional<T>> call_on(Loop& there, Loop& here, std::function<Async<T>()> make) {
  struct Call {
    explicit Call(Loop& loop) : home(loop), done(loop) {}
    Loop& home;
    std::optional<T> result;
    Signal done;
  };
  auto call = std::make_shared<Call>(here);
  there.post([call, make = std::move(make), &there] {
    std::function<void(T)> finish = [call](T value) {
      auto result = std::make_shared<T>(std::move(value));
      Loop& home = call->home;
      home.post([call, result] {
        call->result.emplace(std::move(*result));
        call->done.notify();
      });
    };
    start<T>(there, make(), std::move(finish));
  });
  while (!call->result) {
    const bool woken = co_await call->done.wait();
    if (!woken) co_return std::nullopt;
  }
  co_return std::move(call->result);
}

}  // namespace drover
