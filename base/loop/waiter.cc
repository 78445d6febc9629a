#include "base/loop/waiter.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace drover {

namespace asio = boost::asio;

namespace {
constexpr asio::use_awaitable_t<Loop::Executor> use_async{};
}

Async<Waiter::End> TimerWaiter::wait(std::optional<Duration> limit) {
  if (woken_) co_return End::woken;
  const bool cancelled = co_await is_cancelled();
  if (cancelled) co_return End::cancelled;

  elapsed_ = false;
  arm(limit);
  const auto [error] = co_await timer_.async_wait(asio::as_tuple(use_async));
  disarm();
  if (woken_) co_return End::woken;
  co_return !error || elapsed_ ? End::elapsed : End::cancelled;
}

Async<void> TimerWaiter::wait_uncancelled() {
  while (!woken_) {
    arm(std::nullopt);
    co_await timer_.async_wait(asio::bind_cancellation_slot(asio::cancellation_slot(), asio::as_tuple(use_async)));
    disarm();
  }
}

void TimerWaiter::wake() {
  woken_ = true;
  timer_.cancel();
}

void TimerWaiter::arm(std::optional<Duration> limit) {
  if (limit) {
    timer_.expires_after(std::chrono::duration_cast<std::chrono::steady_clock::duration>(*limit));
  } else {
    timer_.expires_at(std::chrono::steady_clock::time_point::max());
  }
}

void TimerWaiter::elapse() {
  elapsed_ = true;
  timer_.cancel();
}

}  // namespace drover
