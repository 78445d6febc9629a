// The sources of Asio's TLS streams, compiled once.
#include <boost/asio/ssl/impl/src.hpp>
