#include "server/broker/blocked_evals.h"

#include <catch2/catch.hpp>

#include "model/proto/evaluation.pb.h"
#include "model/proto/job.pb.h"
#include "model/proto/node.pb.h"
#include "server/state/state.h"

namespace drover::server {
namespace {

Uuid id_of(int n) {
  Uuid id;
  id.bytes[0] = 2;
  id.bytes[15] = static_cast<std::uint8_t>(n);
  return id;
}

model::Node node(int n, std::int64_t memory_mb, const std::string& node_class = "v1:1") {
  model::Node made;
  made.set_id(to_text(id_of(n)));
  made.set_status("ready");
  made.set_scheduling_eligibility("eligible");
  made.set_computed_class(node_class);
  made.mutable_node_resources()->mutable_cpu()->set_cpu_shares(10000);
  made.mutable_node_resources()->mutable_memory()->set_memory_mb(memory_mb);
  made.mutable_node_resources()->mutable_disk()->set_disk_mb(10000);
  return made;
}

/// A job whose group asks for so much memory.
void put_job(State& state, const std::string& id, std::int64_t memory_mb) {
  model::Job job;
  job.set_namespace_("default");
  job.set_id(id);
  auto* group = job.add_task_groups();
  group->set_name("g");
  group->set_count(1);
  auto* task = group->add_tasks();
  task->set_name("t");
  task->mutable_resources()->set_cpu(100);
  task->mutable_resources()->set_memory_mb(memory_mb);
  state.put_job(job, 6);
}

EvalPtr blocked(int n, const std::string& job, Index seen) {
  auto made = std::make_shared<model::Evaluation>();
  made->set_id(to_text(id_of(n)));
  made->set_namespace_("default");
  made->set_job_id(job);
  made->set_priority(50);
  made->set_status("blocked");
  made->set_create_index(static_cast<std::uint64_t>(n));
  made->set_snapshot_index(seen);
  (*made->mutable_queued_allocations())["g"] = 1;
  return made;
}

}  // namespace

TEST_CASE("one freed slot wakes one evaluation; what it does not take is offered to the next") {
  State state;
  state.begin(1, 0);
  put_job(state, "a", 500);
  put_job(state, "b", 500);
  state.put_node(node(100, 600));
  BlockedEvals evals;
  const EvalPtr a = blocked(1, "a", 5);
  const EvalPtr b = blocked(2, "b", 5);
  evals.block(a, state);
  evals.block(b, state);
  CHECK(evals.wake(state).empty());

  evals.freed(id_of(100), 9);
  CHECK(evals.wake(state) == std::vector<EvalPtr>{a});
  CHECK(evals.wake(state).empty());

  evals.block(blocked(1, "a", 10), state);  // it could not use it
  CHECK(evals.wake(state) == std::vector<EvalPtr>{b});
}

TEST_CASE("room that is too small, or on a node of a class that is no good, wakes nobody") {
  State state;
  state.begin(1, 0);
  put_job(state, "a", 500);
  state.put_node(node(100, 400));
  state.put_node(node(101, 4000, "v1:bad"));
  BlockedEvals evals;
  auto eval = std::make_shared<model::Evaluation>(*blocked(1, "a", 5));
  (*eval->mutable_class_eligibility())["v1:bad"] = false;
  evals.block(eval, state);

  evals.freed(id_of(100), 9);
  evals.freed(id_of(101), 9);
  CHECK(evals.wake(state).empty());

  state.put_node(node(102, 4000, "v1:new"));
  evals.freed(id_of(102), 10);
  CHECK(evals.wake(state).size() == 1);
}

TEST_CASE("room that came after the snapshot but before the evaluation was blocked is not missed") {
  State state;
  state.begin(1, 0);
  put_job(state, "a", 500);
  state.put_node(node(100, 600));
  BlockedEvals evals;
  evals.freed(id_of(100), 9);

  evals.block(blocked(1, "a", 8), state);

  CHECK(evals.wake(state).size() == 1);
}

TEST_CASE("a job has one blocked evaluation: the newer stays") {
  State state;
  BlockedEvals evals;
  const EvalPtr old = blocked(1, "a", 5);
  const EvalPtr newer = blocked(2, "a", 7);
  CHECK(evals.block(old, state) == nullptr);

  CHECK(evals.block(newer, state) == old);
  CHECK(evals.block(old, state) == old);
  CHECK(evals.size() == 1);
}

}  // namespace drover::server
