#pragma once

#include <drover/result.h>

#include "server/state/state.h"

namespace drover::server {

namespace proto {
class RegisterJob;
class DeregisterJob;
class PutEvals;
class StopAlloc;
class ApplyPlan;
class UpdateAllocs;
class RegisterNode;
class SetNodeStatus;
class SetEligibility;
class PurgeNode;
class CollectGarbage;
class RemoveService;
class SetSchedulerConfiguration;
class TagVersion;
class SetStability;
class ScaleJob;
class DrainNode;
class MarkAllocs;
class UpdateDeployment;
}  // namespace proto

// How each command changes the state. Each stands in the file of its command, below what decides it.
Result<void> apply(State& state, const proto::RegisterJob& command);
Result<void> apply(State& state, const proto::DeregisterJob& command);
Result<void> apply(State& state, const proto::PutEvals& command);
Result<void> apply(State& state, const proto::StopAlloc& command);
Result<void> apply(State& state, const proto::ApplyPlan& command);
Result<void> apply(State& state, const proto::UpdateAllocs& command);
Result<void> apply(State& state, const proto::RegisterNode& command);
Result<void> apply(State& state, const proto::SetNodeStatus& command);
Result<void> apply(State& state, const proto::SetEligibility& command);
Result<void> apply(State& state, const proto::PurgeNode& command);
Result<void> apply(State& state, const proto::CollectGarbage& command);
Result<void> apply(State& state, const proto::RemoveService& command);
Result<void> apply(State& state, const proto::SetSchedulerConfiguration& command);
Result<void> apply(State& state, const proto::TagVersion& command);
Result<void> apply(State& state, const proto::SetStability& command);
Result<void> apply(State& state, const proto::ScaleJob& command);
Result<void> apply(State& state, const proto::DrainNode& command);
Result<void> apply(State& state, const proto::MarkAllocs& command);
Result<void> apply(State& state, const proto::UpdateDeployment& command);

}  // namespace drover::server
