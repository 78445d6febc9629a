#include "agent/alloc/health.h"

#include <catch2/catch.hpp>

#include "agent/testing/fixtures.h"
#include "model/proto/alloc.pb.h"

namespace drover::agent {
namespace {

std::vector<TaskHealth> one(TaskPhase phase, bool failed = false, Duration started = 1s) {
  return {{{"server", TaskKind::main, phase, failed, false}, Instant{} + started}};
}
ChecksHealth passing() { return {1, {}}; }
ChecksHealth failing() { return {1, {"api: alive (connection refused)"}}; }

HealthWatch watch_of(bool checks = true) { return HealthWatch({checks, 10s, 5min}, 0s); }

}  // namespace

TEST_CASE("running for min_healthy_time with all checks good is healthy", "[agent]") {
  HealthWatch watch = watch_of();
  CHECK_FALSE(watch.look(one(TaskPhase::running), failing(), 1s));
  CHECK_FALSE(watch.look(one(TaskPhase::running), passing(), 5s));
  CHECK(watch.until_next(5s) == 10s);
  CHECK_FALSE(watch.look(one(TaskPhase::running), passing(), 14s));
  CHECK(watch.look(one(TaskPhase::running), passing(), 15s) == HealthVerdict{true, "", {}});
}

TEST_CASE("a break begins the time anew: a failing check, another start", "[agent]") {
  HealthWatch watch = watch_of();
  CHECK_FALSE(watch.look(one(TaskPhase::running), passing(), 1s));
  CHECK_FALSE(watch.look(one(TaskPhase::running), failing(), 8s));
  CHECK_FALSE(watch.look(one(TaskPhase::running), passing(), 9s));
  CHECK_FALSE(watch.look(one(TaskPhase::running), passing(), 12s));
  CHECK_FALSE(watch.look(one(TaskPhase::running, false, 13s), passing(), 13s));
  CHECK_FALSE(watch.look(one(TaskPhase::running, false, 13s), passing(), 22s));
  CHECK(watch.look(one(TaskPhase::running, false, 13s), passing(), 23s)->healthy);
}

TEST_CASE("checks do not count where only the states of tasks do", "[agent]") {
  HealthWatch watch = watch_of(false);
  CHECK_FALSE(watch.look(one(TaskPhase::running), failing(), 1s));
  CHECK(watch.look(one(TaskPhase::running), failing(), 11s)->healthy);
}

TEST_CASE("a task that failed or ended is unhealthy at once; an ended prestart is not", "[agent]") {
  CHECK(watch_of().look(one(TaskPhase::dead, true), passing(), 1s)->reason == "Unhealthy because of failed task");
  CHECK(watch_of().look(one(TaskPhase::dead), passing(), 1s)->reason == "Unhealthy because of dead task");

  HealthWatch watch = watch_of();
  std::vector<TaskHealth> tasks = one(TaskPhase::running);
  tasks.push_back({{"init", TaskKind::prestart, TaskPhase::dead, false, false}, {}});
  tasks.push_back({{"clean", TaskKind::poststop, TaskPhase::pending, false, false}, {}});
  CHECK_FALSE(watch.look(tasks, passing(), 1s));
  CHECK(watch.look(tasks, passing(), 11s)->healthy);
}

TEST_CASE("the deadline names what was missing", "[agent]") {
  const auto pending = watch_of().look(one(TaskPhase::pending), passing(), 5min);
  REQUIRE(pending);
  CHECK(pending->reason == "Task not running by healthy_deadline of 5m0s");
  CHECK(pending->guilty == std::vector<std::string>{"server"});

  const auto checks = watch_of().look(one(TaskPhase::running), failing(), 5min);
  REQUIRE(checks);
  CHECK(checks->reason == "Services not healthy by deadline: api: alive (connection refused)");
}

TEST_CASE("update says how to judge; without it migrate does; batch jobs are not judged", "[agent]") {
  const auto policy_of = [](const std::function<void(model::Allocation&, model::TaskGroup&)>& change) {
    const auto alloc = make_alloc(change);
    return health_policy(*alloc, alloc->job().task_groups(0));
  };
  CHECK_FALSE(policy_of([](auto&, auto&) {}));
  CHECK(policy_of([](auto&, model::TaskGroup& group) {
          group.mutable_update()->set_max_parallel(1);
          group.mutable_update()->set_health_check("task_states");
          group.mutable_update()->set_min_healthy_time(Duration(1s).count());
          group.mutable_update()->set_healthy_deadline(Duration(1min).count());
        }) == HealthPolicy{false, 1s, 1min});
  CHECK_FALSE(policy_of([](auto&, model::TaskGroup& group) {
    group.mutable_update()->set_max_parallel(1);
    group.mutable_update()->set_health_check("manual");
  }));
  CHECK_FALSE(policy_of([](model::Allocation& alloc, model::TaskGroup& group) {
    alloc.mutable_job()->set_type("batch");
    group.mutable_update()->set_max_parallel(1);
  }));
}

}  // namespace drover::agent
