#include "api/route.h"

#include <catch2/catch.hpp>

#include "api/answer.h"
#include "base/loop/start.h"

namespace drover::api {
namespace {

RouteHandler saying(std::string name) {
  return [name](Call call) -> Async<http::Response> {
    std::string out = name;
    for (const std::string& capture : call.captures) out += " " + capture;
    http::Response response = json(out);
    return [](http::Response ready) -> Async<http::Response> { co_return ready; }(std::move(response));
  };
}

/// Allows all but "forbidden", and remembers what it was asked.
class Guard final : public Authorizer {
 public:
  Result<void> allow(std::string_view token, std::string_view capability, std::string_view ns) override {
    asked = std::string(token) + " " + std::string(capability) + " " + std::string(ns);
    if (token == "forbidden") return fail(Code::denied, "Permission denied");
    return {};
  }
  std::string asked;
};

std::vector<Route> routes() {
  return {
      {.methods = "GET", .path = "/v1/jobs", .capability = "list-jobs", .handler = saying("jobs")},
      {.methods = "PUT|POST", .path = "/v1/jobs", .capability = "submit-job", .handler = saying("register")},
      {.methods = "GET", .path = "/v1/job/{id}", .capability = "", .handler = saying("job")},
      {.methods = "GET", .path = "/v1/job/{id}/summary", .capability = "", .handler = saying("summary")},
      {.methods = "DELETE", .path = "/v1/job/{id}/versions/{tag}/tag", .capability = "", .handler = saying("untag")},
      {.methods = "GET", .path = "/v1/agent/self", .capability = "", .looks = Looks::nothing, .handler = saying("self")},
      {.methods = "GET", .path = "/v1/regions", .capability = "", .looks = Looks::common, .handler = saying("regions")},
  };
}

struct Fixture {
  http::Response ask(std::string method, std::string_view target, http::Headers headers = {}) {
    http::Request request;
    request.method = std::move(method);
    request.target = std::string(target);
    request.path = std::string(target.substr(0, target.find('?')));
    if (target.find('?') != std::string_view::npos) request.query = http::parse_query(target.substr(target.find('?') + 1));
    request.headers = std::move(headers);
    return run(loop, api.handle(std::move(request)));
  }

  RealLoop loop;
  Guard guard;
  Api api{routes(), guard, {.headers = {{"X-Extra", "1"}}}};
};

TEST_CASE("patterns with holes take ids with slashes, and the ending decides", "[api]") {
  using Captures = std::vector<std::string>;
  CHECK(match("/v1/job/{id}", "/v1/job/a/b") == Captures{"a/b"});
  CHECK(match("/v1/job/{id}/summary", "/v1/job/a/b/summary") == Captures{"a/b"});
  CHECK(match("/v1/job/{id}/summary", "/v1/job/summary/summary") == Captures{"summary"});
  CHECK(match("/v1/job/{id}/summary", "/v1/job/summary") == std::nullopt);
  CHECK(match("/v1/job/{id}/summary", "/v1/job/a/summary/x") == std::nullopt);
  CHECK(match("/v1/job/{id}/versions/{tag}/tag", "/v1/job/a/b/versions/t/u/tag") == Captures{"a/b", "t/u"});
  CHECK(match("/v1/jobs", "/v1/jobs/") == std::nullopt);
  CHECK(match("/v1/job/{id}", "/v1/job/") == Captures{""});
}

TEST_CASE("the row with most literal text answers", "[api]") {
  Fixture f;
  CHECK(f.ask("GET", "/v1/job/a/b/summary").body == "summary a/b");
  CHECK(f.ask("GET", "/v1/job/summary").body == "job summary");
  CHECK(f.ask("GET", "/v1/job/a/sum").body == "job a/sum");
  CHECK(f.ask("DELETE", "/v1/job/a/versions/v1/tag").body == "untag a v1");
  CHECK(f.ask("POST", "/v1/jobs").body == "register");
}

TEST_CASE("a wrong method is 405 and an unknown path 404 without a body", "[api]") {
  Fixture f;
  const http::Response wrong = f.ask("DELETE", "/v1/jobs");
  CHECK(wrong.status == 405);
  CHECK(wrong.body == "Invalid method");
  CHECK(f.ask("HEAD", "/v1/jobs").status == 405);
  const http::Response unknown = f.ask("GET", "/v2/jobs");
  CHECK(unknown.status == 404);
  CHECK(unknown.body.empty());
  CHECK(f.ask("GET", "/v1/job/a/versions/v1/tag").status == 405);
}

TEST_CASE("a path with empty elements is redirected to the one without", "[api]") {
  Fixture f;
  const http::Response response = f.ask("GET", "/v1//jobs?prefix=a//b");
  CHECK(response.status == 307);
  CHECK(response.headers.get("Location") == "/v1/jobs?prefix=a//b");
}

TEST_CASE("common parameters are looked at as the route says", "[api]") {
  Fixture f;
  CHECK(f.ask("GET", "/v1/jobs?index=abc").status == 400);
  CHECK(f.ask("GET", "/v1/jobs?index=abc").body == "Invalid index");
  CHECK(f.ask("GET", "/v1/jobs?region=nowhere").body == "No path to region");
  CHECK(f.ask("PUT", "/v1/jobs?region=nowhere").status == 500);
  CHECK(f.ask("GET", "/v1/jobs?region=global").status == 200);
  CHECK(f.ask("GET", "/v1/regions?region=nowhere").status == 200);
  CHECK(f.ask("GET", "/v1/regions?stale=maybe").status == 400);
  CHECK(f.ask("GET", "/v1/agent/self?stale=maybe&index=x&region=nowhere").status == 200);
}

TEST_CASE("every route with a capability asks whether the token may", "[api]") {
  Fixture f;
  http::Headers headers;
  headers.set("X-Nomad-Token", "mine");
  f.ask("GET", "/v1/jobs?namespace=prod", headers);
  CHECK(f.guard.asked == "mine list-jobs prod");

  http::Headers bearer;
  bearer.set("Authorization", "bEaReR forbidden");
  const http::Response denied = f.ask("PUT", "/v1/jobs", bearer);
  CHECK(denied.status == 403);
  CHECK(denied.body == "Permission denied");

  http::Headers basic;
  basic.set("Authorization", "Basic abc");
  f.ask("GET", "/v1/jobs", basic);
  CHECK(f.guard.asked == " list-jobs default");
}

TEST_CASE("doors stand before everything, and configured headers are on every answer", "[api]") {
  Fixture f;
  http::Headers headers;
  headers.set("Host", "evil.example");
  const http::Response away = f.ask("GET", "/v1/jobs", headers);
  CHECK(away.status == 403);
  CHECK(away.headers.get("X-Extra") == "1");
}

}  // namespace
}  // namespace drover::api
