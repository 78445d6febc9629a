#pragma once

#include <memory>
#include <vector>

#include "base/loop/random.h"
#include "base/loop/time.h"
#include "model/fwd.h"
#include "model/proto/evaluation.pb.h"
#include "model/proto/plan.pb.h"
#include "server/scheduler/existing.h"
#include "server/scheduler/node_table.h"
#include "server/scheduler/preemption.h"
#include "server/state/types.h"

/// One pass of the scheduler: what an evaluation of a job leads to. Pure: the same inputs give the same answer.
namespace drover::server {

class Snapshot;

struct SchedulerSettings {
  bool spread_algorithm = false;         ///< prefer empty nodes to full ones
  bool memory_oversubscription = false;  ///< memory_max is given to allocations
  bool displaces = false;                ///< what finds no room may displace what is less urgent
  bool grouped = false;                  ///< new allocations that are alike come in the plan's groups
};

/// What to commit. An evaluation may ask for nothing but its own end.
struct Scheduled {
  /// Stops (a stop that names only a follow-up evaluation just records that), placements and updates in place.
  /// New allocations of a group were ranked together: their metrics stand in the first of them and hold for all.
  model::Plan plan;
  /// The evaluation as it is to be stored once the plan is committed whole: "complete" (or "blocked" again, if it was)
  /// with queued counts, failed groups, the blocked evaluation and annotations; "failed" when the scheduler cannot
  /// handle it. Indexes and times are set by who stores it.
  model::Evaluation eval;
  /// To be created with it: a blocked one for what found no place, and delayed ones for reschedules.
  std::vector<model::Evaluation> new_evals;

  bool plan_is_empty() const;
};

struct ScheduleRequest {
  const model::Evaluation& eval;
  std::shared_ptr<const model::Job> job;      ///< the current version; null when it was purged
  const NodeTable& nodes;
  const std::vector<ExistingAlloc>& allocs;   ///< all of the job
  Index snapshot_index = 0;
  Instant now{};
  SchedulerSettings settings;
  std::vector<const model::Deployment*> deployments = {};  ///< all of the job
  Displacing::Find displaceable = {};    ///< allocations of other jobs; null: none is looked for
};

/// For service, batch, system and sysbatch jobs.
Scheduled schedule(const ScheduleRequest& request, Random& random);

/// The same on a snapshot of the state.
Scheduled schedule(const Snapshot& cluster, const model::Evaluation& eval, const SchedulerSettings& settings, Instant now, Random& random);
/// A dry run: as if `job` were the current version.
Scheduled schedule(const Snapshot& cluster, const model::Evaluation& eval, std::shared_ptr<const model::Job> job,
                   const SchedulerSettings& settings, Instant now, Random& random);

/// What the state says, as the scheduler reads it.
NodeTable node_table(const Snapshot& cluster);
std::vector<const model::Deployment*> deployments_of(const Snapshot& cluster, std::string_view ns, std::string_view job);
/// Allocations on a node that are to run and have not ended, without those of the job itself.
std::vector<Displaceable> displaceable_on(const Snapshot& cluster, const Uuid& node, const JobKey& own);
std::vector<ExistingAlloc> existing_allocs(const Snapshot& cluster, const model::Job* current, std::string_view ns, std::string_view job);

}  // namespace drover::server
