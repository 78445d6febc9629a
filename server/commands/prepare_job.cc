#include "server/commands/prepare_job.h"

#include "model/canonicalize.h"
#include "model/validate.h"

namespace drover::server {

Result<PreparedJob> prepare_job(model::Job job, const ServerConfig& config) {
  if (job.id().empty()) return fail(Code::invalid, "Job ID hasn't been provided");
  const model::JobDefaults defaults{.region = config.region};
  model::canonicalize(job, defaults);
  model::complete_for_store(job, defaults);
  model::Validation found = model::validate(job, {.priority_max = config.job_priority_max, .count_max = config.job_count_max});
  if (!found.ok()) return Error{Code::invalid, found.text()};
  return PreparedJob{.job = std::move(job), .warnings = std::move(found.warnings)};
}

}  // namespace drover::server
