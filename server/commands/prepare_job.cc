#include "server/commands/prepare_job.h"

#include "model/canonicalize.h"

namespace drover::server {

Result<PreparedJob> prepare_job(model::Job job, const ServerConfig& config) {
  if (job.id().empty()) return fail(Code::invalid, "Job ID hasn't been provided");
  const model::JobDefaults defaults{.region = config.region};
  model::canonicalize(job, defaults);
  model::complete_for_store(job, defaults);
  return PreparedJob{.job = std::move(job), .warnings = {}};
}

}  // namespace drover::server
