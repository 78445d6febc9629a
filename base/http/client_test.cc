#include "base/http/client.h"

#include <catch2/catch.hpp>

#include "base/http/test_server.h"

namespace drover::http {
namespace {

Async<Response> describe(Request request) {
  Response response;
  response.headers.set("X-Nomad-Index", "7");
  if (request.path == "/fails") response.status = 500;
  response.body = text("{} {} {} {}", request.method, request.target, request.headers.get("X-Nomad-Token"), request.body);
  co_return response;
}

TEST_CASE("a request carries method, path, query, headers and body", "[http]") {
  TestServer server(describe);
  ClientOptions options;
  options.address = server.url();
  options.headers.set("X-Nomad-Token", "secret");
  Client client(options);

  const ClientResponse answer = client.put("/v1/job/a%2Fb", "{}", {{"pretty", ""}, {"x", "1 2"}}).value();

  CHECK(answer.body == "PUT /v1/job/a%2Fb?pretty=&x=1%202 secret {}");
  CHECK(answer.status == 200);
  CHECK(answer.headers.get("x-nomad-index") == "7");
  CHECK(client.get("/").value().body == "GET / secret ");
  CHECK(client.remove("/").value().body == "DELETE / secret ");
  CHECK(client.put("/", "").value().body == "PUT / secret ");
}

TEST_CASE("an answer of status 500 is a value", "[http]") {
  TestServer server(describe);
  Client client({.address = server.url()});

  CHECK(client.get("/fails").value().status == 500);
}

TEST_CASE("the body is handed on while it arrives, until the caller has enough", "[http]") {
  TestServer server([](Request) -> Async<Response> {
    Response response;
    response.body = std::string(3'000'000, 'x');
    co_return response;
  });
  Client client({.address = server.url()});
  std::size_t seen = 0;

  const auto all = client.stream({.path = "/"}, [&seen](std::string_view piece) { return (seen += piece.size(), true); });
  CHECK(all.ok());
  CHECK(seen == 3'000'000);

  const auto part = client.stream({.path = "/"}, [](std::string_view) { return false; });
  CHECK(part.ok());
}

TEST_CASE("an agent that is not there is named, with the question that helps", "[http]") {
  std::uint16_t port = 0;
  {
    TestServer gone(describe);
    port = gone.server().port();
  }
  Client client({.address = text("http://127.0.0.1:{}", port)});

  const auto answer = client.get("/");

  REQUIRE_FALSE(answer.ok());
  CHECK(answer.error().code == Code::unavailable);
  CHECK(answer.error().message == text("cannot reach http://127.0.0.1:{}: connection refused; is the agent running?", port));
}

TEST_CASE("a unix socket that is not there and an address that is none are named", "[http]") {
  CHECK(Client({.address = "unix:///nonexistent/x.sock"}).get("/").error().message.find("/nonexistent/x.sock") != std::string::npos);
  CHECK(Client({.address = "gopher://x"}).get("/").error().code == Code::invalid);
}

TEST_CASE("a slow answer ends in a timeout", "[http]") {
  TestServer server([](Request) -> Async<Response> {
    Response response;
    response.stream = [](StreamWriter& writer) -> Async<bool> {
      for (;;) {
        std::string nothing;
        const bool alive = co_await writer.write(std::move(nothing));
        if (!alive) co_return false;
        co_await writer.flush();
        std::string dot = ".";
        co_await writer.write(std::move(dot));
      }
    };
    co_return response;
  });
  Client client({.address = server.url()});

  const auto answer = client.send({.path = "/", .limit = 100ms});

  REQUIRE_FALSE(answer.ok());
  CHECK(answer.error().code == Code::timeout);
}

}  // namespace
}  // namespace drover::http
