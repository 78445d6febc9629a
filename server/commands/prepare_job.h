#pragma once

#include <string>

#include <drover/result.h>

#include "model/proto/job.pb.h"
#include "server/config.h"

namespace drover::server {

struct PreparedJob {
  model::Job job;        ///< with every default filled in
  std::string warnings;  ///< for the caller; "" when there are none
};

/// Canonicalizes and validates what a user has sent; all that is wrong with it in one error.
Result<PreparedJob> prepare_job(model::Job job, const ServerConfig& config);

}  // namespace drover::server
