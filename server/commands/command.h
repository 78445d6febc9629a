#pragma once

#include <memory>
#include <vector>

#include <drover/result.h>

#include "base/loop/random.h"
#include "base/loop/time.h"
#include "server/commands/answers.h"
#include "server/commands/config.h"
#include "server/state/state.h"

namespace drover::server {

namespace proto {
class Command;
}

/// The format of the commands that this server writes. It reads all up to this one.
constexpr std::uint32_t command_format = 2;

/// What a decision may look at. `state` is the working state: it holds every earlier command, also those that are not
/// durable yet. `index` is the one that the command will have.
struct Deciding {
  const Snapshot& state;
  Index index;
  Instant now;
  Random& random;
  const ServerConfig& config;
};

/// A command (null: there is nothing to change), and what is answered once it is durable.
template <class Answer>
struct Decision {
  std::shared_ptr<proto::Command> command;
  Answer answer;
};

/// A fresh command of our format, decided now.
std::shared_ptr<proto::Command> new_command(const Deciding& deciding);

/// Applies a command to the state: reads these two and nothing else. Fails without a trace of it being seen: the
/// caller drops the state it was applied to.
Result<void> apply(State& state, const proto::Command& command, Index index);

// What clients ask, one file each. Errors carry the texts that clients know.
Result<Decision<JobRegistered>> decide(const RegisterJob& request, const Deciding& deciding);
Result<Decision<JobRegistered>> decide(const EvaluateJob& request, const Deciding& deciding);
Result<Decision<JobDeregistered>> decide(const DeregisterJob& request, const Deciding& deciding);
Result<Decision<AllocStopped>> decide(const StopAlloc& request, const Deciding& deciding);
Result<Decision<ServiceRemoved>> decide(const RemoveService& request, const Deciding& deciding);
Result<Decision<JobRegistered>> decide(const RevertJob& request, const Deciding& deciding);
Result<Decision<VersionTagged>> decide(const TagVersion& request, const Deciding& deciding);
Result<Decision<StabilitySet>> decide(const SetStability& request, const Deciding& deciding);
Result<Decision<JobRegistered>> decide(const ScaleJob& request, const Deciding& deciding);
Result<Decision<JobDispatched>> decide(const DispatchJob& request, const Deciding& deciding);
Result<Decision<PeriodicForced>> decide(const ForcePeriodic& request, const Deciding& deciding);
Result<Decision<DeploymentUpdated>> decide(const FailDeployment& request, const Deciding& deciding);
Result<Decision<DeploymentUpdated>> decide(const PauseDeployment& request, const Deciding& deciding);
Result<Decision<DeploymentUpdated>> decide(const PromoteDeployment& request, const Deciding& deciding);
Result<Decision<DeploymentUpdated>> decide(const UnblockDeployment& request, const Deciding& deciding);
Result<Decision<DeploymentUpdated>> decide(const SetDeploymentHealth& request, const Deciding& deciding);
Result<Decision<NodeUpdated>> decide(const DrainNode& request, const Deciding& deciding);
Result<Decision<NodeUpdated>> decide(const SetEligibility& request, const Deciding& deciding);
Result<Decision<NodeUpdated>> decide(const EvaluateNode& request, const Deciding& deciding);
Result<Decision<NodeUpdated>> decide(const PurgeNode& request, const Deciding& deciding);

Result<Decision<SchedulerConfigurationSet>> decide(const SetSchedulerConfiguration& request, const Deciding& deciding);

// What agents say.

/// An agent has connected: the node as it describes itself.
struct RegisterNode {
  std::shared_ptr<const model::Node> node;
  std::string secret_id;
};
struct NodeRegistered {
  Index index = 0;
};
/// `denied` when the id belongs to another secret.
Result<Decision<NodeRegistered>> decide(const RegisterNode& request, const Deciding& deciding);

/// Statuses of all agents of this turn. Those of unknown allocations are dropped, and those that change nothing.
struct UpdateAllocs {
  std::vector<std::shared_ptr<const model::AllocStatuses>> statuses;
};
struct AllocsUpdated {
  Index index = 0;
};
Result<Decision<AllocsUpdated>> decide(const UpdateAllocs& request, const Deciding& deciding);

/// What the heartbeats found out.
struct SetNodeStatus {
  Uuid node;
  std::string status;
  std::string description;
  std::string event;  ///< its message; "" for none
};
Result<Decision<NodeUpdated>> decide(const SetNodeStatus& request, const Deciding& deciding);

// What the broker and the workers ask.

/// Evaluations new or changed, as they are.
struct PutEvals {
  std::vector<std::shared_ptr<const model::Evaluation>> evals;
};
struct EvalsPut {
  Index index = 0;
};
Result<Decision<EvalsPut>> decide(const PutEvals& request, const Deciding& deciding);

/// A plan, and the evaluations that are to change with it if all of it fits.
struct ApplyPlan {
  std::shared_ptr<const model::Plan> plan;
  std::vector<std::shared_ptr<const model::Evaluation>> evals;
};
struct PlanApplied {
  bool whole = false;     ///< all of it fits; its evaluations have changed with it
  bool progress = false;  ///< some of it was committed
  Index index = 0;        ///< look at the state of this index before trying again
  std::vector<std::string> refused;  ///< why nodes were refused
};
Result<Decision<PlanApplied>> decide(const ApplyPlan& request, const Deciding& deciding);

// What duties ask.

/// A periodic job is due. Nothing happens when it has been launched for that time already, or is not to be any more.
struct LaunchPeriodic {
  JobKey job;
  Instant at{};
};
struct PeriodicLaunched {
  std::string job_id;     ///< of the child; "": none
  bool overlaps = false;  ///< not launched: a child still runs, and the job wants one at a time
};
Result<Decision<PeriodicLaunched>> decide(const LaunchPeriodic& request, const Deciding& deciding);

/// The next step of all drains: allocations that are to move now are marked, or drains that have nothing left are
/// ended. One command at a time: ask again until nothing changes.
struct AdvanceDrains {};
struct DrainsAdvanced {
  bool changed = false;
  std::vector<Uuid> completed;
};
Result<Decision<DrainsAdvanced>> decide(const AdvanceDrains& request, const Deciding& deciding);

/// The next step of a deployment: canaries that work are promoted if nobody has to do it, allocations that do not may be
/// replaced, and a deployment that cannot succeed is failed. One command at a time: ask again until nothing changes.
struct AdvanceDeployment {
  Uuid deployment;
};
struct DeploymentAdvanced {
  bool changed = false;
  std::optional<Instant> next;  ///< when it has to be looked at again, whatever happens
  std::string outcome;          ///< its new description, if it has one
};
Result<Decision<DeploymentAdvanced>> decide(const AdvanceDeployment& request, const Deciding& deciding);

/// What is dead: everything now (`force`), or what is older than its threshold.
struct CollectGarbage {
  bool force = false;
};
struct GarbageCollected {
  Index index = 0;
  std::size_t removed = 0;
  bool more = false;  ///< the bound of one command was reached
};
Result<Decision<GarbageCollected>> decide(const CollectGarbage& request, const Deciding& deciding);

}  // namespace drover::server
