#include "base/http/fetcher.h"

#include <catch2/catch.hpp>

#include "base/http/test_server.h"
#include "base/loop/real_loop.h"
#include "base/loop/start.h"

namespace drover::http {
namespace {

/// Answers by path: /ok, /flood (without end), /loop (redirects to itself), /away (to a file), /hangs.
Async<Response> answer(Loop* loop, Request request) {
  Response response;
  response.body = request.method + " " + std::string(request.headers.get("X-Ask")) + request.body;
  if (request.path == "/missing") response.status = 404;
  if (request.path == "/loop" || request.path == "/away" || request.path == "/once") {
    response.status = 302;
    response.headers.set("Location", request.path == "/loop" ? "/loop" : request.path == "/away" ? "file:///etc/passwd" : "/ok");
  }
  if (request.path == "/hangs") static_cast<void>(co_await loop->sleep(1h));
  if (request.path == "/flood") {
    response.stream = [](StreamWriter& writer) -> Async<bool> {
      for (;;) {
        const bool written = co_await writer.write(std::string(65536, 'x'));
        if (!written) co_return false;
      }
    };
  }
  co_return response;
}

struct World {
  World() : server([this](Request request) { return answer(&server.loop(), std::move(request)); }) {}
  Result<FetchAnswer> fetch(const std::string& path, const std::function<void(FetchRequest&)>& change = {}) {
    FetchRequest request;
    request.url = server.url() + path;
    if (change) change(request);
    return run<Result<FetchAnswer>>(loop, fetcher.fetch(loop, std::move(request)));
  }
  TestServer server;
  RealLoop loop;
  Fetcher fetcher;
};

}  // namespace

TEST_CASE("a fetch carries method, headers and body, and any status is a value", "[http]") {
  World world;

  CHECK(world.fetch("/ok", [](FetchRequest& r) { r.headers = {{"X-Ask", "a"}}; })->body == "GET a");
  CHECK(world.fetch("/ok", [](FetchRequest& r) { r.method = "POST", r.body = "b"; })->body == "POST b");
  CHECK(world.fetch("/missing")->status == 404);
  CHECK(world.fetch("/once")->body == "GET ");
}

TEST_CASE("an answer without end is read as far as it is kept", "[http]") {
  World world;

  const Result<FetchAnswer> flooded = world.fetch("/flood", [](FetchRequest& r) { r.keep_max = 100; });

  REQUIRE(flooded.ok());
  CHECK(flooded->status == 200);
  CHECK(flooded->body == std::string(100, 'x'));
}

TEST_CASE("redirects end: by their number, and at what is not HTTP", "[http]") {
  World world;

  CHECK(world.fetch("/loop").error().code == Code::unavailable);
  CHECK_FALSE(world.fetch("/away").ok());
  CHECK(world.fetch("/loop", [](FetchRequest& r) { r.redirects_max = 0; })->status == 302);
}

TEST_CASE("who does not answer in time, or is not there, is told apart", "[http]") {
  World world;

  CHECK(world.fetch("/hangs", [](FetchRequest& r) { r.limit = 100ms; }).error().code == Code::timeout);
  CHECK(world.fetch("/hangs", [](FetchRequest& r) { r.connect_only = true; }).ok());
  CHECK(world.fetch("", [](FetchRequest& r) { r.url = "gopher://x"; }).error().code == Code::invalid);
  world.server.stop();
  CHECK(world.fetch("/ok").error().code == Code::unavailable);
  CHECK(world.fetch("/ok", [](FetchRequest& r) { r.connect_only = true; }).error().code == Code::unavailable);
}

}  // namespace drover::http
