#include "model/policy.h"

#include <algorithm>

#include "model/json/text.h"
#include "model/proto/alloc.pb.h"
#include "model/proto/job.pb.h"

namespace drover::model {
namespace {

constexpr int unlimited_events_max = 5;  ///< events kept of a policy without limit

const std::string within_policy = "Restart within policy";

bool is_batch(const Job& job) { return job.type() == "batch" || job.type() == "sysbatch"; }

/// An interval that has passed is over; the first failure after it begins the next.
void begin_interval(const RestartPolicy& policy, Instant now, RestartHistory& history) {
  if (history.since && now <= *history.since + Duration(policy.interval())) return;
  history.since = now;
  history.count = 0;
}

std::string exceeded(const RestartPolicy& policy) {
  return "Exceeded allowed attempts " + std::to_string(policy.attempts()) + " in interval " + duration_text(policy.interval()) +
         " and mode is \"" + policy.mode() + "\"";
}

Duration stretched(std::int64_t delay_ns, double jitter) {
  return Duration(delay_ns + static_cast<std::int64_t>(jitter * 0.25 * static_cast<double>(delay_ns)));
}

// Rescheduling.

/// The delay before the bound of the policy is looked at.
std::int64_t raw_delay(const ReschedulePolicy& policy, const RescheduleTracker& tracker) {
  const int events = tracker.events_size();
  if (events == 0 || policy.delay_function() == "constant") return policy.delay();
  const std::int64_t last = tracker.events(events - 1).delay();
  if (policy.delay_function() == "exponential") return last * 2;
  if (events == 1) return policy.delay();
  const std::int64_t before = tracker.events(events - 2).delay();
  const bool series_ended = before == policy.max_delay() && last == policy.delay();
  return series_ended ? last : last + before;
}

std::int64_t next_delay(const ReschedulePolicy& policy, const RescheduleTracker& tracker, Instant failed) {
  const std::int64_t delay = raw_delay(policy, tracker);
  if (policy.delay_function() == "constant" || policy.max_delay() == 0 || delay <= policy.max_delay()) return delay;
  // What ran longer than the longest delay begins anew.
  const auto& events = tracker.events();
  const std::int64_t last = events.empty() ? 0 : events[events.size() - 1].reschedule_time();
  return to_ns(failed) - last > policy.max_delay() ? policy.delay() : policy.max_delay();
}

std::int64_t attempts_since(const RescheduleTracker& tracker, std::int64_t from_ns) {
  return std::ranges::count_if(tracker.events(), [from_ns](const RescheduleEvent& event) { return event.reschedule_time() > from_ns; });
}

}  // namespace

AfterSuccess after_success(const Job& job, const Task& task) {
  if (!task.has_lifecycle() || task.lifecycle().hook().empty()) return is_batch(job) ? AfterSuccess::finish : AfterSuccess::restart;
  if (task.lifecycle().hook() == "poststop") return AfterSuccess::finish;
  return task.lifecycle().sidecar() ? AfterSuccess::restart : AfterSuccess::finish;
}

RestartDecision after_exit(const RestartPolicy& policy, AfterSuccess on_success, Ended ended, Instant now, double jitter,
                           RestartHistory& history) {
  if (ended == Ended::success && on_success == AfterSuccess::finish) return Finish{};
  if (policy.attempts() == 0) return GiveUp{"Policy allows no restarts"};
  if (ended == Ended::fatal) return GiveUp{"Error was unrecoverable"};

  begin_interval(policy, now, history);
  ++history.count;
  if (history.count <= policy.attempts()) return RestartAfter{stretched(policy.delay(), jitter), within_policy};
  if (policy.mode() != "delay") return GiveUp{exceeded(policy)};
  return RestartAfter{*history.since + Duration(policy.interval()) - now, "Exceeded allowed attempts, applying a delay"};
}

bool reschedules(const ReschedulePolicy& policy) { return policy.unlimited() || policy.attempts() > 0; }

const ReschedulePolicy& system_reschedule_policy() {
  static const ReschedulePolicy policy = [] {
    ReschedulePolicy made;
    made.set_delay(Duration(30s).count());
    made.set_delay_function("exponential");
    made.set_max_delay(Duration(5min).count());
    made.set_unlimited(true);
    return made;
  }();
  return policy;
}

std::optional<RescheduleTime> next_reschedule(const ReschedulePolicy& policy, const RescheduleTracker& tracker, Instant failed) {
  if (!reschedules(policy)) return {};
  const std::int64_t delay = next_delay(policy, tracker, failed);
  if (!policy.unlimited()) {
    const std::int64_t spent = attempts_since(tracker, to_ns(failed) - policy.interval());
    if (spent >= policy.attempts()) return {};
    if (tracker.events_size() > 0 && delay >= policy.interval()) return {};
  }
  return RescheduleTime{failed + Duration(delay), Duration(delay)};
}

RescheduleTracker tracker_after(const ReschedulePolicy& policy, const RescheduleTracker& tracker, const std::string& alloc_id,
                                const std::string& node_id, Duration delay, Instant now) {
  RescheduleTracker next;
  const int size = tracker.events_size();
  for (int i = 0; i < size; ++i) {
    const bool counts = policy.unlimited() ? i >= size - unlimited_events_max
                                           : tracker.events(i).reschedule_time() > to_ns(now) - policy.interval();
    if (counts) *next.add_events() = tracker.events(i);
  }
  auto& event = *next.add_events();
  event.set_reschedule_time(to_ns(now));
  event.set_prev_alloc_id(alloc_id);
  event.set_prev_node_id(node_id);
  event.set_delay(delay.count());
  next.set_last_reschedule("ok");
  return next;
}

Instant failed_at(const Allocation& alloc) {
  std::int64_t last = 0;
  for (const auto& [name, state] : alloc.task_states()) last = std::max(last, state.finished_at());  // order does not matter
  return from_ns(last != 0 ? last : alloc.modify_time());
}

}  // namespace drover::model
