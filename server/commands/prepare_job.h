#pragma once

#include <string>

#include <drover/result.h>

#include "model/proto/job.pb.h"
#include "model/validate.h"
#include "server/commands/config.h"
#include "server/state/snapshot.h"

namespace drover::server {

struct PreparedJob {
  model::Job job;        ///< with every default filled in
  std::string warnings;  ///< for the caller; "" when there are none
};

/// Fills in every default of what a user has sent, and says all that is wrong with it, here in this cluster.
model::Validation complete_and_judge(model::Job& job, const ServerConfig& config, const Snapshot& state);

/// Canonicalizes and validates what a user has sent; all that is wrong with it in one error.
Result<PreparedJob> prepare_job(model::Job job, const ServerConfig& config, const Snapshot& state);

}  // namespace drover::server
