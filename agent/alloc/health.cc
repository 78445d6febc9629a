#include "agent/alloc/health.h"

#include <algorithm>

#include "agent/alloc/go_duration.h"
#include "model/proto/alloc.pb.h"

namespace drover::agent {
namespace {

template <class Strategy>
HealthPolicy policy_of(const Strategy& strategy) {
  return {strategy.health_check() != "task_states", Duration(strategy.min_healthy_time()),
          Duration(strategy.healthy_deadline())};
}

/// Tasks that are to run all the time.
bool is_lasting(const TaskView& view) { return view.kind == TaskKind::main || is_sidecar(view.kind); }

std::string joined(const std::vector<std::string>& texts) {
  std::string out;
  for (const std::string& text : texts) out += (out.empty() ? "" : ", ") + text;
  return out;
}

}  // namespace

std::optional<HealthPolicy> health_policy(const model::Allocation& alloc, const model::TaskGroup& group) {
  const std::string& type = alloc.job().type();
  const bool deployed = !alloc.deployment_id().empty();
  if (type != "service" && !(type == "system" && deployed)) return std::nullopt;
  if (group.has_update() && (deployed || group.update().max_parallel() > 0)) {
    if (group.update().health_check() == "manual") return std::nullopt;
    return policy_of(group.update());
  }
  if (group.has_migrate()) return policy_of(group.migrate());
  return std::nullopt;
}

std::optional<HealthVerdict> HealthWatch::look(const std::vector<TaskHealth>& tasks, const ChecksHealth& checks,
                                               Duration uptime) {
  bool all_run = true;
  Instant newest{};
  for (const TaskHealth& task : tasks) {
    if (task.view.kind == TaskKind::poststop) continue;
    const bool dead = task.view.phase == TaskPhase::dead;
    if (dead && task.view.failed) return HealthVerdict{false, "Unhealthy because of failed task", {task.view.name}};
    if (dead && is_lasting(task.view)) return HealthVerdict{false, "Unhealthy because of dead task", {task.view.name}};
    if (!dead && task.view.phase != TaskPhase::running) all_run = false;
    if (is_lasting(task.view)) newest = std::max(newest, task.started_at);
  }
  if (!all_run) {
    tasks_since_.reset();
  } else if (!tasks_since_ || newest != newest_start_) {
    tasks_since_ = uptime;
  }
  newest_start_ = newest;
  const bool checks_good = !policy_.uses_checks || checks.bad.empty();
  if (!checks_good || !all_run) {
    checks_since_.reset();
  } else if (!checks_since_) {
    checks_since_ = uptime;
  }
  if (tasks_since_ && checks_since_ && uptime - std::max(*tasks_since_, *checks_since_) >= policy_.min_healthy_time)
    return HealthVerdict{true, "", {}};
  if (uptime - began_ >= policy_.deadline) return too_late(tasks, checks);
  return std::nullopt;
}

Duration HealthWatch::until_next(Duration uptime) const {
  Duration at = began_ + policy_.deadline;
  if (tasks_since_ && checks_since_)
    at = std::min(at, std::max(*tasks_since_, *checks_since_) + policy_.min_healthy_time);
  return std::max(at - uptime, Duration::zero());
}

HealthVerdict HealthWatch::too_late(const std::vector<TaskHealth>& tasks, const ChecksHealth& checks) const {
  HealthVerdict verdict;
  for (const TaskHealth& task : tasks) {
    if (is_lasting(task.view) && task.view.phase != TaskPhase::running) verdict.guilty.push_back(task.view.name);
  }
  if (!verdict.guilty.empty()) {
    verdict.reason = text("Task not running by healthy_deadline of {}", go_duration(policy_.deadline));
    return verdict;
  }
  for (const TaskHealth& task : tasks) {
    if (is_lasting(task.view)) verdict.guilty.push_back(task.view.name);
  }
  verdict.reason = policy_.uses_checks && !checks.bad.empty()
                       ? text("Services not healthy by deadline: {}", joined(checks.bad))
                       : text("Task not running for min_healthy_time of {} by healthy_deadline of {}",
                              go_duration(policy_.min_healthy_time), go_duration(policy_.deadline));
  return verdict;
}

}  // namespace drover::agent
