#include "base/http/request_reader.h"

#include <catch2/catch.hpp>

namespace drover::http {
namespace {

using State = RequestReader::State;

constexpr std::string_view put =
    "PUT /v1/job/a%2Fb/plan?namespace=default&pretty HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello";

TEST_CASE("a request arrives the same however its bytes are cut", "[http]") {
  for (std::size_t step = 1; step <= put.size(); ++step) {
    RequestReader reader({});
    std::string pending;
    State state = State::header;
    for (std::size_t at = 0; at < put.size(); at += step) {
      pending += put.substr(at, step);
      state = reader.feed(pending);
    }
    REQUIRE(state == State::done);
    const Request request = reader.take();
    CHECK(request.method == "PUT");
    CHECK(request.target == "/v1/job/a%2Fb/plan?namespace=default&pretty");
    CHECK(request.path == "/v1/job/a/b/plan");
    CHECK(request.query == Query{{"namespace", "default"}, {"pretty", ""}});
    CHECK(request.headers.get("host") == "x");
    CHECK(request.body == "hello");
  }
}

TEST_CASE("bytes of the next request stay where they are", "[http]") {
  RequestReader reader({});
  std::string pending = std::string(put) + "GET / HTTP/1.1\r\n";

  CHECK(reader.feed(pending) == State::done);
  CHECK(pending == "GET / HTTP/1.1\r\n");
  CHECK(reader.keep_alive());
}

TEST_CASE("a chunked body is joined", "[http]") {
  RequestReader reader({});
  std::string pending = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n";

  REQUIRE(reader.feed(pending) == State::done);
  CHECK(reader.take().body == "abcde");
}

TEST_CASE("a body over the limit is refused with 413 before it has arrived", "[http]") {
  RequestReader reader({.body_max = 10});
  std::string pending = "POST / HTTP/1.1\r\nContent-Length: 11\r\n\r\n";

  CHECK(reader.feed(pending) == State::refused);
  CHECK(reader.refusal_status() == 413);
}

TEST_CASE("a chunked body over the limit is refused with 413", "[http]") {
  RequestReader reader({.body_max = 10});
  std::string pending = "POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n8\r\nabcdefgh\r\n8\r\nabcdefgh\r\n0\r\n\r\n";

  CHECK(reader.feed(pending) == State::refused);
  CHECK(reader.refusal_status() == 413);
}

TEST_CASE("a header over the limit is refused with 431", "[http]") {
  RequestReader reader({.headers_max = 1024});
  std::string pending = "GET / HTTP/1.1\r\nX: " + std::string(2000, 'a') + "\r\n\r\n";

  CHECK(reader.feed(pending) == State::refused);
  CHECK(reader.refusal_status() == 431);
}

TEST_CASE("what is no HTTP is refused with 400", "[http]") {
  const std::string nonsense = GENERATE("\x16\x03\x01\x02\r\n\r\n", "GET\r\n\r\n", "GET / HTTP/9.1\r\n\r\n", "PRI * HTTP/2.0\r\n\r\n",
                                        "GET /%zz HTTP/1.1\r\n\r\n", "GET /a%00b HTTP/1.1\r\n\r\n");
  RequestReader reader({});
  std::string pending = nonsense;

  CHECK(reader.feed(pending) == State::refused);
  CHECK(reader.refusal_status() == 400);
}

TEST_CASE("an absolute target is read as its path", "[http]") {
  RequestReader reader({});
  std::string pending = "GET http://example.com/v1/jobs?stale HTTP/1.1\r\nHost: example.com\r\n\r\n";

  REQUIRE(reader.feed(pending) == State::done);
  CHECK(reader.take().path == "/v1/jobs");
}

TEST_CASE("a client of HTTP/1.0 gets its connection closed", "[http]") {
  RequestReader reader({});
  std::string pending = "GET / HTTP/1.0\r\n\r\n";

  REQUIRE(reader.feed(pending) == State::done);
  CHECK_FALSE(reader.keep_alive());
  CHECK(reader.http_1_0());
}

}  // namespace
}  // namespace drover::http
