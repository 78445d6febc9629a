#include "model/constraint.h"

#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include "model/proto/constraint.pb.h"
#include "model/proto/node.pb.h"
#include "tests/recorded.h"

namespace drover::model {
namespace {

Constraint constraint(std::string_view left, std::string_view operand, std::string_view right) {
  Constraint out;
  out.set_l_target(std::string(left));
  out.set_operand(std::string(operand));
  out.set_r_target(std::string(right));
  return out;
}

TEST_CASE("targets are looked up on the node") {
  Node node;
  node.set_datacenter("dc1");
  (*node.mutable_attributes())["kernel.name"] = "linux";
  (*node.mutable_meta())["rack"] = "r1";

  CHECK(resolve_target("${node.datacenter}", node) == "dc1");
  CHECK(resolve_target("${attr.kernel.name}", node) == "linux");
  CHECK(resolve_target("${meta.rack}", node) == "r1");
  CHECK_FALSE(resolve_target("${meta.zone}", node));
  CHECK_FALSE(resolve_target("${env.HOME}", node));
  CHECK_FALSE(resolve_target("${", node));
  CHECK(resolve_target("linux", node) == "linux");
  CHECK(Condition("${attr.kernel.name}", "=", "linux").holds_on(node));
  CHECK(Condition("${meta.zone}", "!=", "a").holds_on(node));
  CHECK(Condition("${attr.kernel.name}", "=", "linux").text() == "${attr.kernel.name} = linux");
}

TEST_CASE("what looks at unique attributes escapes the computed class") {
  CHECK(escapes_class(constraint("${node.unique.id}", "=", "x")));
  CHECK(escapes_class(constraint("${attr.unique.hostname}", "=", "x")));
  CHECK_FALSE(escapes_class(constraint("${attr.kernel.name}", "=", "x")));
}

TEST_CASE("distinct constraints are recognised with their parameters") {
  CHECK(kind_of(constraint("", "distinct_hosts", "true")) == ConstraintKind::distinct_hosts);
  CHECK(is_on(constraint("", "distinct_hosts", "")));
  CHECK(is_on(constraint("", "distinct_hosts", "maybe")));
  CHECK_FALSE(is_on(constraint("", "distinct_hosts", "false")));
  CHECK(property_limit(constraint("${meta.rack}", "distinct_property", "3")) == 3);
  CHECK(property_limit(constraint("${meta.rack}", "distinct_property", "")) == 1);
}

TEST_CASE("recorded constraints hold or not as recorded") {
  const auto folder = tests::recorded_or_skip("corpora");
  if (folder.empty()) return;
  const auto table = tests::recorded_json(folder / "tables" / "constraints.json");
  REQUIRE(table);
  int cases = 0;
  for (const auto& item : table->at("cases").as_array()) {
    const std::string left(item.at("left").as_string());
    const std::string right(item.at("right").as_string());
    const std::string operand(item.at("op").as_string());
    const auto l = item.at("left_found").as_bool() ? std::optional<std::string_view>(left) : std::nullopt;
    const auto r = item.at("right_found").as_bool() ? std::optional<std::string_view>(right) : std::nullopt;
    INFO(boost::json::serialize(item));
    CHECK(Condition("${attr.x}", operand, right).holds(l, r) == item.at("result").as_bool());
    ++cases;
  }
  CHECK(cases == 942);
}

TEST_CASE("recorded constraints are accepted or refused as recorded") {
  const auto folder = tests::recorded_or_skip("corpora");
  if (folder.empty()) return;
  const auto table = tests::recorded_json(folder / "tables" / "constraint-validation.json");
  REQUIRE(table);
  for (const auto& item : table->at("cases").as_array()) {
    const auto problems = problems_of(constraint(std::string(item.at("left").as_string()), std::string(item.at("op").as_string()),
                                                 std::string(item.at("right").as_string())));
    INFO(boost::json::serialize(item));
    CHECK(problems.empty() == item.at("valid").as_bool());
    for (const auto& problem : problems) {
      CHECK(std::string(item.at("error").as_string()).find(problem) != std::string::npos);
    }
  }
}

}  // namespace
}  // namespace drover::model
