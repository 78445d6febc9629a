#pragma once

#include <drover/result.h>

#include <functional>
#include <memory>
#include <optional>
#include <utility>

#include "base/loop/loop.h"

namespace drover {

namespace detail {

/// A waiter on whatever loop the executor belongs to.
std::unique_ptr<Waiter> waiter_at(const Loop::Executor& executor);
void post_at(const Loop::Executor& executor, std::function<void()> work);
Async<Loop::Executor> this_executor();

template <class T>
struct Call {
  Waiter* caller = nullptr;  ///< null once nobody waits any more
  std::optional<Result<T>> result;
};

/// Marks the call as abandoned when the caller's frame goes, however it goes.
template <class T>
class Caller {
 public:
  Caller(const Loop::Executor& here, std::shared_ptr<Call<T>> call) : waiter_(waiter_at(here)), call_(std::move(call)) {
    call_->caller = waiter_.get();
  }
  Caller(const Caller&) = delete;
  Caller& operator=(const Caller&) = delete;
  ~Caller() { call_->caller = nullptr; }
  Waiter& waiter() { return *waiter_; }

 private:
  std::unique_ptr<Waiter> waiter_;
  std::shared_ptr<Call<T>> call_;
};

}  // namespace detail

template <class T>
using Done = std::function<void(Result<T>)>;

/// Asks something of another loop and waits for the answer on the loop that this coroutine runs on, which outlives the
/// asking. `ask` runs on `there` with a function to be called once, there, with the answer, and with a handle that has
/// expired when nobody waits for it any more. `cancelled` when the caller was.
template <class T>
Async<Result<T>> call(Loop& there, std::function<void(Done<T>, std::weak_ptr<const void>)> ask) {
  const Loop::Executor here = co_await detail::this_executor();
  auto call = std::make_shared<detail::Call<T>>();
  auto wanted = std::make_shared<char>();
  detail::Caller<T> caller(here, call);
  Done<T> done = [here, call](Result<T> result) {
    auto answer = std::make_shared<Result<T>>(std::move(result));
    detail::post_at(here, [call, answer] {
      if (!call->caller) return;
      call->result.emplace(std::move(*answer));
      call->caller->wake();
    });
  };
  there.post([ask = std::move(ask), done = std::move(done), weak = std::weak_ptr<const void>(wanted)] { ask(done, weak); });
  const Waiter::End end = co_await caller.waiter().wait(std::nullopt);
  if (end != Waiter::End::woken) co_return fail(Code::cancelled, "the wait for an answer was cancelled");
  co_return std::move(*call->result);
}

}  // namespace drover
