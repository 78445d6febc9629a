#include "model/spec.h"

#include <functional>

#include <catch2/catch.hpp>

#include "model/canonicalize.h"
#include "model/json/codec.h"
#include "model/proto/job.pb.h"

namespace drover::model {
namespace {

Job base_job() {
  Job job;
  REQUIRE(from_json(R"({"ID": "web", "TaskGroups": [{"Name": "g", "Services": [{"Name": "s"}],
      "Tasks": [{"Name": "t", "Driver": "d", "Config": {"command": "x"}}]}]})",
                    job));
  canonicalize(job);
  complete_for_store(job);
  return job;
}

GroupChange change_after(const std::function<void(Job&)>& edit) {
  const Job before = base_job();
  Job after = before;
  edit(after);
  return change_of(before, after, before.task_groups(0), after.task_groups(0));
}

TEST_CASE("what the server writes into a job makes no new version") {
  const Job before = base_job();
  Job after = before;
  after.set_version(7);
  after.set_status("running");
  after.set_job_modify_index(99);
  after.set_stable(true);
  after.set_submit_time(5);

  CHECK(same_spec(before, after));
  after.set_priority(60);
  CHECK_FALSE(same_spec(before, after));
}

TEST_CASE("the order of a configuration's members means nothing") {
  Job before = base_job();
  Job after = before;
  before.mutable_task_groups(0)->mutable_tasks(0)->set_config(R"({"command":"x","args":[{"a":1,"b":2}]})");
  after.mutable_task_groups(0)->mutable_tasks(0)->set_config(R"({"args":[{"b":2,"a":1}],"command":"x"})");

  CHECK(same_spec(before, after));
  CHECK(change_of(before, after, before.task_groups(0), after.task_groups(0)) == GroupChange::none);
  after.mutable_task_groups(0)->mutable_tasks(0)->set_config(R"({"args":[{"b":2},{"a":1}],"command":"x"})");
  CHECK(change_of(before, after, before.task_groups(0), after.task_groups(0)) == GroupChange::destructive);
}

TEST_CASE("what tasks cannot survive is destructive") {
  const std::pair<const char*, std::function<void(Job&)>> edits[] = {
      {"driver", [](Job& job) { job.mutable_task_groups(0)->mutable_tasks(0)->set_driver("e"); }},
      {"config", [](Job& job) { job.mutable_task_groups(0)->mutable_tasks(0)->set_config("{}"); }},
      {"env", [](Job& job) { (*job.mutable_task_groups(0)->mutable_tasks(0)->mutable_env())["A"] = "1"; }},
      {"cpu", [](Job& job) { job.mutable_task_groups(0)->mutable_tasks(0)->mutable_resources()->set_cpu(7); }},
      {"task", [](Job& job) { job.mutable_task_groups(0)->add_tasks()->set_name("u"); }},
      {"task name", [](Job& job) { job.mutable_task_groups(0)->mutable_tasks(0)->set_name("u"); }},
      {"network", [](Job& job) { job.mutable_task_groups(0)->add_networks()->set_mode("bridge"); }},
      {"disk", [](Job& job) { job.mutable_task_groups(0)->mutable_ephemeral_disk()->set_size_mb(7); }},
      {"job meta", [](Job& job) { (*job.mutable_meta())["a"] = "1"; }},
      {"consul", [](Job& job) { job.mutable_task_groups(0)->mutable_consul()->set_namespace_("other"); }},
      {"connect", [](Job& job) { job.mutable_task_groups(0)->mutable_services(0)->mutable_connect()->set_native(true); }},
      {"logs off", [](Job& job) { job.mutable_task_groups(0)->mutable_tasks(0)->mutable_log_config()->set_disabled(true); }},
  };
  for (const auto& [name, edit] : edits) {
    INFO(name);
    CHECK(change_after(edit) == GroupChange::destructive);
  }
}

TEST_CASE("what the agent can learn is in place") {
  const std::pair<const char*, std::function<void(Job&)>> edits[] = {
      {"consul's default", [](Job& job) { job.mutable_task_groups(0)->mutable_consul()->set_namespace_("default"); }},
      {"count", [](Job& job) { job.mutable_task_groups(0)->set_count(5); }},
      {"priority", [](Job& job) { job.set_priority(60); }},
      {"service", [](Job& job) { job.mutable_task_groups(0)->mutable_services(0)->add_tags("x"); }},
      {"kill timeout", [](Job& job) { job.mutable_task_groups(0)->mutable_tasks(0)->set_kill_timeout(7); }},
      {"restart", [](Job& job) { job.mutable_task_groups(0)->mutable_tasks(0)->mutable_restart_policy()->set_attempts(7); }},
      {"log size", [](Job& job) { job.mutable_task_groups(0)->mutable_tasks(0)->mutable_log_config()->set_max_files(7); }},
      {"constraint", [](Job& job) { job.add_constraints()->set_operand("is_set"); }},
  };
  for (const auto& [name, edit] : edits) {
    INFO(name);
    CHECK(change_after(edit) == GroupChange::in_place);
  }
  CHECK(change_after([](Job&) {}) == GroupChange::none);
}

TEST_CASE("meta that ends up the same for the task is no change to it") {
  const auto move_down = [](Job& job) {
    (*job.mutable_task_groups(0)->mutable_tasks(0)->mutable_meta())["a"] = "1";
    (*job.mutable_meta())["a"] = "2";
  };
  const auto only_task = [](Job& job) { (*job.mutable_task_groups(0)->mutable_tasks(0)->mutable_meta())["a"] = "1"; };
  Job before = base_job();
  only_task(before);
  Job after = base_job();
  move_down(after);
  CHECK(change_of(before, after, before.task_groups(0), after.task_groups(0)) == GroupChange::in_place);
}

}  // namespace
}  // namespace drover::model
