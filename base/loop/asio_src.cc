// Asio's own sources, compiled once.
#include <boost/asio/impl/src.hpp>
