#include "server/http/json_words.h"

#include <catch2/catch.hpp>

using drover::server::json_syntax_problem;

TEST_CASE("what is wrong with JSON text is said in the words that clients know", "[http]") {
  CHECK(json_syntax_problem("{nope") == "invalid character 'n' looking for beginning of object key string");
  CHECK(json_syntax_problem("x") == "invalid character 'x' looking for beginning of value");
  CHECK(json_syntax_problem("{\"a\" 1}") == "invalid character '1' after object key");
  CHECK(json_syntax_problem("{\"a\":1 \"b\"}") == "invalid character '\"' after object key:value pair");
  CHECK(json_syntax_problem("{\"a\":1,}") == "invalid character '}' looking for beginning of object key string");
  CHECK(json_syntax_problem("[1 2]") == "invalid character '2' after array element");
  CHECK(json_syntax_problem("[1,]") == "invalid character ']' looking for beginning of value");
  CHECK(json_syntax_problem("nul!") == "invalid character '!' in literal null (expecting 'l')");
  CHECK(json_syntax_problem("\"a\nb\"") == "invalid character '\\n' in string literal");
  CHECK(json_syntax_problem("\"\x01\"") == "invalid character '\\x01' in string literal");
  CHECK(json_syntax_problem("\"\\q\"") == "invalid character 'q' in string escape code");
  CHECK(json_syntax_problem("\"\\u12x4\"") == "invalid character 'x' in \\u hexadecimal character escape");
  CHECK(json_syntax_problem("-x") == "invalid character 'x' in numeric literal");
  CHECK(json_syntax_problem("1.x") == "invalid character 'x' after decimal point in numeric literal");
  CHECK(json_syntax_problem("1e+x") == "invalid character 'x' in exponent of numeric literal");
  CHECK(json_syntax_problem("'") == "invalid character '\\'' looking for beginning of value");
}

TEST_CASE("JSON text that ends too early is told so, wherever it ends", "[http]") {
  for (const char* text : {"", " ", "{", "{\"a", "{\"a\"", "{\"a\":", "{\"a\":1", "{\"a\":1,", "[", "[1", "[1,", "tru", "-", "1.", "1e", "\"\\", "\"\\u1"}) {
    CAPTURE(text);
    CHECK(json_syntax_problem(text) == "unexpected EOF");
  }
}

TEST_CASE("nothing is wrong with a whole value, however deep", "[http]") {
  for (const char* text : {"{}", "[]", " null ", "-0.5e-7", "10", "\"\\u00e9\\n\"", "{\"a\":[1,{\"b\":true}],\"c\":null}"}) {
    CAPTURE(text);
    CHECK(json_syntax_problem(text).empty());
  }
  CHECK(json_syntax_problem(std::string(100'000, '[') + std::string(100'000, ']')).empty());
}
