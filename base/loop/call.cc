#include "base/loop/call.h"

#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

#include "base/loop/waiter.h"

namespace drover::detail {

std::unique_ptr<Waiter> waiter_at(const Loop::Executor& executor) { return std::make_unique<TimerWaiter>(executor); }

void post_at(const Loop::Executor& executor, std::function<void()> work) { boost::asio::post(executor, std::move(work)); }

Async<Loop::Executor> this_executor() { co_return co_await boost::asio::this_coro::executor; }

}  // namespace drover::detail
