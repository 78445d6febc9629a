#include "api/doors.h"

#include <catch2/catch.hpp>

namespace drover::api {
namespace {

http::Request request(std::string method, std::string_view host) {
  http::Request out;
  out.method = std::move(method);
  out.peer = "127.0.0.1:1";
  out.headers.set("Host", std::string(host));
  return out;
}

const Doors doors{.own_names = {"drover.example"}};

TEST_CASE("the Host must be an address, localhost or an advertised name", "[api]") {
  for (const auto* good : {"127.0.0.1:4646", "127.0.0.1", "[::1]:4646", "10.1.2.3", "localhost:4646", "LOCALHOST", "Drover.Example:80", ""}) {
    CHECK_FALSE(turned_away(request("GET", good), doors));
  }
  for (const auto* bad : {"evil.example", "evil.example:4646", "127.0.0.1.evil.example", "localhost.evil"}) {
    CHECK(turned_away(request("GET", bad), doors));
  }
}

TEST_CASE("on a unix socket the Host does not matter", "[api]") {
  http::Request local = request("GET", "whatever");
  local.peer = "unix";
  CHECK_FALSE(turned_away(local, doors));
}

TEST_CASE("writes of foreign pages are turned away, those of ours and of plain clients are not", "[api]") {
  http::Request write = request("PUT", "localhost:4646");
  CHECK_FALSE(turned_away(write, doors));

  write.headers.set("Origin", "http://localhost:4646");
  CHECK_FALSE(turned_away(write, doors));
  for (const auto* foreign : {"http://evil.example", "null", "http://localhost:8080", "https://localhost"}) {
    write.headers.set("Origin", foreign);
    CHECK(turned_away(write, doors));
  }
}

TEST_CASE("writes that a browser marks as cross-site are turned away", "[api]") {
  http::Request write = request("DELETE", "localhost:4646");
  for (const auto* good : {"same-origin", "none"}) {
    write.headers.set("Sec-Fetch-Site", good);
    CHECK_FALSE(turned_away(write, doors));
  }
  for (const auto* bad : {"cross-site", "same-site"}) {
    write.headers.set("Sec-Fetch-Site", bad);
    CHECK(turned_away(write, doors));
  }
}

TEST_CASE("reads of foreign pages pass, but opening a WebSocket counts as a write", "[api]") {
  http::Request read = request("GET", "localhost:4646");
  read.headers.set("Origin", "http://evil.example");
  CHECK_FALSE(turned_away(read, doors));

  read.headers.set("Upgrade", "websocket");
  CHECK(turned_away(read, doors));
}

}  // namespace
}  // namespace drover::api
