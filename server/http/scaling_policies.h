#pragma once

#include <string>
#include <vector>

#include "server/state/snapshot.h"

namespace drover::model {
class ScalingPolicy;
}

namespace drover::server {

/// The scaling policy of a group. It is part of the job; its id is made from the job and the group, so that it stays the
/// same as long as the job is registered.
struct ScalingPolicyRow {
  std::string id;
  std::string ns;
  std::string job;
  std::string group;
  bool stopped = false;                          ///< the job is: the policy is not enabled
  const model::ScalingPolicy* policy = nullptr;  ///< lives as long as the snapshot
  Index create_index = 0;
  Index modify_index = 0;
};

/// Of all jobs, by id.
std::vector<ScalingPolicyRow> scaling_policies(const Snapshot& state);

}  // namespace drover::server
