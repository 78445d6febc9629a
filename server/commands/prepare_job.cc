#include "server/commands/prepare_job.h"

#include "model/canonicalize.h"

namespace drover::server {
namespace {

/// There is one namespace.
void judge_places(const model::Job& job, std::vector<std::string>& errors) {
  if (job.namespace_() != "default") {
    errors.push_back(text("job \"{}\" is in nonexistent namespace \"{}\"", job.id(), job.namespace_()));
  }
}

}  // namespace

model::Validation complete_and_judge(model::Job& job, const ServerConfig& config) {
  const model::JobDefaults defaults{.region = config.region};
  model::canonicalize(job, defaults);
  model::complete_for_store(job, defaults);
  model::Validation found = model::validate(job, {.priority_max = config.job_priority_max, .count_max = config.job_count_max});
  judge_places(job, found.errors);
  return found;
}

Result<PreparedJob> prepare_job(model::Job job, const ServerConfig& config) {
  model::Validation found = complete_and_judge(job, config);
  if (!found.ok()) return Error{Code::invalid, found.text()};
  return PreparedJob{.job = std::move(job), .warnings = std::move(found.warnings)};
}

}  // namespace drover::server
