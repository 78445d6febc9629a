#include "agent/alloc/restart.h"

#include <catch2/catch.hpp>

#include "model/proto/group.pb.h"

namespace drover::agent {
namespace {

using What = RestartDecision::What;

Instant at(Duration since) { return Instant(std::chrono::hours(1000)) + since; }
RunEnd exited(int code) { return TaskExit{code, 0, false, ""}; }
const RestartRules service = {.attempts = 2, .interval = 10min, .delay = 5s, .wait_when_spent = false, .restart_on_success = true};

}  // namespace

TEST_CASE("a failing task is restarted until its attempts are spent, and again in the next interval", "[agent]") {
  RestartHistory history;
  for (int i = 0; i < 2; ++i) {
    const RestartDecision again = after_end(service, history, exited(1), at(i * 10s));
    CHECK(again.what == What::restart);
    CHECK(again.delay == 5s);
    CHECK(again.reason == "Restart within policy");
    history = again.history;
  }
  const RestartDecision spent = after_end(service, history, exited(1), at(30s));
  CHECK(spent.what == What::give_up);
  CHECK(spent.reason == "Exceeded allowed attempts 2 in interval 10m0s and mode is \"fail\"");
  CHECK(after_end(service, history, exited(1), at(11min)).what == What::restart);
}

TEST_CASE("in mode delay a spent policy waits for the interval's end", "[agent]") {
  RestartRules rules = service;
  rules.wait_when_spent = true;
  const RestartDecision decision = after_end(rules, {2, at(0s)}, exited(1), at(4min));
  CHECK(decision.what == What::restart);
  CHECK(decision.delay == 6min);
  CHECK(decision.reason == "Exceeded allowed attempts, applying a delay");
}

TEST_CASE("success ends a batch task and counts as an attempt of a service", "[agent]") {
  RestartRules batch = service;
  batch.restart_on_success = false;
  CHECK(after_end(batch, {}, exited(0), at(0s)).what == What::finish);
  CHECK(after_end(service, {}, exited(0), at(0s)).what == What::restart);
  CHECK(after_end(service, {2, at(0s)}, exited(0), at(1s)).what == What::give_up);
}

TEST_CASE("no attempts means no restart, but a restart asked for is always given", "[agent]") {
  RestartRules none = service;
  none.attempts = 0;
  CHECK(after_end(none, {}, exited(1), at(0s)).reason == "Policy allows no restarts");
  const RestartDecision asked = after_end(none, {}, AskedRestart{}, at(0s));
  CHECK(asked.what == What::restart);
  CHECK(asked.delay == 0s);
  CHECK(asked.history == RestartHistory{});
}

TEST_CASE("a start that cannot succeed is not tried again", "[agent]") {
  CHECK(after_end(service, {}, StartFailure{"no such file", false}, at(0s)).reason == "Error was unrecoverable");
  CHECK(after_end(service, {}, StartFailure{"busy", true}, at(0s)).what == What::restart);
}

TEST_CASE("a task's own policy wins over its group's, and its kind decides about success", "[agent]") {
  model::TaskGroup group;
  group.mutable_restart_policy()->set_attempts(7);
  model::Task task;
  CHECK(restart_rules(task, group, "service").attempts == 7);
  CHECK(restart_rules(task, group, "service").restart_on_success);
  CHECK_FALSE(restart_rules(task, group, "batch").restart_on_success);

  task.mutable_restart_policy()->set_attempts(1);
  task.mutable_lifecycle()->set_hook("prestart");
  CHECK(restart_rules(task, group, "service").attempts == 1);
  CHECK_FALSE(restart_rules(task, group, "service").restart_on_success);
  task.mutable_lifecycle()->set_sidecar(true);
  CHECK(restart_rules(task, group, "batch").restart_on_success);
}

}  // namespace drover::agent
