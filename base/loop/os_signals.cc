#include "base/loop/os_signals.h"

#include <boost/asio/as_tuple.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/this_coro.hpp>
#include <boost/asio/use_awaitable.hpp>

namespace drover {

struct OsSignals::Set {
  boost::asio::signal_set signals;
};

OsSignals::OsSignals(Loop& loop, const std::vector<int>& signals) : set_(new Set{boost::asio::signal_set(loop.executor())}) {
  for (const int signal : signals) {
    boost::system::error_code ignored;  // a number that is no signal never arrives
    set_->signals.add(signal, ignored);
  }
}

OsSignals::~OsSignals() = default;

Async<int> OsSignals::next() {
  const bool cancelled = co_await is_cancelled();
  if (cancelled) co_return 0;
  const auto [error, signal] = co_await set_->signals.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable_t<Loop::Executor>()));
  co_return error ? 0 : signal;
}

Async<int> wait_for_os_signal(std::vector<int> signals) {
  const Loop::Executor executor = co_await boost::asio::this_coro::executor;
  boost::asio::signal_set set(executor);
  for (const int signal : signals) {
    boost::system::error_code ignored;  // a number that is no signal never arrives
    set.add(signal, ignored);
  }
  const bool cancelled = co_await is_cancelled();
  if (cancelled) co_return 0;
  const auto [error, signal] = co_await set.async_wait(boost::asio::as_tuple(boost::asio::use_awaitable_t<Loop::Executor>()));
  co_return error ? 0 : signal;
}

}  // namespace drover
