#include "base/loop/async.h"

#include <boost/asio/this_coro.hpp>

namespace drover {

Async<bool> is_cancelled() {
  const boost::asio::cancellation_state state = co_await boost::asio::this_coro::cancellation_state;
  co_return state.cancelled() != boost::asio::cancellation_type::none;
}

}  // namespace drover
