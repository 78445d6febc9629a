#pragma once

#include <optional>
#include <string>
#include <vector>

#include "agent/alloc/lifecycle.h"
#include "agent/services/alloc_services.h"
#include "base/loop/time.h"
#include "model/fwd.h"

/// Whether an allocation is healthy: a decision over what its tasks and checks are and have been.
namespace drover::agent {

struct HealthPolicy {
  bool uses_checks = true;
  Duration min_healthy_time = 10s;
  Duration deadline = 5min;

  friend bool operator==(const HealthPolicy&, const HealthPolicy&) = default;
};

/// How the allocation is judged: by its group's `update`, or by `migrate` where that is off. Nothing: nobody asks.
std::optional<HealthPolicy> health_policy(const model::Allocation& alloc, const model::TaskGroup& group);

struct TaskHealth {
  TaskView view;
  Instant started_at{};  ///< of its newest start
};

struct HealthVerdict {
  bool healthy = false;
  std::string reason;               ///< why not
  std::vector<std::string> guilty;  ///< the tasks to tell it of

  friend bool operator==(const HealthVerdict&, const HealthVerdict&) = default;
};

/// Watches until there is a verdict, which comes once.
class HealthWatch {
 public:
  HealthWatch(HealthPolicy policy, Duration uptime) : policy_(policy), began_(uptime) {}

  /// A task that failed or ended is unhealthy at once; all running and all checks good for min_healthy_time without a
  /// break is healthy; the deadline is unhealthy. Nothing: look again when anything changes, or after until_next().
  std::optional<HealthVerdict> look(const std::vector<TaskHealth>& tasks, const ChecksHealth& checks, Duration uptime);
  Duration until_next(Duration uptime) const;
  const HealthPolicy& policy() const { return policy_; }

 private:
  HealthVerdict too_late(const std::vector<TaskHealth>& tasks, const ChecksHealth& checks) const;

  HealthPolicy policy_;
  Duration began_;
  Instant newest_start_{};
  std::optional<Duration> tasks_since_;
  std::optional<Duration> checks_since_;
};

}  // namespace drover::agent
