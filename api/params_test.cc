#include "api/params.h"

#include <catch2/catch.hpp>

namespace drover::api {
namespace {

http::Request asking(std::string_view query) {
  http::Request request;
  request.method = "GET";
  request.query = http::parse_query(query);
  return request;
}

std::string error_of(std::string_view query) {
  const auto params = parse_params(asking(query));
  return params ? "" : params.error().message;
}

TEST_CASE("common parameters have their defaults", "[api]") {
  const Params params = parse_params(asking("")).value();

  CHECK(params.index == 0);
  CHECK(params.wait == 5min);
  CHECK(params.ns == "default");
  CHECK_FALSE(params.ns_given);
  CHECK_FALSE(params.pretty);
  CHECK_FALSE(params.stale);
}

TEST_CASE("common parameters are read", "[api]") {
  const Params params =
      parse_params(asking("index=7&wait=10s&stale&pretty&namespace=*&prefix=ab&per_page=3&next_token=x&reverse=true&region=eu"))
          .value();

  CHECK(params.index == 7);
  CHECK(params.wait == 10s);
  CHECK(params.stale);
  CHECK(params.pretty);
  CHECK(params.any_namespace());
  CHECK(params.prefix == "ab");
  CHECK(params.per_page == 3);
  CHECK(params.next_token == "x");
  CHECK(params.reverse);
  CHECK(params.region == "eu");
}

TEST_CASE("a wait is bounded, and one that is not positive is the default", "[api]") {
  CHECK(parse_params(asking("wait=10h")).value().wait == wait_max);
  CHECK(parse_params(asking("wait=0s")).value().wait == wait_default);
  CHECK(parse_params(asking("wait=-3s")).value().wait == wait_default);
  CHECK(parse_params(asking("wait=60000ms")).value().wait == 60s);
}

TEST_CASE("malformed common parameters are refused in the words that clients know", "[api]") {
  CHECK(error_of("index=abc") == "Invalid index");
  CHECK(error_of("index=-1") == "Invalid index");
  CHECK(error_of("index=99999999999999999999") == "Invalid index");
  CHECK(error_of("wait=xyz") == "Invalid wait time");
  CHECK(error_of("wait=10") == "Invalid wait time");
  CHECK(error_of("stale=maybe") == "Expect `true` or `false` for `stale` query string parameter");
  CHECK(error_of("per_page=x") == "Expect a number for `per_page` query string parameter");
}

TEST_CASE("pretty is asked for by presence, unless it is 0", "[api]") {
  CHECK(parse_lenient(asking("pretty")).pretty);
  CHECK(parse_lenient(asking("pretty=false")).pretty);
  CHECK_FALSE(parse_lenient(asking("pretty=0")).pretty);
}

TEST_CASE("flags are read as Go reads them", "[api]") {
  for (const auto* yes : {"1", "t", "T", "TRUE", "true", "True"}) CHECK(bool_parameter(asking(std::string("x=") + yes), "x").value());
  for (const auto* no : {"0", "f", "F", "FALSE", "false", "False"}) {
    CHECK_FALSE(bool_parameter(asking(std::string("x=") + no), "x", true).value());
  }
  CHECK(bool_parameter(asking(""), "x", true).value());
  CHECK(bool_parameter(asking("x="), "x", true).value());
  CHECK(bool_parameter(asking("meta=x"), "meta").error().message ==
        "Failed to parse value of \"meta\" (x) as a bool: strconv.ParseBool: parsing \"x\": invalid syntax");
}

TEST_CASE("numbers of a route are read, and refused in Go's words", "[api]") {
  CHECK(int_parameter(asking("p=-5"), "p").value() == -5);
  CHECK(uint_parameter(asking(""), "p", 9).value() == 9);
  CHECK(int_parameter(asking("p=x"), "p").error().message ==
        "Failed to parse value of \"p\" (x) as a int: strconv.Atoi: parsing \"x\": invalid syntax");
  CHECK(uint_parameter(asking("p=x"), "p").error().message ==
        "Failed to parse value of \"p\" (x) as a uint64: strconv.ParseUint: parsing \"x\": invalid syntax");
}

}  // namespace
}  // namespace drover::api
