#include "model/json/text.h"

#include <limits>

#include <catch2/catch.hpp>

namespace drover::model {
namespace {

std::string quoted(std::string_view text) {
  std::string out;
  append_quoted(out, text);
  return out;
}

std::string real(double value) {
  std::string out;
  append_real(out, value);
  return out;
}

std::string time(std::int64_t ns) {
  std::string out;
  append_time(out, ns);
  return out;
}

std::string base64(std::string_view bytes) {
  std::string out;
  append_base64(out, bytes);
  return out;
}

TEST_CASE("strings are escaped as Go does, and HTML is left alone") {
  CHECK(quoted("a\"b\\c\n\r\t\b\f") == R"("a\"b\\c\n\r\t\b\f")");
  CHECK(quoted(std::string_view("\0\x1f\x7f", 3)) == "\"\\u0000\\u001f\x7f\"");
  CHECK(quoted("<a & b>") == "\"<a & b>\"");
  CHECK(quoted("h\u00e9 \u20ac \u2028\u2029!") == "\"h\u00e9 \u20ac \\u2028\\u2029!\"");
}

TEST_CASE("a double always has a fraction or an exponent") {
  CHECK(real(1) == "1.0");
  CHECK(real(0) == "0.0");
  CHECK(real(-2.5) == "-2.5");
  CHECK(real(0.1) == "0.1");
  CHECK(real(1e20) == "100000000000000000000.0");
  CHECK(real(1e21) == "1e+21");
  CHECK(real(1e-7) == "1e-07");
  CHECK(real(std::numeric_limits<double>::quiet_NaN()) == "null");
}

TEST_CASE("times are RFC 3339 in UTC without trailing zeros") {
  CHECK(time(1'700'000'000'000'000'000) == "2023-11-14T22:13:20Z");
  CHECK(time(1'700'000'000'120'000'000) == "2023-11-14T22:13:20.12Z");
  CHECK(time(-1) == "1969-12-31T23:59:59.999999999Z");

  CHECK(parse_time("2023-11-14T22:13:20.12Z") == 1'700'000'000'120'000'000);
  CHECK(parse_time("2023-11-15T00:13:20+02:00") == 1'700'000'000'000'000'000);
  CHECK(parse_time("0001-01-01T00:00:00Z") == 0);
  CHECK_FALSE(parse_time("2023-02-30T00:00:00Z"));
  CHECK_FALSE(parse_time("2023-11-14"));
  CHECK_FALSE(parse_time("2023-11-14T22:13:20Zx"));
}

TEST_CASE("durations are read and written as Go does") {
  CHECK(parse_duration("30s") == 30'000'000'000);
  CHECK(parse_duration("1h30m") == 5'400'000'000'000);
  CHECK(parse_duration("-1.5ms") == -1'500'000);
  CHECK(parse_duration("0") == 0);
  CHECK(parse_duration("1\u00b5s") == 1000);
  for (const auto* bad : {"", "30", "s", "1x", "-", "1.2.3s", ".s", "300000h1e9s", "99999999999h"}) {
    INFO(bad);
    CHECK_FALSE(parse_duration(bad));
  }

  CHECK(duration_text(0) == "0s");
  CHECK(duration_text(15'000'000'000) == "15s");
  CHECK(duration_text(5'400'000'000'000) == "1h30m0s");
  CHECK(duration_text(500'000'000) == "500ms");
  CHECK(duration_text(1'500) == "1.5\u00b5s");
  CHECK(duration_text(-61'500'000'000) == "-1m1.5s");
}

TEST_CASE("base64 goes there and back") {
  for (const std::string_view bytes : {"", "f", "fo", "foo", "foob", "\xff\x80\x01"}) CHECK(parse_base64(base64(bytes)) == bytes);
  CHECK(base64("fo") == "Zm8=");
  CHECK_FALSE(parse_base64("Zm8"));
  CHECK_FALSE(parse_base64("Zm8*"));
}

}  // namespace
}  // namespace drover::model
