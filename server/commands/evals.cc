#include "server/commands/evals.h"

#include <algorithm>
#include <map>
#include <set>

#include "model/proto/evaluation.pb.h"
#include "model/proto/job.pb.h"
#include "model/proto/node.pb.h"
#include "model/spec.h"
#include "server/proto/command.pb.h"

namespace drover::server {
namespace {

bool is_batch(const model::Job& job) { return job.type() == "batch" || job.type() == "sysbatch"; }

/// Whether a change of its node matters to the allocation.
bool is_relevant(const AllocRow& row, const model::Job& job) {
  return is_batch(job) ? !row.client_terminal() : !(row.server_terminal() && row.client_terminal());
}

/// Whether a system or sysbatch job could run on the node; only what is cheap to see, the scheduler looks closely.
bool may_run_on(const model::Job& job, const model::Node& node) {
  if (job.type() != "system" && job.type() != "sysbatch") return false;
  if (job.stop() || model::is_periodic(job) || model::is_parameterized(job)) return false;
  if (!job.node_pool().empty() && job.node_pool() != "all" && job.node_pool() != node.node_pool()) return false;
  if (job.datacenters_size() == 0) return true;
  return std::any_of(job.datacenters().begin(), job.datacenters().end(), [&node](const std::string& datacenter) {
    return datacenter == node.datacenter() || datacenter.find('*') != std::string::npos;
  });
}

}  // namespace

std::shared_ptr<proto::Command> new_command(const Deciding& deciding) {
  auto command = std::make_shared<proto::Command>();
  command->set_format(command_format);
  command->set_time(to_ns(deciding.now));
  return command;
}

model::Evaluation job_eval(const Deciding& deciding, const model::Job& job, std::string_view triggered_by,
                           std::int64_t priority) {
  model::Evaluation eval;
  eval.set_id(to_text(deciding.random.uuid()));
  eval.set_namespace_(job.namespace_());
  eval.set_priority(priority > 0 ? priority : job.priority());
  eval.set_type(job.type());
  eval.set_triggered_by(std::string(triggered_by));
  eval.set_job_id(job.id());
  eval.set_job_modify_index(job.job_modify_index());
  eval.set_status("pending");
  eval.set_create_time(to_ns(deciding.now));
  eval.set_modify_time(to_ns(deciding.now));
  return eval;
}

std::vector<model::Evaluation> node_evals(const Deciding& deciding, const Uuid& node_id, std::string_view triggered_by) {
  const Snapshot& state = deciding.state;
  const model::Node* node = state.node(node_id);
  std::map<JobKey, const model::Job*> jobs;
  state.each_alloc_on_node(node_id, [&state, &jobs](const AllocRow& row) {
    const model::Job& spec = *state.version_of(row).spec;
    if (!is_relevant(row, spec)) return true;
    const JobVersionRow* current = state.current(spec.namespace_(), spec.id());
    jobs.try_emplace(JobKey{spec.namespace_(), spec.id()}, current ? current->spec.get() : &spec);
    return true;
  });
  state.each_job(JobKey{}, [&state, &jobs, node](const JobRow& row) {
    const JobVersionRow& version = *state.current(row);
    const model::Job& spec = *version.spec;
    // Batch work that is done everywhere is not taken up again for a node that comes later.
    if (spec.type() == "sysbatch" && version.status == JobStatus::dead) return true;
    if (node && may_run_on(spec, *node)) jobs.try_emplace(JobKey{spec.namespace_(), spec.id()}, &spec);
    return true;
  });

  std::vector<model::Evaluation> evals;
  for (const auto& [key, job] : jobs) {
    model::Evaluation eval = job_eval(deciding, *job, triggered_by, 0);
    eval.set_node_id(to_text(node_id));
    eval.set_node_modify_index(deciding.index);
    evals.push_back(std::move(eval));
  }
  return evals;
}

}  // namespace drover::server
