#include "model/policy.h"

#include <catch2/catch.hpp>

#include "model/proto/alloc.pb.h"
#include "model/proto/job.pb.h"

namespace drover::model {
namespace {

constexpr Instant at(Duration since_start) { return Instant(since_start); }

RestartPolicy restart_policy(std::int64_t attempts, Duration interval, Duration delay, const std::string& mode = "fail") {
  RestartPolicy policy;
  policy.set_attempts(attempts);
  policy.set_interval(interval.count());
  policy.set_delay(delay.count());
  policy.set_mode(mode);
  return policy;
}

Duration delay_of(const RestartDecision& decision) {
  const auto* again = std::get_if<RestartAfter>(&decision);
  REQUIRE(again);
  return again->delay;
}

std::string give_up_reason(const RestartDecision& decision) {
  const auto* end = std::get_if<GiveUp>(&decision);
  REQUIRE(end);
  return end->reason;
}

TEST_CASE("a failing task is restarted until its attempts are spent, and again once the interval has passed") {
  const auto policy = restart_policy(2, 10min, 5s);
  RestartHistory history;
  const auto fails = [&](Duration when) { return after_exit(policy, AfterSuccess::restart, Ended::failure, at(when), 0, history); };

  CHECK(delay_of(fails(0s)) == 5s);
  CHECK(delay_of(fails(10s)) == 5s);
  CHECK(give_up_reason(fails(20s)) == "Exceeded allowed attempts 2 in interval 10m0s and mode is \"fail\"");
  CHECK(delay_of(fails(11min)) == 5s);
}

TEST_CASE("mode delay waits for the end of the interval instead of giving up") {
  const auto policy = restart_policy(1, 10min, 5s, "delay");
  RestartHistory history;
  const auto fails = [&](Duration when) { return after_exit(policy, AfterSuccess::restart, Ended::failure, at(when), 0, history); };

  CHECK(delay_of(fails(0s)) == 5s);
  CHECK(delay_of(fails(1min)) == 9min);
}

TEST_CASE("jitter stretches the delay by a quarter at most") {
  RestartHistory history;
  CHECK(delay_of(after_exit(restart_policy(2, 10min, 20s), AfterSuccess::restart, Ended::failure, at(0s), 0.5, history)) == 22500ms);
}

TEST_CASE("success ends batch work, and counts as an attempt of a service") {
  const auto policy = restart_policy(1, 10min, 5s);
  RestartHistory history;
  const auto succeeds = [&](AfterSuccess after) { return after_exit(policy, after, Ended::success, at(0s), 0, history); };

  CHECK(succeeds(AfterSuccess::finish) == RestartDecision(Finish{}));
  CHECK(delay_of(succeeds(AfterSuccess::restart)) == 5s);
  CHECK(give_up_reason(succeeds(AfterSuccess::restart)) == "Exceeded allowed attempts 1 in interval 10m0s and mode is \"fail\"");
}

TEST_CASE("what never can start, or may not be restarted, is given up at once") {
  RestartHistory history;
  const auto policy = restart_policy(3, 10min, 5s);
  CHECK(give_up_reason(after_exit(policy, AfterSuccess::restart, Ended::fatal, at(0s), 0, history)) == "Error was unrecoverable");
  CHECK(give_up_reason(after_exit(restart_policy(0, 10min, 5s), AfterSuccess::restart, Ended::failure, at(0s), 0, history)) ==
        "Policy allows no restarts");
}

TEST_CASE("what success means depends on job type and life cycle") {
  Job service;
  service.set_type("service");
  Job batch;
  batch.set_type("batch");
  Task main;
  Task sidecar;
  sidecar.mutable_lifecycle()->set_hook("prestart");
  sidecar.mutable_lifecycle()->set_sidecar(true);
  Task after;
  after.mutable_lifecycle()->set_hook("poststop");

  CHECK(after_success(service, main) == AfterSuccess::restart);
  CHECK(after_success(batch, main) == AfterSuccess::finish);
  CHECK(after_success(batch, sidecar) == AfterSuccess::restart);
  CHECK(after_success(service, after) == AfterSuccess::finish);
}

ReschedulePolicy reschedule_policy(const std::string& function, Duration delay, Duration max_delay) {
  ReschedulePolicy policy;
  policy.set_unlimited(true);
  policy.set_delay_function(function);
  policy.set_delay(delay.count());
  policy.set_max_delay(max_delay.count());
  return policy;
}

/// Delays of failures that follow each other at once.
std::vector<std::int64_t> delays_in_seconds(const ReschedulePolicy& policy, int count) {
  RescheduleTracker tracker;
  std::vector<std::int64_t> delays;
  Instant now = at(100h);
  for (int i = 0; i < count; ++i) {
    const auto next = next_reschedule(policy, tracker, now);
    REQUIRE(next);
    now = next->at;
    delays.push_back(next->delay / 1s);
    tracker = tracker_after(policy, tracker, "a", "n", next->delay, now);
  }
  return delays;
}

TEST_CASE("delays grow as their function says, up to the longest") {
  CHECK(delays_in_seconds(reschedule_policy("constant", 30s, 0s), 3) == std::vector<std::int64_t>{30, 30, 30});
  CHECK(delays_in_seconds(reschedule_policy("exponential", 30s, 200s), 5) == std::vector<std::int64_t>{30, 60, 120, 200, 200});
  CHECK(delays_in_seconds(reschedule_policy("fibonacci", 10s, 60s), 6) == std::vector<std::int64_t>{10, 10, 20, 30, 50, 60});
}

TEST_CASE("what ran longer than the longest delay starts again with the first") {
  const auto policy = reschedule_policy("exponential", 30s, 60s);
  RescheduleTracker tracker;
  tracker = tracker_after(policy, tracker, "a", "n", 60s, at(1h));

  CHECK(next_reschedule(policy, tracker, at(1h + 10s))->delay == 60s);
  CHECK(next_reschedule(policy, tracker, at(2h))->delay == 30s);
}

TEST_CASE("a limited policy ends with its attempts, and keeps what is in its interval") {
  ReschedulePolicy policy;
  policy.set_attempts(1);
  policy.set_delay(Duration(5s).count());
  policy.set_delay_function("constant");
  policy.set_interval(Duration(24h).count());
  RescheduleTracker tracker;

  const auto first = next_reschedule(policy, tracker, at(1h));
  REQUIRE(first);
  CHECK(first->at == at(1h + 5s));
  tracker = tracker_after(policy, tracker, "a", "n", first->delay, first->at);
  CHECK_FALSE(next_reschedule(policy, tracker, at(2h)));
  CHECK(next_reschedule(policy, tracker, at(26h)));

  policy.set_attempts(0);
  CHECK_FALSE(next_reschedule(policy, {}, at(1h)));
}

TEST_CASE("an unlimited policy remembers its last events") {
  const auto policy = reschedule_policy("constant", 5s, 0s);
  RescheduleTracker tracker;
  for (int i = 0; i < 10; ++i) tracker = tracker_after(policy, tracker, "a" + std::to_string(i), "n", 5s, at(i * 1h));

  CHECK(tracker.events_size() == 6);
  CHECK(tracker.events(5).prev_alloc_id() == "a9");
}

}  // namespace
}  // namespace drover::model
