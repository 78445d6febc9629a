#include "base/value/value.h"

#include <catch2/catch.hpp>

using drover::Value;

TEST_CASE("a map keeps its order of insertion and replaces in place") {
  Value map = Value::map();
  map.set("b", 1).set("a", "x");

  map.set("b", true);

  REQUIRE(map.members().size() == 2);
  CHECK(map.members()[0].first == "b");
  CHECK(map.find("b")->boolean());
  CHECK(map.find("c") == nullptr);
}

TEST_CASE("integers and doubles are different kinds") {
  CHECK_FALSE(Value(1) == Value(1.0));
  CHECK(Value(1).real() == 1.0);
}
