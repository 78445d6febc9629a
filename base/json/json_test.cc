#include "base/json/json.h"

#include <catch2/catch.hpp>
#include <cmath>
#include <limits>

#include "base/json/text.h"

using drover::Code;
using drover::Value;
namespace json = drover::json;

namespace {

std::string again(std::string_view text) {
  const auto value = json::parse(text);
  return value ? json::write(*value) : "error: " + value.error().message;
}

std::string nested(std::size_t depth) { return std::string(depth, '[') + std::string(depth, ']'); }

}  // namespace

TEST_CASE("what is read is written again, in the same order") {
  CHECK(again(R"( {"b":[1,2.5,"x",true,null],"a":{}} )") == R"({"b":[1,2.5,"x",true,null],"a":{}})");
}

TEST_CASE("integers stay exact and reals keep a fraction") {
  CHECK(again("[9223372036854775807,-9223372036854775808]") == "[9223372036854775807,-9223372036854775808]");
  CHECK(again("[1,1.0,1e3,-0.5]") == "[1,1.0,1000.0,-0.5]");
  CHECK(json::parse("18446744073709551615")->is_real());  // more than a Value's integer holds
  CHECK(again("[1e400]").ends_with("the number is too large"));
  CHECK(again("[1e-400,0.30000000000000004,123456789.12345678]") == "[0.0,0.30000000000000004,123456789.12345678]");
}

TEST_CASE("reals are written as Go writes them") {
  CHECK(json::write(1e20) == "100000000000000000000.0");
  CHECK(json::write(1e21) == "1e+21");
  CHECK(json::write(0.000001) == "0.000001");
  CHECK(json::write(1e-7) == "1e-07");
  CHECK(json::write(0.1 + 0.2) == "0.30000000000000004");
  CHECK(json::write(std::numeric_limits<double>::infinity()) == "null");
}

TEST_CASE("texts are escaped as Go escapes them, and HTML is left alone") {
  CHECK(json::write("a\"b\\c\n\r\t\b\f") == R"("a\"b\\c\n\r\t\b\f")");
  CHECK(json::write(std::string_view("\0\x1f\x7f", 3)) == "\"\\u0000\\u001f\x7f\"");
  CHECK(json::write("<a & b>") == "\"<a & b>\"");
  CHECK(json::write("h\u00e9 \u20ac \U0001f600 \u2028\u2029") == "\"h\u00e9 \u20ac \U0001f600 \\u2028\\u2029\"");
}

TEST_CASE("bytes that are no UTF-8 become the replacement character") {
  CHECK(json::write("a\xff" "b") == "\"a\\ufffdb\"");
  CHECK(json::write("\xe2\x82") == "\"\\ufffd\\ufffd\"");
  CHECK(json::write("\xed\xa0\x80") == "\"\\ufffd\\ufffd\\ufffd\"");  // a lone surrogate
  CHECK(json::write("\xc0\x80") == "\"\\ufffd\\ufffd\"");              // overlong
}

TEST_CASE("escapes are understood") {
  CHECK(json::parse(R"("\u00e9\n\ud83d\ude00\/")")->text() == "\u00e9\n\U0001f600/");
}

TEST_CASE("of two members with one name the last counts") {
  CHECK(again(R"({"a":1,"b":2,"a":3,"a":4})") == R"({"a":4,"b":2})");
}

TEST_CASE("pretty text is indented by four blanks") {
  const Value value = *json::parse(R"({"a":[1,{"b":null}],"c":[],"d":{}})");
  CHECK(json::write_pretty(value) == R"({
    "a": [
        1,
        {
            "b": null
        }
    ],
    "c": [],
    "d": {}
}
)");
}

TEST_CASE("errors name line, column and byte") {
  const auto wrong = json::parse("{\n  \"a\": 1,\n  \"b\": nope\n}");
  REQUIRE_FALSE(wrong);
  CHECK(wrong.error().code == Code::invalid);
  CHECK(wrong.error().message.starts_with("line 3, column "));
  CHECK(again("1 2") == "error: line 1, column 3 (byte 2): something follows the end of the value");
  CHECK(again("[1,").ends_with("the text ends in the middle of a value"));
  CHECK(again("").ends_with("the text ends in the middle of a value"));
  CHECK(again("{\"a\":1,}").starts_with("error: line 1, column 8"));
  CHECK(again("nul").starts_with("error: "));
  CHECK(again("\"\x01\"").starts_with("error: "));
}

TEST_CASE("size and depth are bounded") {
  CHECK(json::parse(nested(json::depth_max)).ok());
  CHECK(again(nested(json::depth_max + 1)).find("nested deeper than 100") != std::string::npos);
  CHECK(json::parse(std::string(json::bytes_max + 1, ' ')).error().code == Code::exhausted);
}

TEST_CASE("an object of very many members is read in reasonable time") {
  std::string text = "{";
  for (int i = 0; i < 200'000; ++i) text += (i == 0 ? "\"k" : ",\"k") + std::to_string(i) + "\":0";
  text += "}";
  CHECK(json::parse(text)->members().size() == 200'000);
}
