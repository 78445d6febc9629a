#include "base/http/types.h"

#include <catch2/catch.hpp>

namespace drover::http {

TEST_CASE("header names compare without case, and set replaces all of a name", "[http]") {
  Headers headers;
  headers.add("X-Nomad-Token", "a");
  headers.add("x-nomad-token", "b");
  CHECK(headers.get("X-NOMAD-TOKEN") == "a");

  headers.set("X-nomad-token", "c");

  CHECK(headers.all().size() == 1);
  CHECK(headers.get("x-nomad-token") == "c");
  CHECK(headers.find("other") == nullptr);
}

TEST_CASE("percent escapes are decoded once, and broken ones are refused", "[http]") {
  CHECK(decode_percent("a%2Fb%2fc") == "a/b/c");
  CHECK(decode_percent("a%252F") == "a%2F");
  CHECK(decode_percent("a+b") == "a+b");
  CHECK(decode_percent("a+b", true) == "a b");
  CHECK(decode_percent("%") == std::nullopt);
  CHECK(decode_percent("%4") == std::nullopt);
  CHECK(decode_percent("%zz") == std::nullopt);
}

TEST_CASE("what is encoded decodes to the same", "[http]") {
  std::string all;
  for (int c = 0; c < 256; ++c) all.push_back(static_cast<char>(c));

  CHECK(decode_percent(encode_percent(all)) == all);
  CHECK(encode_percent("a/b c~") == "a%2Fb%20c~");
}

TEST_CASE("a query keeps order, empty values and repeated names", "[http]") {
  const Query query = parse_query("pretty&a=1&a=x%3Dy&&b=c+d&bad=%zz");

  CHECK(query == Query{{"pretty", ""}, {"a", "1"}, {"a", "x=y"}, {"b", "c d"}, {"bad", "%zz"}});
  CHECK(format_query({{"a b", "1&2"}, {"c", ""}}) == "?a%20b=1%262&c=");
  CHECK(format_query({}).empty());
}

TEST_CASE("a websocket is asked for by a GET that wants an upgrade and has a key", "[http]") {
  Request request;
  request.method = "GET";
  request.headers.add("Connection", "keep-alive, Upgrade");
  request.headers.add("upgrade", "WebSocket");
  CHECK_FALSE(wants_websocket(request));
  request.headers.add("Sec-WebSocket-Key", "x3JJHMbDL1EzLkh9GBhXDw==");
  CHECK(wants_websocket(request));
  request.method = "POST";
  CHECK_FALSE(wants_websocket(request));
}

}  // namespace drover::http
