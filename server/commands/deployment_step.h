#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/loop/time.h"
#include "model/fwd.h"
#include "server/state/snapshot.h"

namespace drover::server {

constexpr std::string_view deployment_failed_by_user = "Deployment marked as failed";
constexpr std::string_view deployment_unhealthy = "Failed due to unhealthy allocations";
constexpr std::string_view deployment_too_slow = "Failed due to progress deadline";

/// What a deployment needs next: one of these, or nothing.
struct DeploymentStep {
  std::vector<std::string> promote;  ///< groups whose canaries all work, where nobody has to say so
  std::vector<Uuid> replace;         ///< allocations that do not work and may be replaced, as their policy says
  std::string_view fail;             ///< why it has failed; "" while it has not
  bool roll_back = false;            ///< with `fail`: the job's last stable version is wanted back
  std::optional<Instant> next;       ///< the next deadline that will pass
};

/// Works out the next step (scheduler.md §12). Pure.
DeploymentStep deployment_step(const Snapshot& state, const model::Deployment& deployment, Instant now);

/// Why canaries cannot be promoted yet: one line for each group of `groups` that has too few healthy ones.
std::vector<std::string> not_promotable(const Snapshot& state, const model::Deployment& deployment, const std::vector<std::string>& groups);
/// The groups that have canaries, in order.
std::vector<std::string> groups_with_canaries(const model::Deployment& deployment);

/// What a failed deployment goes back to: the newest stable version that is not its own, and what is said about it.
/// Nothing when its version is no longer the job's, or the job is stopped.
struct Rollback {
  const JobVersionRow* version = nullptr;  ///< null: nothing is registered
  std::string suffix;
};
Rollback rollback_of(const Snapshot& state, const model::Deployment& deployment);

}  // namespace drover::server
