#include "model/deployment.h"

#include "model/proto/deployment.pb.h"

namespace drover::model {

bool is_active(const Deployment& deployment) {
  const std::string& status = deployment.status();
  return status != "cancelled" && status != "failed" && status != "successful";
}

bool awaits_promotion(const DeploymentState& group) { return group.desired_canaries() > 0 && !group.promoted(); }

std::string_view running_description(const Deployment& deployment) {
  bool asks = false;
  bool promotes = false;
  for (const auto& [name, group] : deployment.task_groups()) {  // any of them: the order does not matter
    if (awaits_promotion(group)) (group.auto_promote() ? promotes : asks) = true;
  }
  if (asks) return "Deployment is running but requires manual promotion";
  return promotes ? "Deployment is running pending automatic promotion" : "Deployment is running";
}

}  // namespace drover::model
