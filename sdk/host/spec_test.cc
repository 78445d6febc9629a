#include "sdk/host/spec.h"

#include <google/protobuf/text_format.h>

#include <catch2/catch.hpp>

#include "base/json/json.h"

namespace drover::host {
namespace {

using hashicorp::nomad::plugins::shared::hclspec::Spec;

Spec spec_of(const std::string& text) {
  Spec spec;
  REQUIRE(google::protobuf::TextFormat::ParseFromString(text, &spec));
  return spec;
}

std::string member(const std::string& name, const std::string& spec) {
  return "attributes { key: \"" + name + "\" value { " + spec + " } }";
}

/// Every kind of block, as drivers have them.
Spec every_kind() {
  const std::string x = "nested { object { " + member("x", R"x(Attr { name: "x" type: "bool" })x") + " } }";
  return spec_of("object { " + member("b", "block_value { name: \"b\" " + x + " }") +
                 member("ba", R"x(block_attrs { name: "ba" type: "string" })x") +
                 member("bl", "block_list { name: \"bl\" " + x + " }") +
                 member("bm", "block_map { name: \"bm\" labels: \"name\" " + x + " }") +
                 member("bs", "block_set { name: \"bs\" " + x + " }") +
                 member("d", R"x(default { primary { Attr { name: "d" type: "number" } } default { literal { value: "7" } } })x") +
                 member("db", "default { primary { block_value { name: \"db\" " + x + " } } default { literal { value: \"{x = true}\" } } }") +
                 member("m", R"x(Attr { name: "m" type: "map(string)" })x") +
                 member("o", R"x(Attr { type: "object({a = string, n = number})" })x") +
                 member("st", R"x(Attr { name: "st" type: "set(number)" })x") +
                 member("lm", R"x(Attr { name: "lm" type: "list(map(string))" })x") +
                 member("any", R"x(Attr { name: "any" type: "any" })x") + "}");
}

std::string applied(const Spec& spec, const std::string& config) {
  const Result<Value> value = apply_spec(spec, json::parse(config).value(), "config");
  return value ? json::write(*value) : "error: " + value.error().message;
}

}  // namespace

TEST_CASE("an empty configuration is valid where nothing is required", "[host]") {
  const std::string empty =
      R"({"any":null,"b":null,"ba":null,"bl":[],"bm":{},"bs":[],"d":7,"db":{"x":true},"lm":null,"m":null,"o":null,"st":null})";
  CHECK(applied(every_kind(), "{}") == empty);
  CHECK(applied(every_kind(), "null") == empty);
  CHECK(applied(spec_of("object {}"), "{}") == "{}");
}

TEST_CASE("values take the types of the schema", "[host]") {
  CHECK(applied(every_kind(), R"({"d": "12", "m": {"b": 5, "a": true}, "o": {"a": 1.50, "n": "3"}, "st": [10, 9, "100", 9],
                                  "lm": [{"http": 80}], "any": ["x", 1], "b": {"x": "true"}, "ba": [{"k": 1}],
                                  "bl": [{"x": true}, {}], "bm": {"l1": {"x": false}}, "bs": {"x": true}, "db": [{}]})") ==
        R"({"any":["x",1],"b":{"x":true},"ba":{"k":"1"},"bl":[{"x":true},{"x":null}],"bm":{"l1":{"x":false}},)"
        R"("bs":[{"x":true}],"d":12,"db":{"x":null},"lm":[{"http":"80"}],"m":{"a":"true","b":"5"},"o":{"a":"1.5","n":3},"st":[9,10,100]})");
}

TEST_CASE("what does not fit is named with its place", "[host]") {
  CHECK(applied(every_kind(), R"({"imgae": "x"})") == "error: config: no argument or block is named 'imgae'");
  CHECK(applied(every_kind(), R"({"//": "a comment"})").starts_with("{"));
  CHECK(applied(every_kind(), R"({"b": {"y": 1}})") == "error: config.b: no argument or block is named 'y'");
  CHECK(applied(every_kind(), R"({"b": [{}, {}]})") == "error: config: there may be one block 'b', not 2");
  CHECK(applied(every_kind(), R"({"bl": [{}, {"x": "perhaps"}]})").starts_with("error: config.bl[1].x: "));
  CHECK(applied(every_kind(), R"({"d": "many"})").starts_with("error: config.d: "));
  CHECK(applied(every_kind(), R"({"b": 5})") == "error: config.b must be a block, not integer");
  CHECK(applied(every_kind(), "[5]") == "error: config must be a map, not integer");
  CHECK(applied(spec_of("object { " + member("image", R"(Attr { type: "string" required: true })") + " }"), "{}") ==
        "error: config: 'image' is required");
}

TEST_CASE("a broken schema is refused, not followed", "[host]") {
  CHECK(check_spec(every_kind()).ok());
  CHECK(check_spec(spec_of("object { " + member("a", R"(Attr { type: "strnig" })") + " }")).error().message ==
        "the driver's schema has the unknown type \"strnig\"");
  CHECK_FALSE(check_spec(Spec()).ok());
  CHECK_FALSE(check_spec(spec_of(R"(Attr { type: "string" })")).ok());
  CHECK_FALSE(check_spec(spec_of(R"(literal { value: "{{{" })")).ok());
  std::string deep;
  for (int i = 0; i < 100; ++i) deep += "array { values { ";
  deep += "object {}";
  for (int i = 0; i < 100; ++i) deep += " } }";
  CHECK_FALSE(check_spec(spec_of(deep)).ok());
  CHECK(applied(Spec(), "{}").starts_with("error: "));
}

}  // namespace drover::host
