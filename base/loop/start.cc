#include "base/loop/start.h"

#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>

namespace drover {

namespace {

Async<void> without_throwing(Async<void> work) {
  co_await boost::asio::this_coro::throw_if_cancelled(false);
  co_await std::move(work);
}

}  // namespace

void start(Loop& loop, Async<void> work) {
  const Loop::Executor executor = loop.executor();
  boost::asio::post(executor, [executor, work = std::move(work)]() mutable {
    boost::asio::co_spawn(executor, without_throwing(std::move(work)), [](std::exception_ptr exception) {
      if (exception) std::rethrow_exception(exception);  // nothing of ours throws: ends the program
    });
  });
}

}  // namespace drover
