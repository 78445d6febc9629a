#include "model/why.h"

#include <catch2/catch.hpp>

#include "model/json/codec.h"
#include "model/proto/alloc.pb.h"
#include "model/proto/evaluation.pb.h"
#include "model/proto/job.pb.h"

namespace drover::model {
namespace {

Why why_of(std::string_view metric, std::string_view queued = "3") {
  Evaluation eval;
  const std::string json = text(R"({"FailedTGAllocs": {"app": {}}, "QueuedAllocations": {"app": {}}})", metric, queued);
  REQUIRE(from_json(json, eval));
  Job job;
  REQUIRE(from_json(R"({"Datacenters": ["dc1"], "TaskGroups": [{"Name": "app", "Tasks": [{"Name": "t", "Driver": "docker"}]}]})", job));
  const auto all = why_unplaced(eval, &job);
  REQUIRE(all.size() == 1);
  CHECK(all[0].subject == "group app");
  return all[0];
}

TEST_CASE("an exhausted dimension is named with numbers and the step that frees it") {
  const Why why = why_of(R"({"NodesInPool": 5, "NodesEvaluated": 5, "NodesExhausted": 4, "DimensionExhausted": {"memory": 3, "cpu": 1},
                             "NodesFiltered": 1, "ConstraintFiltered": {"missing drivers": 1}, "ResourcesExhausted": {"t": {"MemoryMB": 256}}})");
  CHECK(why.sentence ==
        "3 allocations find no place: of 5 nodes, no memory on 3 nodes, no cpu on 1 node (each needs 256 MB); ruled out: missing drivers on "
        "1 node");
  CHECK(why.next_step.starts_with("stop something, ask for less memory, or add a node"));
}

TEST_CASE("a constraint that rules out every node is quoted") {
  const Why why = why_of(R"({"NodesInPool": 2, "NodesEvaluated": 2, "NodesFiltered": 2, "ConstraintFiltered": {"${attr.kernel.name} = windows": 2}})", "1");
  CHECK(why.sentence == "1 allocation finds no place: of 2 nodes, ${attr.kernel.name} = windows on 2 nodes");
  CHECK(why.next_step.starts_with("correct the constraint in the job"));
}

TEST_CASE("a missing driver names the driver") {
  const Why why = why_of(R"({"NodesInPool": 2, "NodesEvaluated": 2, "NodesFiltered": 2, "ConstraintFiltered": {"missing drivers": 2}})");
  CHECK(why.next_step.find("the driver docker is not healthy") != std::string::npos);
}

TEST_CASE("an empty pool and a wrong datacenter are told apart") {
  CHECK(why_of(R"({"NodePool": "gpu"})").sentence == "3 allocations find no place: there is no ready node in node pool \"gpu\"");
  CHECK(why_of(R"({"NodePool": "default", "NodesInPool": 2})").sentence ==
        "3 allocations find no place: none of the 2 nodes in node pool \"default\" is in a datacenter of the job (dc1)");
}

TEST_CASE("a job that has nothing to run says what it waits for") {
  auto why = [](std::string_view json) {
    Job job;
    REQUIRE(from_json(json, job));
    const auto rests = why_at_rest(job);
    return rests ? rests->sentence : "";
  };
  CHECK(why(R"({"ID": "web", "Stop": true, "TaskGroups": [{"Count": 1}]})") == "it was stopped");
  CHECK(why(R"({"ID": "cron", "Periodic": {"Spec": "@daily"}, "TaskGroups": [{"Count": 1}]})").starts_with("it is periodic"));
  CHECK(why(R"({"ID": "work", "ParameterizedJob": {}, "TaskGroups": [{"Count": 1}]})").starts_with("it is parameterized"));
  CHECK(why(R"({"ID": "work/dispatch-1", "ParameterizedJob": {}, "Dispatched": true, "TaskGroups": [{"Count": 1}]})") == "");
  CHECK(why(R"({"ID": "web", "Type": "service", "TaskGroups": [{"Count": 0}]})") == "the count of every group is 0");
  CHECK(why(R"({"ID": "sys", "Type": "system", "TaskGroups": [{"Count": 0}]})") == "");
  CHECK(why(R"({"ID": "web", "Type": "service", "TaskGroups": [{"Count": 0}, {"Count": 2}]})") == "");
}

TEST_CASE("an evaluation that placed everything has nothing to explain") { CHECK(why_unplaced(Evaluation(), nullptr).empty()); }

TEST_CASE("a task that does not run is explained by the last thing that tells something") {
  Allocation alloc;
  REQUIRE(from_json(R"({"ID": "12345678-0000-0000-0000-000000000000", "Name": "web.app[0]", "ClientStatus": "pending", "TaskStates": {
      "server": {"State": "pending", "Restarts": 2, "Events": [
        {"Type": "Terminated", "DisplayMessage": "Exit Code: 1"}, {"Type": "Restarting", "DisplayMessage": "Task restarting in 15s"}]},
      "proxy": {"State": "running", "Events": [{"Type": "Started"}]}}})",
                    alloc));
  const auto all = why_not_running(alloc);
  REQUIRE(all.size() == 1);
  CHECK(all[0].subject == "task server of web.app[0]");
  CHECK(all[0].sentence == "Terminated: Exit Code: 1 (2 restarts so far)");
  CHECK(all[0].next_step == "`drover alloc logs -stderr 12345678` shows what it printed last");
}

TEST_CASE("that a task is not restarted tells less than why it ended") {
  Allocation alloc;
  REQUIRE(from_json(R"({"ID": "12345678-0000-0000-0000-000000000000", "Name": "web.app[0]", "ClientStatus": "failed", "TaskStates": {"server": {"State": "dead", "Failed": true, "Events": [
        {"Type": "Received", "DisplayMessage": "Task received by client"}, {"Type": "Driver Failure", "DisplayMessage": "no such file: /bin/nope"},
        {"Type": "Not Restarting", "DisplayMessage": "Policy allows no restarts"}]}}})",
                    alloc));
  const auto all = why_not_running(alloc);
  REQUIRE(all.size() == 1);
  CHECK(all[0].sentence == "Driver Failure: no such file: /bin/nope");
  CHECK(all[0].next_step.starts_with("correct the task's config"));
}

TEST_CASE("an allocation that no agent has spoken of is told as such, a finished one not at all") {
  Allocation alloc;
  alloc.set_name("web.app[0]");
  alloc.set_node_name("n1");
  alloc.set_client_status("pending");
  REQUIRE(why_not_running(alloc).size() == 1);
  CHECK(why_not_running(alloc)[0].sentence.find("node n1") != std::string::npos);

  alloc.set_client_status("complete");
  CHECK(why_not_running(alloc).empty());
}

}  // namespace
}  // namespace drover::model
