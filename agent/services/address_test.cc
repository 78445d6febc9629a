#include "agent/services/address.h"

#include <catch2/catch.hpp>

namespace drover::agent {
namespace {

Reach host_with_port() { return {{{"http", 25000, 8000, "10.0.0.1"}}, "10.0.0.1", std::nullopt}; }

Reach with_driver(bool advertised) {
  Reach reach = host_with_port();
  reach.driver = NetworkOverride{{{"metrics", 9100}}, "172.17.0.2", advertised};
  return reach;
}

}  // namespace

TEST_CASE("a port of the group is reached at the host's address and port", "[agent]") {
  CHECK(find_endpoint("auto", "", "http", host_with_port()).value() == Endpoint{"10.0.0.1", 25000});
  CHECK(find_endpoint("", "", "http", with_driver(false)).value() == Endpoint{"10.0.0.1", 25000});
  CHECK(find_endpoint("host", "", "", host_with_port()).value() == Endpoint{"10.0.0.1", 0});
}

TEST_CASE("a driver that advertises its address is preferred, and may be asked for", "[agent]") {
  CHECK(find_endpoint("auto", "", "http", with_driver(true)).value() == Endpoint{"172.17.0.2", 8000});
  CHECK(find_endpoint("driver", "", "metrics", with_driver(false)).value() == Endpoint{"172.17.0.2", 9100});
  CHECK(find_endpoint("driver", "", "80", with_driver(false)).value() == Endpoint{"172.17.0.2", 80});
  CHECK_FALSE(find_endpoint("driver", "", "http", host_with_port()).ok());
}

TEST_CASE("an address of its own is taken as it is, with the port that is named", "[agent]") {
  CHECK(find_endpoint("auto", "api.example", "http", host_with_port()).value() == Endpoint{"api.example", 25000});
  CHECK(find_endpoint("auto", "api.example", "443", host_with_port()).value() == Endpoint{"api.example", 443});
  CHECK_FALSE(find_endpoint("host", "api.example", "443", host_with_port()).ok());
}

TEST_CASE("what cannot be is named", "[agent]") {
  CHECK(find_endpoint("host", "", "nope", host_with_port()).error().message ==
        "port \"nope\" is neither a port of the group's network nor a number");
  CHECK_FALSE(find_endpoint("host", "", "70000", host_with_port()).ok());
  CHECK_FALSE(find_endpoint("alloc", "", "http", host_with_port()).ok());
}

TEST_CASE("an IPv6 address stands in brackets", "[agent]") {
  CHECK(host_and_port({"10.0.0.1", 80}) == "10.0.0.1:80");
  CHECK(host_and_port({"::1", 80}) == "[::1]:80");
}

}  // namespace drover::agent
