#include "model/canonicalize.h"

#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include "model/json/codec.h"
#include "model/proto/job.pb.h"
#include "tests/recorded.h"

namespace drover::model {
namespace {

namespace fs = std::filesystem;

Job small_job(const std::string& type) {
  Job job;
  REQUIRE(from_json(R"({"ID": "web", "Type": ")" + type + R"(", "TaskGroups": [{"Name": "g", "Tasks": [{"Name": "t", "Driver": "d"}]}]})", job));
  canonicalize(job);
  return job;
}

TEST_CASE("a small service gets the defaults of its type") {
  const Job job = small_job("");

  CHECK(job.name() == "web");
  CHECK(job.type() == "service");
  CHECK(job.priority() == 50);
  const TaskGroup& group = job.task_groups(0);
  CHECK(group.count() == 1);
  CHECK(group.restart_policy().attempts() == 2);
  CHECK(group.reschedule_policy().unlimited());
  CHECK(group.update().max_parallel() == 1);
  CHECK(group.tasks(0).resources().cpu() == 100);
  CHECK(group.tasks(0).restart_policy().mode() == "fail");
}

TEST_CASE("a batch job has no update strategy and reschedules once a day") {
  const TaskGroup group = small_job("batch").task_groups(0);

  CHECK_FALSE(group.has_update());
  CHECK_FALSE(group.has_migrate());
  CHECK(group.reschedule_policy().attempts() == 1);
  CHECK(group.restart_policy().attempts() == 3);
}

TEST_CASE("a system job is never rescheduled") { CHECK_FALSE(small_job("system").task_groups(0).has_reschedule_policy()); }

TEST_CASE("both steps may be repeated without effect") {
  Job job = small_job("service");
  complete_for_store(job);
  Job again = job;

  canonicalize(again);
  complete_for_store(again);

  CHECK(to_json(again, Form::sent) == to_json(job, Form::sent));
}

TEST_CASE("Consul is demanded of nodes only where there is one") {
  Job job;
  REQUIRE(from_json(R"({"ID": "web", "TaskGroups": [{"Name": "g", "Services": [{"Name": "s"}]}]})", job));
  canonicalize(job);
  Job with_consul = job;

  complete_for_store(job);
  complete_for_store(with_consul, {.consul = true});

  CHECK(job.task_groups(0).services(0).provider() == "consul");
  CHECK(job.task_groups(0).constraints_size() == 0);
  CHECK(with_consul.task_groups(0).constraints(0).l_target() == "${attr.consul.version}");
}

/// Cases whose recorded answer holds something random, or numbers that the state gives, or Consul's side cars.
bool is_beyond_defaults(const std::string& name) {
  return name == "545-consul-esm" || name.ends_with("-scaling") || name.find("-connect-") != std::string::npos;
}

/// Reads `from` of each recorded case, lets `change` work on it and compares with `to`.
template <class Change>
void compare_recorded(std::string_view group, std::string_view from, std::string_view to, Change&& change) {
  const fs::path folder = tests::recorded_or_skip("corpora") / group;
  if (!fs::exists(folder)) return;
  int files = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    if (is_beyond_defaults(entry.path().filename())) continue;
    const auto before = tests::recorded_json(entry.path() / from);
    const auto after = tests::recorded_json(entry.path() / to);
    if (!before || !after || before->as_object().contains("HTTPStatus") || after->as_object().contains("HTTPStatus")) continue;
    Job job;
    REQUIRE(from_json(boost::json::serialize(*before), job));
    change(job);
    INFO(entry.path());
    CHECK(tests::first_difference(*after, boost::json::parse(to_json(job, Form::sent)), "Job") == "");
    ++files;
  }
  CHECK(files > 0);
}

TEST_CASE("recorded jobs get the same defaults") {
  const auto change = [](Job& job) { canonicalize(job); };
  compare_recorded("jobspecs", "parsed.json", "canonical.json", change);
  compare_recorded("targeted", "parsed.json", "canonical.json", change);
}

TEST_CASE("recorded jobs are stored in the same form") {
  compare_recorded("defaults", "canonical.json", "stored.json", [](Job& job) { complete_for_store(job, {.consul = true}); });
}

}  // namespace
}  // namespace drover::model
