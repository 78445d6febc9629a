#include <catch2/catch.hpp>

#include "base/http/client.h"
#include "base/http/server.h"
#include "base/http/test_server.h"

namespace drover::http {
namespace {

Async<Response> ok(Request request) {
  Response response;
  response.body = text("{}", request.body.size());
  co_return response;
}

TEST_CASE("a body at the limit passes, one byte more gets 413 and the server goes on", "[http]") {
  TestServer server(ok, {.body_max = 1 << 20});
  Client client({.address = server.url()});

  CHECK(client.put("/", std::string(1 << 20, 'a')).value().body == "1048576");
  CHECK(client.put("/", std::string((1 << 20) + 1, 'a')).value().status == 413);
  CHECK(client.put("/", "a").value().status == 200);
}

TEST_CASE("a client that does not wait before sending too much still reads the refusal", "[http]") {
  TestServer server(ok, {.body_max = 1000});
  RawClient client(server);

  client.send("PUT / HTTP/1.1\r\nContent-Length: 3000000\r\n\r\n");
  client.send(std::string(3'000'000, 'a'));

  CHECK(client.read_all().starts_with("HTTP/1.1 413 "));
}

TEST_CASE("a header over the limit gets 431", "[http]") {
  TestServer server(ok);
  RawClient client(server);

  client.send("GET / HTTP/1.1\r\nX: " + std::string(70'000, 'a') + "\r\n\r\n");

  CHECK(client.read_all().starts_with("HTTP/1.1 431 "));
}

TEST_CASE("one connection too many of an address gets 429, and a freed one lets the next in", "[http]") {
  TestServer server(ok, {.connections_per_address_max = 2});
  const std::string get = "GET / HTTP/1.1\r\n\r\n";
  auto first = std::make_unique<RawClient>(server);
  RawClient second(server);
  first->send(get);
  second.send(get);
  first->read_until("\r\n\r\n0");
  second.read_until("\r\n\r\n0");

  RawClient third(server);
  CHECK(third.read_all().starts_with("HTTP/1.1 429 "));

  // The server sees the end of the first some time after we close it.
  first.reset();
  bool served = false;
  for (int attempt = 0; attempt < 1000 && !served; ++attempt) {
    RawClient fourth(server);
    fourth.send(get);
    served = fourth.read_until("\r\n").starts_with("HTTP/1.1 200 ");
  }
  CHECK(served);
}

TEST_CASE("a request that trickles in gets 408", "[http]") {
  const std::string part = GENERATE("GET / HTT", "PUT / HTTP/1.1\r\nContent-Length: 5\r\n\r\nab");
  TestServer server(ok, {.headers_limit = 50ms, .body_limit = 50ms, .sweep_interval = 10ms});
  RawClient client(server);

  client.send(part);

  CHECK(client.read_all().starts_with("HTTP/1.1 408 "));
}

TEST_CASE("an idle connection is closed", "[http]") {
  TestServer server(ok, {.idle_limit = 50ms, .sweep_interval = 10ms});
  RawClient client(server);

  CHECK(client.read_all().empty());
}

TEST_CASE("a client that does not read is cut off", "[http]") {
  TestServer server(
      [](Request) -> Async<Response> {
        Response response;
        response.body = std::string(64u << 20, 'x');
        co_return response;
      },
      {.stall_limit = 50ms, .sweep_interval = 10ms});
  RawClient client(server);
  client.send("GET / HTTP/1.1\r\n\r\n");
  RawClient other(server);
  other.send("GET / HTTP/1.1\r\n\r\n");

  const std::string all = other.read_until("xxx");
  CHECK(all.starts_with("HTTP/1.1 200 "));
  server.stop();  // would hang if a stalled connection were kept
}

TEST_CASE("what is no HTTP gets 400", "[http]") {
  TestServer server(ok);
  RawClient client(server);

  client.send("hello there\r\n\r\n");

  CHECK(client.read_all().starts_with("HTTP/1.1 400 "));
}

}  // namespace
}  // namespace drover::http
