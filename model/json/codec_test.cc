#include "model/json/codec.h"

#include <limits>

#include <catch2/catch.hpp>

#include "model/proto/alloc.pb.h"
#include "model/proto/evaluation.pb.h"
#include "model/proto/job.pb.h"
#include "model/proto/metric.pb.h"
#include "model/proto/network.pb.h"
#include "model/proto/node.pb.h"
#include "model/proto/service.pb.h"
#include "model/proto/task_state.pb.h"

namespace drover::model {
namespace {

std::string error_of(std::string_view json) {
  Job job;
  const auto result = from_json(json, job);
  return result ? "" : result.error().message;
}

TEST_CASE("members are in alphabetical order and the unset ones are null") {
  RestartPolicy policy;
  CHECK(to_json(policy) == R"({"Attempts":null,"Delay":null,"Interval":null,"Mode":null,"RenderTemplates":null})");

  policy.set_attempts(0);
  policy.set_interval(30);
  policy.set_mode("fail");
  policy.set_render_templates(false);
  CHECK(to_json(policy) == R"({"Attempts":0,"Delay":null,"Interval":30,"Mode":"fail","RenderTemplates":false})");
}

TEST_CASE("plain scalars show their default, lists and maps and messages are null when empty") {
  CHECK(to_json(Task()) ==
        R"({"Actions":null,"Affinities":null,"Artifacts":null,"CSIPluginConfig":null,"Config":null,"Constraints":null,)"
        R"("Consul":null,"DispatchPayload":null,"Driver":"","Env":null,"Identities":null,"Identity":null,"KillSignal":"",)"
        R"("KillTimeout":null,"Kind":"","Leader":false,"Lifecycle":null,"LogConfig":null,"Meta":null,"Name":"",)"
        R"("Resources":null,"RestartPolicy":null,"ScalingPolicies":null,"Schedule":null,"Secrets":null,"Services":null,)"
        R"("ShutdownDelay":0,"Templates":null,"User":"","Vault":null,"VolumeMounts":null})");
}

TEST_CASE("messages that omit what is empty leave it out") {
  Allocation alloc;
  CHECK(to_json(alloc) == "{}");
  alloc.set_id("a");
  alloc.mutable_desired_transition()->set_migrate(true);
  CHECK(to_json(alloc) == R"({"DesiredTransition":{"ForceReschedule":null,"Migrate":true,"MigrateDisablePlacement":null,)"
                          R"("NoShutdownDelay":null,"Reschedule":null},"ID":"a"})");
}

TEST_CASE("a job that users send has members that a stored one has not, and names its empty ports") {
  Job job;
  job.mutable_migrate()->set_max_parallel(2);
  CHECK(to_json(job, Form::sent).find(R"("Migrate":{)") != std::string::npos);
  CHECK(to_json(job).find("Migrate") == std::string::npos);
  CHECK(to_json(Task()).find("CSIPluginConfig") != std::string::npos);
  CHECK(to_json(Task(), Form::sent).find("CSIPluginConfig") == std::string::npos);

  NetworkResource network;
  network.set_m_bits(0);
  network.add_dynamic_ports()->set_label("http");
  CHECK(to_json(network) == R"({"DynamicPorts":[{"Label":"http"}]})");
  CHECK(to_json(network, Form::sent).find(R"("DynamicPorts":[{"HostNetwork":"","IgnoreCollision":false,)") != std::string::npos);
}

TEST_CASE("what is internal is never written") {
  Node node;
  node.set_secret_id("hush");
  CHECK(to_json(node).find("hush") == std::string::npos);
  CHECK(to_json(node).find(R"("SecretID":"")") != std::string::npos);
}

TEST_CASE("maps are written by key, doubles with a fraction, opaque JSON as it came") {
  NodeScoreMeta score;
  (*score.mutable_scores())["job-anti-affinity"] = -0.5;
  (*score.mutable_scores())["binpack"] = 1;
  score.set_norm_score(0.25);
  CHECK(to_json(score) == R"({"NodeID":"","NormScore":0.25,"Scores":{"binpack":1.0,"job-anti-affinity":-0.5}})");

  Task task;
  task.set_config(R"({"command":"/bin/sh"})");
  CHECK(to_json(task).find(R"("Config":{"command":"/bin/sh"},)") != std::string::npos);
}

TEST_CASE("times are text, and zero is null") {
  TaskState state;
  state.set_started_at(1'700'000'000'000'000'000);
  CHECK(to_json(state).find(R"("LastRestart":null)") != std::string::npos);
  CHECK(to_json(state).find(R"("StartedAt":"2023-11-14T22:13:20Z")") != std::string::npos);
}

TEST_CASE("bytes are base64, and lists of lists in maps are plain lists") {
  Job job;
  job.set_payload("hi!");
  CHECK(to_json(job).find(R"("Payload":"aGkh")") != std::string::npos);

  ServiceCheck check;
  REQUIRE(from_json(R"({"Header": {"X-B": ["1", "2"], "X-A": []}})", check));
  CHECK(to_json(check).find(R"("Header":{"X-A":[],"X-B":["1","2"]})") != std::string::npos);
}

TEST_CASE("pretty output is indented by four and ends with a newline") {
  DesiredTransition transition;
  transition.set_migrate(true);
  CHECK(to_json_pretty(transition) ==
        "{\n    \"ForceReschedule\": null,\n    \"Migrate\": true,\n    \"MigrateDisablePlacement\": null,\n"
        "    \"NoShutdownDelay\": null,\n    \"Reschedule\": null\n}\n");
  CHECK(pretty_json(R"({"a":[],"b":{"c":"x:,{\"}"}})") == "{\n    \"a\": [],\n    \"b\": {\n        \"c\": \"x:,{\\\"}\"\n    }\n}\n");
}

TEST_CASE("keys are read in any case, unknown ones ignored, null is unset") {
  Job job;
  REQUIRE(from_json(R"({"id": "web", "NAME": "w", "Frobnicate": {"a": [1]}, "Priority": null, "DataCenters": ["dc1"]} trailing)", job));
  CHECK(job.id() == "web");
  CHECK(job.name() == "w");
  CHECK_FALSE(job.has_priority());
  CHECK(job.datacenters_size() == 1);
}

TEST_CASE("durations are nanoseconds or text") {
  RestartPolicy policy;
  REQUIRE(from_json(R"({"Interval": "1m", "Delay": 15000000000})", policy));
  CHECK(policy.interval() == 60'000'000'000);
  CHECK(policy.delay() == 15'000'000'000);
}

TEST_CASE("integers keep all their digits") {
  Job job;
  const std::string text = R"({"SubmitTime": 9007199254740993, "CreateIndex": 18446744073709551615, "Priority": -9223372036854775808})";
  REQUIRE(from_json(text, job));
  CHECK(job.submit_time() == 9007199254740993);
  CHECK(job.create_index() == std::numeric_limits<std::uint64_t>::max());
  CHECK(job.priority() == std::numeric_limits<std::int64_t>::min());
  for (const auto* part : {"\"SubmitTime\":9007199254740993,", "\"CreateIndex\":18446744073709551615,", "\"Priority\":-9223372036854775808,"}) {
    CHECK(to_json(job).find(part) != std::string::npos);
  }

  Task task;
  REQUIRE(from_json(R"({"Config": {"big": 9007199254740993, "huge": 18446744073709551615, "x": 1.50, "y": 2.0, "n": null}})", task));
  CHECK(task.config() == R"({"big":9007199254740993,"huge":18446744073709551615,"x":1.5,"y":2.0,"n":null})");
}

TEST_CASE("errors name the place and what was found there") {
  CHECK(error_of(R"({"TaskGroups": [{"Count": "3"}]})") == "Job.TaskGroups[0].Count: expected an integer, found a string");
  CHECK(error_of(R"({"TaskGroups": [{}, {"Tasks": [{"Env": {"A": 1}}]}]})") ==
        "Job.TaskGroups[1].Tasks[0].Env.A: expected a string, found an integer");
  CHECK(error_of(R"({"priority": 1.5})") == "Job.Priority: expected an integer, found a number with a fraction or beyond 64 bits");
  CHECK(error_of(R"({"Priority": 18446744073709551615})") == "Job.Priority: the number does not fit");
  CHECK(error_of(R"({"CreateIndex": -1})") == "Job.CreateIndex: expected an integer of at least 0, found -1");
  CHECK(error_of(R"({"Datacenters": "dc1"})") == "Job.Datacenters: expected a list, found a string");
  CHECK(error_of(R"({"Datacenters": [null]})") == "Job.Datacenters[0]: expected a value, found null");
  CHECK(error_of(R"({"Meta": []})") == "Job.Meta: expected an object, found a list");
  CHECK(error_of(R"({"Stop": "yes"})") == "Job.Stop: expected a boolean, found a string");
  CHECK(error_of(R"({"Payload": "*"})") == "Job.Payload: the string is not base64");
  CHECK(error_of(R"({"Update": {"Stagger": "soon"}})") ==
        "Job.Update.Stagger: 'soon' is not a duration such as \"30s\" or \"1h30m\"");
  CHECK(error_of("[]") == "Job: expected an object, found a list");
}

TEST_CASE("what is not JSON is refused with its position, and depth has a bound") {
  CHECK(error_of("").rfind("not valid JSON at byte 0", 0) == 0);
  CHECK(error_of(R"({"ID": "a)").rfind("not valid JSON", 0) == 0);
  CHECK(error_of(R"({"ID": tru})").rfind("not valid JSON at byte", 0) == 0);
  CHECK(error_of("{\"ID\": \"\xff\"}").rfind("not valid JSON", 0) == 0);
  std::string deep = R"({"Meta":)";
  for (int i = 0; i < 100'000; ++i) deep += '[';
  CHECK(error_of(deep).rfind("not valid JSON", 0) == 0);
}

TEST_CASE("one member of a body can be read") {
  Job job;
  REQUIRE(from_json_member(R"({"EnforceIndex": true, "Job": {"ID": "web"}})", "Job", job));
  CHECK(job.id() == "web");
  CHECK(from_json_member(R"({"EnforceIndex": true})", "Job", job).error().code == Code::not_found);
  CHECK(from_json_member(R"({"Job": null})", "Job", job).error().code == Code::not_found);
  CHECK(from_json_member(R"({"Job": {"ID": 1}})", "Job", job).error().message == "Job.ID: expected a string, found an integer");
  CHECK(from_json_member("3", "Job", job).error().code == Code::invalid);
}

TEST_CASE("a message comes back the same from its own JSON") {
  Evaluation eval;
  eval.set_id("e");
  eval.set_wait_until(1'700'000'000'000'000'001);
  (*eval.mutable_queued_allocations())["web"] = 3;
  auto& metric = (*eval.mutable_failed_tg_allocs())["web"];
  metric.set_nodes_evaluated(4);
  (*metric.mutable_dimension_exhausted())["memory"] = 4;
  metric.add_score_meta_data()->set_norm_score(0.125);

  Evaluation again;
  REQUIRE(from_json(to_json(eval), again));
  CHECK(to_json(again) == to_json(eval));
}

}  // namespace
}  // namespace drover::model
