#include "server/commands/apply.h"

#include "server/commands/command.h"
#include "server/proto/command.pb.h"

namespace drover::server {

Result<void> apply(State& state, const proto::Command& command, Index index) {
  if (command.format() == 0 || command.format() > command_format) {
    return fail(Code::unsupported, "command {} has format {}, this server reads up to {}", index, command.format(), command_format);
  }
  state.begin(index, command.time());
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
    case Kind::KIND_NOT_SET: break;
  }
  return fail(Code::unsupported, "command {} is of a kind that this server does not know", index);
}

}  // namespace drover::server
