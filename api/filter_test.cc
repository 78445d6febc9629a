#include "api/filter.h"

#include <catch2/catch.hpp>

#include "model/proto/evaluation.pb.h"
#include "model/proto/job.pb.h"
#include "model/proto/node.pb.h"

namespace drover::api {
namespace {

model::Job job() {
  model::Job out;
  out.set_id("example");
  out.set_type("service");
  out.set_priority(60);
  out.set_stop(false);
  out.add_datacenters("dc1");
  out.add_datacenters("eu-1");
  (*out.mutable_meta())["team"] = "web";
  (*out.mutable_meta())["a.b"] = "dotted";
  out.mutable_update()->set_max_parallel(2);
  for (const char* name : {"web", "db"}) {
    auto& group = *out.add_task_groups();
    group.set_name(name);
    auto& task = *group.add_tasks();
    task.set_driver("raw_exec");
    task.set_config(R"({"command":"/bin/true","args":["a","b"],"port":8080})");
  }
  return out;
}

/// "true", "false", or the error.
std::string found(std::string_view expression) {
  const Result<Filter> filter = Filter::parse(expression);
  if (!filter) return filter.error().message;
  const Result<bool> passed = filter->passes(job());
  if (!passed) return passed.error().message;
  return *passed ? "true" : "false";
}

TEST_CASE("values are compared as what the member is", "[api]") {
  CHECK(found(R"(Type == "service")") == "true");
  CHECK(found("Type == service") == "true");
  CHECK(found("Type != `service`") == "false");
  CHECK(found("Priority == 60 and Stop == false") == "true");
  CHECK(found("Priority == 61 or Stop != true") == "true");
  CHECK(found("Priority == high") == R"(error coercing value "high": strconv.ParseInt: parsing "high": invalid syntax)");
  CHECK(found("TaskGroups == 1") == R"(a list or an object cannot be compared with "1")");
}

TEST_CASE("lists hold elements, maps keys and texts parts", "[api]") {
  CHECK(found(R"("dc1" in Datacenters)") == "true");
  CHECK(found("dc2 not in Datacenters") == "true");
  CHECK(found("Datacenters contains `eu-1`") == "true");
  CHECK(found("team in Meta and Meta not contains nope") == "true");
  CHECK(found("amp in ID and Name not contains amp") == "true");
  CHECK(found(R"(ID matches "^ex.*e$" and ID not matches "[0-9]")") == "true");
}

TEST_CASE("paths go into maps, lists, messages and configurations", "[api]") {
  CHECK(found("Meta.team == web") == "true");
  CHECK(found(R"(Meta["a.b"] == dotted)") == "true");
  CHECK(found(R"("/Meta/a.b" == dotted)") == "true");
  CHECK(found("TaskGroups.1.Name == db") == "true");
  CHECK(found("TaskGroups.0.Tasks.0.Config.port == 8080") == "true");
  CHECK(found("a in TaskGroups.0.Tasks.0.Config.args") == "true");
}

TEST_CASE("what is not there is neither equal nor in it, and its negation holds", "[api]") {
  CHECK(found("Meta.nope == web") == "false");
  CHECK(found("Meta.nope != web") == "true");
  CHECK(found("Periodic.Spec == x") == "false");
  CHECK(found("Periodic is nil and ParameterizedJob is nil and Update is not nil") == "true");
  CHECK(found("ParentID is empty and Meta is not empty and Constraints is empty") == "true");
  CHECK(found("TaskGroups.7.Name == web") == "false");
  CHECK(found(R"(Nope == "x")") == R"(error finding value in datum: /Nope at part 0: couldn't find key: struct field with name "Nope")");
  CHECK(found("TaskGroups.0.nope == 1") == R"(error finding value in datum: /TaskGroups/0/nope at part 2: couldn't find key: struct field with name "nope")");
}

TEST_CASE("any and all look at the elements of lists and maps", "[api]") {
  CHECK(found(R"(any TaskGroups as g { g.Name == "web" })") == "true");
  CHECK(found(R"(all TaskGroups as g { g.Name == "web" })") == "false");
  CHECK(found("any TaskGroups as i, g { i == 1 and g.Name == db }") == "true");
  CHECK(found("any Meta as k { k == team }") == "true");
  CHECK(found("all Meta as _, v { v is not empty }") == "true");
  CHECK(found("any Constraints as c { c.Operand == `=` }") == "false");
  CHECK(found("any TaskGroups as g { any g.Tasks as t { t.Driver == raw_exec and Type == service } }") == "true");
}

TEST_CASE("not binds closest, then and, then or", "[api]") {
  CHECK(found("Stop == true and Stop == true or Type == service") == "true");
  CHECK(found("Type == service or Stop == true and Stop == true") == "true");
  CHECK(found("not Stop == true and Type == service") == "true");
  CHECK(found("not (Stop == false)") == "false");
  CHECK(found("( ( Type == service ) )") == "true");
  CHECK(found("") == "true");
}

TEST_CASE("an expression that cannot be read names the place and what was expected there", "[api]") {
  const std::string begin = R"("(", "-", "0", "\"", "`", "all", "any", "not", [ \t\r\n], [1-9] or [a-zA-Z])";
  CHECK(found("((") == "1:3 (2): no match found, expected: " + begin);
  CHECK(found("bad((") == R"(1:4 (3): no match found, expected: "!=", ".", "==", "[", [ \t\r\n] or [a-zA-Z0-9_/])");
  CHECK(found("Priority > 60") == R"(1:10 (9): no match found, expected: "!=", "==", "contains", "in", "is", "matches", "not" or [ \t\r\n])");
  CHECK(found("Type ==") == R"(1:8 (7): no match found, expected: "-", "0", "\"", "`", [ \t\r\n], [1-9] or [a-zA-Z])");
  CHECK(found("not Drain") == R"(1:10 (9): no match found, expected: "!=", ".", "==", "[", [ \t\r\n] or [a-zA-Z0-9_/])");
  CHECK(found(R"(ID == "abc)") == R"(1:7 (6): rule "string": Unterminated string literal)");
  CHECK(found(R"(ID matches "[")") == R"(failed to compile regular expression "[": error parsing regexp: missing closing ]: `[`)");
}

TEST_CASE("expressions are bounded in length and depth", "[api]") {
  CHECK(found(std::string(filter_bytes_max + 1, ' ')).find("bytes, 16384 are allowed") != std::string::npos);
  CHECK(found(std::string(5000, '(')) == "the expression is nested deeper than 100");
  std::string deep = "Type == service";
  for (int i = 0; i < 20; ++i) deep = "(" + deep + ")";
  CHECK(found(deep) == "true");
  CHECK(found("not not not Type == service") == "false");
}

TEST_CASE("members that are left out when empty are known, secrets are blank", "[api]") {
  CHECK(*Filter::parse("NodeID == ``")->passes(model::Evaluation()));
  model::Node node;
  node.set_secret_id("hush");
  CHECK_FALSE(*Filter::parse("SecretID == hush")->passes(node));
  CHECK(Filter::parse("any Job.TaskGroups as g { g.Name == x }")->mentions("Job"));
  CHECK_FALSE(Filter::parse("JobID == Job")->mentions("Job"));
}

}  // namespace
}  // namespace drover::api
