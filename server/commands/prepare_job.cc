#include "server/commands/prepare_job.h"

#include "model/canonicalize.h"
#include "model/proto/node.pb.h"
#include "server/commands/scheduler_config.h"

namespace drover::server {
namespace {

/// A pool is there while a node is in it.
bool is_pool(const Snapshot& state, const std::string& name) {
  if (name.empty() || name == "default" || name == "all") return true;
  bool found = false;
  state.each_node({}, [&](const model::Node& node) { return !(found = node.node_pool() == name); });
  return found;
}

/// There is one namespace.
void judge_places(const model::Job& job, const Snapshot& state, std::vector<std::string>& errors) {
  if (job.namespace_() != "default") {
    errors.push_back(text("job \"{}\" is in nonexistent namespace \"{}\"", job.id(), job.namespace_()));
  }
  if (!is_pool(state, job.node_pool())) errors.push_back(text("job \"{}\" is in nonexistent node pool \"{}\"", job.id(), job.node_pool()));
}

}  // namespace

model::Validation complete_and_judge(model::Job& job, const ServerConfig& config, const Snapshot& state) {
  const model::JobDefaults defaults{.region = config.region};
  model::canonicalize(job, defaults);
  model::complete_for_store(job, defaults);
  const model::JobLimits limits{.priority_max = config.job_priority_max,
                                .count_max = config.job_count_max,
                                .memory_oversubscription = scheduler_configuration(state, config).memory_oversubscription_enabled()};
  model::Validation found = model::validate(job, limits);
  judge_places(job, state, found.errors);
  return found;
}

Result<PreparedJob> prepare_job(model::Job job, const ServerConfig& config, const Snapshot& state) {
  model::Validation found = complete_and_judge(job, config, state);
  if (!found.ok()) return Error{Code::invalid, found.text()};
  return PreparedJob{.job = std::move(job), .warnings = std::move(found.warnings)};
}

}  // namespace drover::server
