#include "api/answer.h"

#include <catch2/catch.hpp>

#include "base/loop/start.h"

namespace drover::api {
namespace {

/// Collects a streamed body.
class Collector final : public http::StreamWriter {
 public:
  Async<bool> write(std::string chunk) override {
    largest = std::max(largest, chunk.size());
    body += chunk;
    co_return true;
  }
  Async<bool> flush() override { co_return true; }

  std::string body;
  std::size_t largest = 0;
};

void append_number(std::string& out, std::size_t i) { out += std::to_string(i); }

std::string numbers(std::size_t count) {
  std::string out = "[";
  for (std::size_t i = 0; i < count; ++i) out += (i ? "," : "") + std::to_string(i);
  return out + "]";
}

TEST_CASE("a short list is sent whole, and an empty one is []", "[api]") {
  CHECK(list(0, append_number).body == "[]");
  CHECK(list(3, append_number).body == "[0,1,2]");
  CHECK_FALSE(list(3, append_number).stream);
  CHECK(list(2, append_number, true).body == "[\n    0,\n    1\n]\n");
  CHECK(list(0, append_number).headers.get("Content-Type") == "application/json");
}

TEST_CASE("a long list is streamed in bounded pieces", "[api]") {
  RealLoop loop;
  const http::Response response = list(100'000, append_number);
  REQUIRE(response.stream);
  Collector collector;

  CHECK(run(loop, response.stream(collector)));

  CHECK(collector.body == numbers(100'000));
  CHECK(collector.largest <= 128 * 1024);
}

TEST_CASE("errors are plain text with the status that clients expect", "[api]") {
  const http::Response response = refuse(fail(Code::not_found, "job not found"));

  CHECK(response.status == 404);
  CHECK(response.body == "job not found");
  CHECK(response.headers.get("Content-Type") == "text/plain; charset=utf-8");
  CHECK(refuse(fail(Code::invalid, "1 error occurred")).status == 500);
  CHECK(refuse(fail(Code::denied, "Permission denied")).status == 403);
  CHECK(refuse(fail(Code::exhausted, "too many")).status == 429);
  CHECK(refuse(fail(Code::unsupported, "later")).status == 501);
}

}  // namespace
}  // namespace drover::api
