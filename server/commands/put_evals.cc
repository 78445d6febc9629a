#include "model/proto/evaluation.pb.h"
#include "model/proto/job.pb.h"
#include "model/spec.h"
#include "server/commands/apply.h"
#include "server/commands/evals.h"
#include "server/proto/command.pb.h"

// New and changed evaluations: asked for by a user (evaluate), by the broker and by workers.
namespace drover::server {

Result<Decision<JobRegistered>> decide(const EvaluateJob& request, const Deciding& deciding) {
  const JobRow* job = deciding.state.job(request.job.ns, request.job.id);
  if (!job) return fail(Code::not_found, "job not found");
  const model::Job& spec = *deciding.state.current(*job)->spec;
  if (model::is_periodic(spec)) return fail(Code::invalid, "can't evaluate periodic job");
  if (model::is_parameterized(spec)) return fail(Code::invalid, "can't evaluate parameterized job");

  Decision<JobRegistered> decision{.command = new_command(deciding), .answer = {}};
  auto& command = *decision.command->mutable_put_evals();
  auto& eval = *command.add_evals();
  eval = job_eval(deciding, spec, "job-register", 0);
  if (request.force_reschedule) {
    deciding.state.each_alloc_of_job(request.job.ns, request.job.id, [&command](const AllocRow& row) {
      const bool waits = row.client == ClientStatus::failed && !row.server_terminal() && row.next().is_nil();
      if (waits) command.add_force_reschedule(to_text(row.id));
      return true;
    });
  }
  decision.answer = JobRegistered{.eval_id = eval.id(),
                                  .eval_create_index = deciding.index,
                                  .job_modify_index = job->job_modify_index,
                                  .warnings = {},
                                  .index = deciding.index};
  return decision;
}

Result<Decision<EvalsPut>> decide(const PutEvals& request, const Deciding& deciding) {
  if (request.evals.empty()) return Decision<EvalsPut>{};
  Decision<EvalsPut> decision{.command = new_command(deciding), .answer = EvalsPut{.index = deciding.index}};
  for (const auto& eval : request.evals) *decision.command->mutable_put_evals()->add_evals() = *eval;
  return decision;
}

Result<void> apply(State& state, const proto::PutEvals& command) {
  for (const auto& id : command.force_reschedule()) {
    DROVER_TRY(state.wish(parse_uuid(id), Transitions{.force_reschedule = Wish::yes}));
  }
  for (const auto& eval : command.evals()) state.put_eval(eval);
  return {};
}

}  // namespace drover::server
