#include "agent/alloc/restart.h"

#include "agent/alloc/go_duration.h"
#include "model/proto/group.pb.h"
#include "model/proto/policy.pb.h"
#include "model/proto/task.pb.h"

namespace drover::agent {
namespace {

using What = RestartDecision::What;

bool succeeded(const RunEnd& end) {
  const auto* exit = std::get_if<TaskExit>(&end);
  return exit != nullptr && exit->success();
}

RestartDecision spent(const RestartRules& rules, RestartHistory history, Instant now) {
  if (rules.wait_when_spent) {
    return {What::restart, history.interval_start + rules.interval - now, "Exceeded allowed attempts, applying a delay", false, history};
  }
  std::string reason = text("Exceeded allowed attempts {} in interval {} and mode is \"fail\"", rules.attempts,
                            go_duration(rules.interval));
  return {What::give_up, {}, std::move(reason), false, history};
}

}  // namespace

RestartRules restart_rules(const model::Task& task, const model::TaskGroup& group, const std::string& job_type) {
  const model::RestartPolicy& policy = task.has_restart_policy() ? task.restart_policy() : group.restart_policy();
  const bool runs_on = job_type == "service" || job_type == "system";
  const TaskKind kind = kind_of(task);

  RestartRules rules;
  rules.attempts = static_cast<std::uint32_t>(policy.has_attempts() ? policy.attempts() : (runs_on ? 2 : 3));
  rules.interval = Duration(policy.has_interval() ? policy.interval() : (runs_on ? Duration(30min) : Duration(24h)).count());
  rules.delay = Duration(policy.has_delay() ? policy.delay() : Duration(15s).count());
  rules.wait_when_spent = policy.mode() == "delay";
  rules.restart_on_success = is_sidecar(kind) || (runs_on && kind == TaskKind::main);
  return rules;
}

RestartDecision after_end(const RestartRules& rules, RestartHistory history, const RunEnd& end, Instant now) {
  if (std::holds_alternative<AskedRestart>(end)) return {What::restart, {}, "", false, history};
  if (succeeded(end) && !rules.restart_on_success) return {What::finish, {}, "", false, history};
  if (rules.attempts == 0) return {What::give_up, {}, "Policy allows no restarts", false, history};

  const auto* failure = std::get_if<StartFailure>(&end);
  if (failure != nullptr && !failure->recoverable) return {What::give_up, {}, "Error was unrecoverable", false, history};

  if (history.interval_start == Instant{} || now > history.interval_start + rules.interval) history = {0, now};
  history.attempts++;
  if (history.attempts > rules.attempts) return spent(rules, history, now);
  return {What::restart, rules.delay, "Restart within policy", true, history};
}

}  // namespace drover::agent
