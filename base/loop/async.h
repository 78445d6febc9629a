#pragma once

#include <boost/asio/any_io_executor.hpp>
#include <boost/asio/awaitable.hpp>

namespace drover {

/// A coroutine on a Loop. Rules (docs/architecture.md): parameters are values; a statement with co_await makes no
/// temporary of aggregate or lambda type; no co_await in a capturing lambda; cancelling never throws.
template <class T = void>
using Async = boost::asio::awaitable<T, boost::asio::any_io_executor>;

/// Whether the coroutine that awaits this has been cancelled (its Scope is stopping). A cancel that comes between two
/// waits interrupts neither: what awaits Asio's operations directly looks here first. Sleep, Signal and Duplex do.
Async<bool> is_cancelled();

}  // namespace drover
