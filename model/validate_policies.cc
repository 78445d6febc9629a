#include <algorithm>
#include <set>

#include "model/constraint.h"
#include "model/json/text.h"
#include "model/proto/job.pb.h"
#include "model/validate_parts.h"

namespace drover::model {
namespace {

constexpr std::int64_t second = 1'000'000'000;

template <class List>
bool is_one_of(const List& list, std::string_view text) {
  return std::ranges::find(list, text) != std::end(list);
}

/// How long all attempts of a limited policy take at least.
std::int64_t time_for_attempts(const ReschedulePolicy& policy) {
  std::int64_t total = 0;
  std::int64_t before = 0;
  std::int64_t delay = policy.delay();
  for (std::int64_t i = 0; i < policy.attempts() && total < policy.interval(); ++i) {
    total += delay;
    const std::int64_t last = delay;
    if (policy.delay_function() == "exponential") delay *= 2;
    if (policy.delay_function() == "fibonacci") delay = i == 0 ? delay : delay + before;
    before = last;
    if (policy.max_delay() > 0) delay = std::min(delay, policy.max_delay());
  }
  return total;
}

constexpr std::string_view delay_functions[] = {"constant", "exponential", "fibonacci"};

void check_limited(const ReschedulePolicy& policy, Problems& problems) {
  if (policy.interval() <= 0) {
    problems.add("Interval must be a non zero value if Attempts > 0");
    return;
  }
  if (policy.interval() < 15 * second) problems.add("Interval cannot be less than 15s (got {})", duration_text(policy.interval()));
  if (is_one_of(delay_functions, policy.delay_function()) && time_for_attempts(policy) > policy.interval()) {
    problems.add("Nomad can only make fewer than {} attempts in {} with initial delay {} and delay function \"{}\"", policy.attempts(),
                 duration_text(policy.interval()), duration_text(policy.delay()), policy.delay_function());
  }
}

}  // namespace

Problems problems_of(const RestartPolicy& policy) {
  Problems problems;
  if (policy.mode() != "fail" && policy.mode() != "delay") {
    problems.add("Unsupported restart mode: \"{}\"", policy.mode());
    return problems;
  }
  if (policy.attempts() == 0) {
    if (policy.mode() != "fail") problems.add("Restart policy \"{}\" with {} attempts is ambiguous", policy.mode(), policy.attempts());
    return problems;
  }
  if (policy.attempts() < 0) problems.add("Restart attempts cannot be negative, got {}", policy.attempts());
  if (policy.interval() < 5 * second) problems.add("Interval can not be less than 5s (got {})", duration_text(policy.interval()));
  if (policy.attempts() > 0 && policy.delay() > policy.interval() / policy.attempts()) {
    problems.add("Nomad can't restart the TaskGroup {} times in an interval of {} with a delay of {}", policy.attempts(),
                 duration_text(policy.interval()), duration_text(policy.delay()));
  }
  return problems;
}

Problems problems_of(const ReschedulePolicy& policy) {
  Problems problems;
  if (policy.attempts() <= 0 && !policy.unlimited()) return problems;
  if (policy.attempts() > 0 && policy.unlimited()) {
    problems.add("Reschedule Policy with Attempts = {}, Interval = {}, and Unlimited = true is ambiguous", policy.attempts(),
                 duration_text(policy.interval()));
    problems.add("If Attempts >0, Unlimited cannot also be set to true");
  }
  if (policy.delay() < 5 * second) problems.add("Delay cannot be less than 5s (got {})", duration_text(policy.delay()));
  const bool known = is_one_of(delay_functions, policy.delay_function());
  if (!known) problems.add("Invalid delay function \"{}\", must be one of [\"constant\" \"exponential\" \"fibonacci\"]", policy.delay_function());
  if (known && policy.delay_function() != "constant") {
    if (policy.max_delay() < 5 * second) problems.add("Max Delay cannot be less than 5s (got {})", duration_text(policy.max_delay()));
    if (policy.max_delay() < policy.delay()) {
      problems.add("Max Delay cannot be less than Delay {} (got {})", duration_text(policy.delay()), duration_text(policy.max_delay()));
    }
  }
  if (policy.attempts() > 0 && !policy.unlimited()) check_limited(policy, problems);
  return problems;
}

Problems problems_of(const UpdateStrategy& update) {
  Problems problems;
  static constexpr std::string_view checks[] = {"checks", "task_states", "manual"};
  if (!is_one_of(checks, update.health_check())) problems.add("Invalid health check given: \"{}\"", update.health_check());
  if (update.max_parallel() < 0) problems.add("Max parallel can not be less than zero: {} < 0", update.max_parallel());
  if (update.canary() < 0) problems.add("Canary count can not be less than zero: {} < 0", update.canary());
  if (update.canary() == 0 && update.auto_promote()) problems.add("Auto Promote requires a Canary count greater than zero");
  if (update.min_healthy_time() < 0) {
    problems.add("Minimum healthy time may not be less than zero: {}", duration_text(update.min_healthy_time()));
  }
  if (update.healthy_deadline() <= 0) problems.add("Healthy deadline must be greater than zero: {}", duration_text(update.healthy_deadline()));
  if (update.progress_deadline() < 0) problems.add("Progress deadline must be zero or greater: {}", duration_text(update.progress_deadline()));
  if (update.min_healthy_time() >= update.healthy_deadline()) {
    problems.add("Minimum healthy time must be less than healthy deadline: {} > {}", duration_text(update.min_healthy_time()),
                 duration_text(update.healthy_deadline()));
  }
  if (update.progress_deadline() != 0 && update.healthy_deadline() >= update.progress_deadline()) {
    problems.add("Healthy deadline must be less than progress deadline: {} > {}", duration_text(update.healthy_deadline()),
                 duration_text(update.progress_deadline()));
  }
  if (update.stagger() <= 0) problems.add("Stagger must be greater than zero: {}", duration_text(update.stagger()));
  return problems;
}

Problems problems_of(const MigrateStrategy& migrate) {
  Problems problems;
  static constexpr std::string_view checks[] = {"checks", "task_states"};
  if (migrate.max_parallel() < 0) problems.add("MaxParallel must be >= 0 but found {}", migrate.max_parallel());
  if (!is_one_of(checks, migrate.health_check())) problems.add("Invalid HealthCheck: \"{}\"", migrate.health_check());
  if (migrate.min_healthy_time() < 0) problems.add("MinHealthyTime is {} and must be >= 0", duration_text(migrate.min_healthy_time()));
  if (migrate.healthy_deadline() < 0) problems.add("HealthyDeadline is {} and must be >= 0", duration_text(migrate.healthy_deadline()));
  if (migrate.min_healthy_time() > migrate.healthy_deadline()) problems.add("MinHealthyTime must be less than HealthyDeadline");
  return problems;
}

void add_constraint_problems(const google::protobuf::RepeatedPtrField<Constraint>& constraints, Problems& problems) {
  for (int i = 0; i < constraints.size(); ++i) {
    const auto inner = problems_of(constraints[i]);
    if (inner.empty()) continue;
    problems.add("Constraint {} validation failed: {}", i + 1, Problems::text_of(inner));
  }
}

void add_affinity_problems(const google::protobuf::RepeatedPtrField<Affinity>& affinities, Problems& problems) {
  for (int i = 0; i < affinities.size(); ++i) {
    const Affinity& affinity = affinities[i];
    Constraint same;
    same.set_l_target(affinity.l_target());
    same.set_r_target(affinity.r_target());
    same.set_operand(affinity.operand());
    Problems inner;
    if (affinity.operand().empty()) {
      inner.add("Missing affinity operand");
    } else if (kind_of(same) != ConstraintKind::node) {
      inner.add("Unknown affinity operator \"{}\"", affinity.operand());
    } else {
      for (const auto& problem : problems_of(same)) inner.add("{}", problem);
    }
    if (affinity.weight() == 0) inner.add("Affinity weight cannot be zero");
    if (affinity.weight() > 100 || affinity.weight() < -100) inner.add("Affinity weight must be within the range [-100,100]");
    problems.add_within(text("Affinity {} validation failed", i + 1), inner);
  }
}

void add_spread_problems(const google::protobuf::RepeatedPtrField<Spread>& spreads, Problems& problems) {
  for (int i = 0; i < spreads.size(); ++i) {
    const Spread& spread = spreads[i];
    Problems inner;
    if (spread.attribute().empty()) inner.add("Missing spread attribute");
    if (spread.weight() <= 0 || spread.weight() > 100) inner.add("Spread block must have a positive weight from 0 to 100");
    std::set<std::string> seen;
    std::int64_t sum = 0;
    for (const auto& target : spread.spread_target()) {
      if (!seen.insert(target.value()).second) inner.add("Spread target value \"{}\" already defined", target.value());
      if (target.percent() < 0 || target.percent() > 100) {
        inner.add("Spread target percentage for value \"{}\" must be between 0 and 100", target.value());
      }
      sum += target.percent();
    }
    if (sum > 100) inner.add("Sum of spread target percentages must not be greater than 100%; got {}%", sum);
    problems.add_within(text("Spread {} validation failed", i + 1), inner);
  }
}

}  // namespace drover::model
