#include "model/diff/job_diff.h"

#include <filesystem>

#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include "model/canonicalize.h"
#include "model/json/codec.h"
#include "model/proto/diff.pb.h"
#include "model/proto/evaluation.pb.h"
#include "model/proto/job.pb.h"
#include "tests/recorded.h"

namespace drover::model {
namespace {

namespace fs = std::filesystem;

Job job_with(std::int64_t count) {
  Job job;
  job.set_id("web");
  job.set_type("service");
  auto& group = *job.add_task_groups();
  group.set_name("g");
  group.set_count(count);
  auto& task = *group.add_tasks();
  task.set_name("t");
  task.set_driver("raw_exec");
  task.set_config(R"({"command":"/bin/true","args":["a"]})");
  return job;
}

TEST_CASE("equal jobs have no difference, whatever the server keeps of them") {
  const Job before = job_with(1);
  Job after = before;
  after.set_version(7);
  after.set_modify_index(12);
  const JobDiff diff = diff_jobs(&before, &after);
  CHECK(diff.type() == "None");
  CHECK(diff.fields().empty());
  CHECK(diff.task_groups(0).type() == "None");
}

TEST_CASE("a changed count names both values, and annotations what it forces") {
  const Job before = job_with(1);
  const Job after = job_with(3);
  JobDiff diff = diff_jobs(&before, &after);
  CHECK(diff.type() == "Edited");
  REQUIRE(diff.task_groups(0).fields_size() == 1);
  CHECK(diff.task_groups(0).fields(0).old() == "1");
  CHECK(diff.task_groups(0).fields(0).new_() == "3");

  PlanAnnotations plan;
  (*plan.mutable_desired_tg_updates())["g"].set_place(2);
  annotate(diff, plan);
  CHECK(diff.task_groups(0).fields(0).annotations(0) == "forces create");
  CHECK(diff.task_groups(0).updates().at("create") == 2);
}

TEST_CASE("a job that is new is added with all its parts") {
  const Job job = job_with(1);
  const JobDiff diff = diff_jobs(nullptr, &job);
  CHECK(diff.type() == "Added");
  CHECK(diff.task_groups(0).tasks(0).type() == "Added");
  CHECK(diff_jobs(&job, nullptr).type() == "Deleted");
}

std::optional<Job> stored(const fs::path& file) {
  const auto json = tests::recorded_json(file);
  if (!json) return std::nullopt;
  Job job;
  REQUIRE(from_json(boost::json::serialize(*json), job));
  canonicalize(job);
  complete_for_store(job);
  return job;
}

TEST_CASE("recorded pairs of jobs have the recorded differences") {
  const fs::path folder = tests::recorded_or_skip("corpora") / "diffs";
  if (!fs::exists(folder)) return;
  int pairs = 0;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const auto plan = tests::recorded_json(entry.path() / "plan.json");
    if (!plan || plan->at("HTTPStatus") != 200) continue;
    const std::optional<Job> before = stored(entry.path() / "before.json");
    const std::optional<Job> after = stored(entry.path() / "after.json");
    if (!after) continue;
    PlanAnnotations annotations;
    for (const auto& [group, updates] : plan->at("DesiredTGUpdates").as_object()) {
      REQUIRE(from_json(boost::json::serialize(updates), (*annotations.mutable_desired_tg_updates())[std::string(group)]));
    }
    JobDiff diff = diff_jobs(before ? &*before : nullptr, &*after);
    annotate(diff, annotations);
    INFO(entry.path());
    const auto got = boost::json::parse(to_json(diff));
    CHECK(tests::first_difference(plan->at("Diff"), got, "Diff") == "");
    ++pairs;
  }
  CHECK(pairs > 0);
}

}  // namespace
}  // namespace drover::model
