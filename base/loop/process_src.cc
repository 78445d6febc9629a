// The sources of Boost.Process v2, compiled once. They use throw_error without including it.
#include <boost/asio/detail/throw_error.hpp>
#include <boost/process/v2/src.hpp>
