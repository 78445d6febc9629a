#include "model/proto/evaluation.pb.h"
#include "model/proto/job.pb.h"
#include "model/spec.h"
#include "server/commands/apply.h"
#include "server/commands/evals.h"
#include "server/proto/command.pb.h"

// Stopping a job, or forgetting it (purge). The evaluation is of type "service" whatever the job's type.
namespace drover::server {

Result<Decision<JobDeregistered>> decide(const DeregisterJob& request, const Deciding& deciding) {
  const JobVersionRow* current = deciding.state.current(request.job.ns, request.job.id);
  if (!current) return Decision<JobDeregistered>{.command = nullptr, .answer = {}};
  const model::Job& spec = *current->spec;

  Decision<JobDeregistered> decision{.command = new_command(deciding), .answer = {}};
  decision.answer = JobDeregistered{.job_modify_index = deciding.index, .index = deciding.index};
  auto& command = *decision.command->mutable_deregister_job();
  command.set_namespace_(request.job.ns);
  command.set_job_id(request.job.id);
  command.set_purge(request.purge);
  command.set_no_shutdown_delay(request.no_shutdown_delay);
  command.set_versions_max(static_cast<std::uint32_t>(deciding.config.job_versions_max));
  command.set_submit_time(to_ns(deciding.now));
  if (!model::is_periodic(spec) && !model::is_parameterized(spec)) {
    auto& eval = *command.mutable_eval();
    eval = job_eval(deciding, spec, "job-deregister", request.eval_priority);
    eval.set_type("service");
    eval.set_job_modify_index(deciding.index);
    decision.answer.eval_id = eval.id();
    decision.answer.eval_create_index = deciding.index;
  }
  return decision;
}

Result<void> apply(State& state, const proto::DeregisterJob& command) {
  const JobKey key{command.namespace_(), command.job_id()};
  const JobVersionRow* current = state.current(key.ns, key.id);
  if (!current) return fail(Code::not_found, "deregister job {}: there is no such job", key.id);
  if (command.no_shutdown_delay()) {
    std::vector<Uuid> allocs;
    state.each_alloc_of_job(key.ns, key.id, [&allocs](const AllocRow& row) {
      if (!row.terminal()) allocs.push_back(row.id);
      return true;
    });
    for (const Uuid& id : allocs) DROVER_TRY(state.wish(id, Transitions{.no_shutdown_delay = Wish::yes}));
  }
  if (command.purge()) {
    state.erase_job(key);
  } else {
    model::Job stopped = *current->spec;
    stopped.set_stop(true);
    stopped.set_submit_time(command.submit_time());
    state.put_job(std::move(stopped), command.versions_max(), current->submission);
  }
  if (command.has_eval()) state.put_eval(command.eval());
  return {};
}

}  // namespace drover::server
