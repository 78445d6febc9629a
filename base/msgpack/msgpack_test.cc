#include "base/msgpack/msgpack.h"

#include <catch2/catch.hpp>
#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace drover::msgpack {
namespace {

std::string bytes_of(std::string_view hex) {
  std::string out;
  std::string digits;
  for (const char c : hex) {
    if (c == ' ') continue;
    digits.push_back(c);
    if (digits.size() == 2) out.push_back(static_cast<char>(std::stoi(digits, nullptr, 16))), digits.clear();
  }
  return out;
}

Value one(const Value& value) {
  Value map = Value::map();
  map.set("n", value);
  return map;
}

}  // namespace

TEST_CASE("numbers take the forms that Go drivers read", "[msgpack]") {
  const std::vector<std::pair<Value, std::string>> samples = {
      {0, "00"},
      {127, "7f"},
      {128, "cc80"},
      {256, "cd0100"},
      {65536, "ce00010000"},
      {std::int64_t{4294967296}, "cf0000000100000000"},
      {-1, "ff"},
      {-32, "e0"},
      {-33, "d0df"},
      {-129, "d1ff7f"},
      {-40000, "d2ffff63c0"},
      {1.5, "cb3ff8000000000000"},
      {std::numeric_limits<std::int64_t>::max(), "cf7fffffffffffffff"},
      {std::numeric_limits<std::int64_t>::min(), "d38000000000000000"}};
  for (const auto& [value, hex] : samples) {
    CHECK(encode(one(value)) == bytes_of("81a16e" + hex));
    CHECK(decode(bytes_of(hex)).value() == value);
  }
}

TEST_CASE("a raw_exec configuration is encoded byte for byte as recorded", "[msgpack]") {
  Value config = Value::map();
  config.set("args", Value::List{"300"});
  config.set("cgroup_v1_override", nullptr);
  config.set("cgroup_v2_override", nullptr);
  config.set("command", "/bin/sleep");
  config.set("denied_envvars", nullptr);
  config.set("oom_score_adj", nullptr);
  config.set("work_dir", nullptr);

  const std::string expected = bytes_of(
      "87 a461726773 91 a3333030 b26367726f75705f76315f6f76657272696465 c0 b26367726f75705f76325f6f76657272696465 c0"
      "a7636f6d6d616e64 aa2f62696e2f736c656570 ae64656e6965645f656e7676617273 c0 ad6f6f6d5f73636f72655f61646a c0"
      "a8776f726b5f646972 c0");
  CHECK(encode(config) == expected);
  CHECK(decode(expected).value() == config);
}

TEST_CASE("texts, lists and maps of every size class survive the round trip", "[msgpack]") {
  for (const std::size_t size : {0u, 1u, 15u, 16u, 31u, 32u, 255u, 256u, 65535u, 65536u}) {
    const Value text(std::string(size, 'x'));
    CHECK(decode(encode(text)).value() == text);

    Value list = Value::list();
    Value map = Value::map();
    for (std::size_t i = 0; i < size; ++i) {
      list.push(static_cast<std::int64_t>(i));
      map.members().emplace_back(std::to_string(i), nullptr);
    }
    CHECK(decode(encode(list)).value() == list);
    CHECK(decode(encode(map)).value() == map);
  }
}

TEST_CASE("foreign forms are read too", "[msgpack]") {
  CHECK(decode(bytes_of("c403616263")).value() == Value("abc"));
  CHECK(decode(bytes_of("ca3fc00000")).value() == Value(1.5));
  CHECK(decode(bytes_of("cf8000000000000000")).value() == Value("9223372036854775808"));
}

TEST_CASE("damaged data is refused with its place", "[msgpack]") {
  CHECK(decode("").error().message == "msgpack at byte 0: the data ends too early");
  CHECK(decode(bytes_of("a36162")).error().code == Code::invalid);
  CHECK(decode(bytes_of("dfffffffff")).error().code == Code::invalid);
  CHECK(decode(bytes_of("0000")).error().message == "msgpack at byte 1: more data after the value");
  CHECK(decode(bytes_of("810101")).error().message.find("a map key is a") != std::string::npos);
  CHECK(decode(bytes_of("d40100")).error().code == Code::invalid);
  CHECK(decode(std::string(depth_max + 2, '\x91')).error().message.find("nested deeper than 64") != std::string::npos);

  const std::string good = encode(one(Value::List{"abc", 300, 1.5, Value::map()}));
  for (std::size_t size = 0; size < good.size(); ++size) CHECK_FALSE(decode(good.substr(0, size)).ok());
}

}  // namespace drover::msgpack
