#include "server/state/state.h"

#include <catch2/catch.hpp>

#include "model/proto/alloc.pb.h"
#include "model/proto/evaluation.pb.h"
#include "model/proto/job.pb.h"
#include "model/proto/job_view.pb.h"
#include "model/proto/node.pb.h"
#include "model/proto/session.pb.h"
#include "server/state/serialize.h"

namespace drover::server {
namespace {

constexpr std::size_t versions_max = 6;
const JobKey web{"default", "web"};

model::Job job_named(const std::string& id) {
  model::Job job;
  job.set_namespace_("default");
  job.set_id(id);
  job.set_name(id);
  job.set_type("service");
  job.add_task_groups()->set_name("g");
  return job;
}

Uuid id_of(int n) {
  Uuid id;
  id.bytes[0] = 0xaa;
  id.bytes[15] = static_cast<std::uint8_t>(n);
  return id;
}

model::Evaluation eval_of(int n, const std::string& status) {
  model::Evaluation eval;
  eval.set_id(to_text(id_of(n)));
  eval.set_namespace_("default");
  eval.set_job_id("web");
  eval.set_status(status);
  return eval;
}

model::Allocation alloc_of(int n, int node) {
  model::Allocation alloc;
  alloc.set_id(to_text(id_of(n)));
  alloc.set_namespace_("default");
  alloc.set_job_id("web");
  alloc.set_task_group("g");
  alloc.set_name("web.g[" + std::to_string(n) + "]");
  alloc.set_node_id(to_text(id_of(node)));
  alloc.set_eval_id(to_text(id_of(200)));
  alloc.set_desired_status("run");
  alloc.set_client_status("pending");
  return alloc;
}

model::AllocStatus status_of(int n, const std::string& status) {
  model::AllocStatus change;
  change.set_id(to_text(id_of(n)));
  change.set_client_status(status);
  return change;
}

std::string job_status(const State& state) { return std::string(to_text(state.current("default", "web")->status)); }

/// A job with a pending evaluation and `allocs` allocations, numbered from 1, on node 100.
State with_allocs(int allocs) {
  State state;
  state.begin(1, 1000);
  state.put_job(job_named("web"), versions_max);
  state.put_eval(eval_of(200, "pending"));
  state.begin(2, 2000);
  for (int n = 1; n <= allocs; ++n) REQUIRE(state.place(alloc_of(n, 100), state.current_number(web), nullptr).ok());
  return state;
}

}  // namespace

TEST_CASE("a job's versions are listed newest first, and only so many") {
  State state;
  for (Index index = 1; index <= 9; ++index) {
    state.begin(index, 0);
    state.put_job(job_named("web"), versions_max);
  }

  const auto versions = state.versions("default", "web");
  REQUIRE(versions.size() == versions_max);
  CHECK(versions.front()->version == 8);
  CHECK(versions.back()->version == 3);
  CHECK(state.job("default", "web")->create_index == 1);
  CHECK(state.job("default", "web")->job_modify_index == 9);
}

TEST_CASE("a job is pending, running and dead as its evaluations and allocations say") {
  State state;
  state.begin(1, 0);
  state.put_job(job_named("web"), versions_max);
  CHECK(job_status(state) == "pending");

  state.put_eval(eval_of(200, "pending"));
  CHECK(job_status(state) == "pending");
  REQUIRE(state.place(alloc_of(1, 100), state.current_number(web), nullptr).ok());
  CHECK(job_status(state) == "running");

  state.put_eval(eval_of(200, "complete"));
  CHECK(job_status(state) == "running");
  REQUIRE(state.update(status_of(1, "complete")).ok());
  CHECK(job_status(state) == "dead");
}

TEST_CASE("the summary follows what agents say") {
  State state = with_allocs(3);

  REQUIRE(state.update(status_of(1, "running")).ok());
  REQUIRE(state.update(status_of(2, "running")).ok());
  REQUIRE(state.update(status_of(2, "failed")).ok());

  const GroupCounts counts = state.summary("default", "web")->groups.at("g");
  CHECK(counts.starting == 1);
  CHECK(counts.running == 1);
  CHECK(counts.failed == 1);
}

TEST_CASE("an allocation that has ended does not come back, whatever its agent says; how it ended may still be told") {
  State state = with_allocs(1);
  state.begin(40, 0);
  REQUIRE(state.update(status_of(1, "failed")).ok());
  const auto client = [&state] { return state.alloc(id_of(1))->client; };
  REQUIRE(client() == ClientStatus::failed);

  state.begin(50, 0);
  REQUIRE(state.update(status_of(1, "running")).ok());
  CHECK(client() == ClientStatus::failed);
  CHECK(state.alloc(id_of(1))->alloc_modify_index == 50);  // so that its agent is told of it again
  state.begin(51, 0);
  REQUIRE(state.update(status_of(1, "running")).ok());
  CHECK(state.alloc(id_of(1))->alloc_modify_index == 50);  // once
  REQUIRE(state.update(status_of(1, "complete")).ok());
  CHECK(client() == ClientStatus::complete);
}

TEST_CASE("what is saved and restored has all allocations, those that have ended as well") {
  State state = with_allocs(3);
  REQUIRE(state.update(status_of(1, "running")).ok());
  REQUIRE(state.update(status_of(2, "failed")).ok());
  REQUIRE(state.update(status_of(3, "complete")).ok());

  const Result<State> copy = restore(serialize(*state.snapshot()));

  REQUIRE(copy.ok());
  CHECK(copy->alloc_count() == 3);
  for (int n = 1; n <= 3; ++n) CHECK(copy->alloc(id_of(n))->client == state.alloc(id_of(n))->client);
}

TEST_CASE("the index of a table is that of its last change: readers that wait for more are told of it") {
  State state = with_allocs(1);
  state.begin(7, 0);
  REQUIRE(state.update(status_of(1, "running")).ok());
  CHECK(state.index(Topic::allocs) == 7);
  CHECK(state.index(Topic::evals) == 1);
}

TEST_CASE("a snapshot does not see later changes") {
  State state = with_allocs(1);
  const SnapshotPtr before = state.snapshot();

  state.begin(3, 0);
  REQUIRE(state.update(status_of(1, "running")).ok());

  CHECK(before->alloc(id_of(1))->client == ClientStatus::pending);
  CHECK(state.alloc(id_of(1))->client == ClientStatus::running);
  CHECK(before->index(Topic::allocs) == 2);
  CHECK(state.index(Topic::allocs) == 3);
}

TEST_CASE("allocations are found by job, node and evaluation until they are erased") {
  State state = with_allocs(2);
  const auto count = [](auto each) {
    int found = 0;
    each([&found](const AllocRow&) { return ++found, true; });
    return found;
  };
  const auto by_job = [&state](const auto& visit) { state.each_alloc_of_job("default", "web", visit); };
  const auto by_node = [&state](const auto& visit) { state.each_alloc_on_node(id_of(100), visit); };
  const auto by_eval = [&state](const auto& visit) { state.each_alloc_of_eval(id_of(200), visit); };
  CHECK(count(by_job) == 2);
  CHECK(count(by_node) == 2);
  CHECK(count(by_eval) == 2);

  CHECK(state.erase_alloc(id_of(1)));

  CHECK(count(by_job) == 1);
  CHECK(count(by_node) == 1);
  CHECK(count(by_eval) == 1);
}

TEST_CASE("an allocation shows its job version after the job is purged, and everything goes with the last of them") {
  State state = with_allocs(1);
  CHECK(state.erase_job(web));
  CHECK(state.job("default", "web") == nullptr);
  CHECK(state.version_of(*state.alloc(id_of(1))).spec->id() == "web");

  CHECK(state.erase_alloc(id_of(1)));
  CHECK(state.erase_eval(id_of(200)));

  CHECK(state.tables().versions.size() == 0);
  CHECK(state.tables().job_names.numbers.size() == 0);
  CHECK(state.tables().node_ids.numbers.size() == 0);
  CHECK(state.tables().eval_ids.numbers.size() == 0);
  CHECK(state.tables().counts.size() == 0);
  CHECK(state.tables().shapes.size() == 0);
}

TEST_CASE("a replacement is linked to the allocation it replaces") {
  State state = with_allocs(1);
  auto replacement = alloc_of(2, 101);
  replacement.set_previous_allocation(to_text(id_of(1)));

  state.begin(3, 0);
  REQUIRE(state.place(replacement, state.current_number(web), nullptr).ok());

  CHECK(state.alloc(id_of(1))->next() == id_of(2));
}

TEST_CASE("placing an allocation again keeps what the agent has said of it") {
  State state = with_allocs(1);
  REQUIRE(state.update(status_of(1, "running")).ok());

  state.begin(3, 0);
  REQUIRE(state.place(alloc_of(1, 100), state.current_number(web), nullptr).ok());

  CHECK(state.alloc(id_of(1))->client == ClientStatus::running);
  CHECK(state.alloc(id_of(1))->create_index == 2);
  CHECK(state.alloc(id_of(1))->alloc_modify_index == 3);
}

TEST_CASE("id prefixes of any length name a range") {
  CHECK(ids_with_prefix("").has_value());
  CHECK(ids_with_prefix("aa")->contains(id_of(1)));
  CHECK_FALSE(ids_with_prefix("ab")->contains(id_of(1)));
  CHECK(ids_with_prefix("AA000000-0000")->contains(id_of(1)));
  CHECK_FALSE(ids_with_prefix("zz").has_value());
  CHECK_FALSE(ids_with_prefix("aa0000001").has_value());
}

}  // namespace drover::server
