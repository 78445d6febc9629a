#include "server/commands/apply.h"

#include "server/commands/command.h"
#include "server/proto/command.pb.h"

namespace drover::server {

namespace {

Cause cause_of(const proto::UpdateDeployment& command) {
  if (command.promoted_size() > 0) return Cause::deployment_promoted;
  return command.health_size() > 0 ? Cause::deployment_health : Cause::deployment_status;
}

Cause cause_of(const proto::Command& command) {
  using Kind = proto::Command;
  switch (command.kind_case()) {
    case Kind::kRegisterJob:
    case Kind::kScaleJob: return Cause::job_registered;
    case Kind::kDeregisterJob: return Cause::job_deregistered;
    case Kind::kTagVersion:
    case Kind::kSetStability: return Cause::job_version_changed;
    case Kind::kPutEvals: return Cause::evals_updated;
    case Kind::kStopAlloc:
    case Kind::kMarkAllocs: return Cause::allocs_marked;
    case Kind::kApplyPlan: return Cause::plan_applied;
    case Kind::kUpdateAllocs: return Cause::allocs_updated;
    case Kind::kRegisterNode: return Cause::node_registered;
    case Kind::kSetNodeStatus: return Cause::node_status;
    case Kind::kSetEligibility: return Cause::node_eligibility;
    case Kind::kDrainNode: return Cause::node_drain;
    case Kind::kPurgeNode: return Cause::node_deregistered;
    case Kind::kCollectGarbage: return Cause::garbage_collected;
    case Kind::kUpdateDeployment: return cause_of(command.update_deployment());
    case Kind::kRemoveService:
    case Kind::kSetSchedulerConfiguration:
    case Kind::KIND_NOT_SET: break;
  }
  return Cause::other;
}

}  // namespace

Result<void> apply(State& state, const proto::Command& command, Index index) {
  if (command.format() == 0 || command.format() > command_format) {
    return fail(Code::unsupported, "command {} has format {}, this server reads up to {}", index, command.format(), command_format);
  }
  state.begin(index, command.time(), cause_of(command));
  using Kind = proto::Command;
  switch (command.kind_case()) {
    case Kind::kRegisterJob: return apply(state, command.register_job());
    case Kind::kDeregisterJob: return apply(state, command.deregister_job());
    case Kind::kPutEvals: return apply(state, command.put_evals());
    case Kind::kStopAlloc: return apply(state, command.stop_alloc());
    case Kind::kApplyPlan: return apply(state, command.apply_plan());
    case Kind::kUpdateAllocs: return apply(state, command.update_allocs());
    case Kind::kRegisterNode: return apply(state, command.register_node());
    case Kind::kSetNodeStatus: return apply(state, command.set_node_status());
    case Kind::kSetEligibility: return apply(state, command.set_eligibility());
    case Kind::kPurgeNode: return apply(state, command.purge_node());
    case Kind::kCollectGarbage: return apply(state, command.collect_garbage());
    case Kind::kRemoveService: return apply(state, command.remove_service());
    case Kind::kSetSchedulerConfiguration: return apply(state, command.set_scheduler_configuration());
    case Kind::kTagVersion: return apply(state, command.tag_version());
    case Kind::kSetStability: return apply(state, command.set_stability());
    case Kind::kScaleJob: return apply(state, command.scale_job());
    case Kind::kDrainNode: return apply(state, command.drain_node());
    case Kind::kMarkAllocs: return apply(state, command.mark_allocs());
    case Kind::kUpdateDeployment: return apply(state, command.update_deployment());
    case Kind::KIND_NOT_SET: break;
  }
  return fail(Code::unsupported, "command {} is of a kind that this server does not know", index);
}

}  // namespace drover::server
