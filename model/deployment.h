#pragma once

#include <string_view>

#include "model/fwd.h"

/// What the state of a deployment means. Pure, any thread.
namespace drover::model {
class DeploymentState;

/// Whether it goes on: it has neither succeeded nor failed, and was not cancelled.
bool is_active(const Deployment& deployment);
/// Whether the group has canaries that somebody, or the deployment itself, still has to promote.
bool awaits_promotion(const DeploymentState& group);
/// The description of a running deployment.
std::string_view running_description(const Deployment& deployment);

}  // namespace drover::model
