#include "model/proto/evaluation.pb.h"
#include "model/proto/job.pb.h"
#include "server/commands/apply.h"
#include "server/commands/evals.h"
#include "server/proto/command.pb.h"

// A user wants one allocation stopped and placed anew.
namespace drover::server {
namespace {

Wish wish_of(bool has, bool value) { return !has ? Wish::unset : value ? Wish::yes : Wish::no; }

}  // namespace

Result<Decision<AllocStopped>> decide(const StopAlloc& request, const Deciding& deciding) {
  const AllocRow* row = deciding.state.alloc(request.alloc);
  if (!row) return fail(Code::not_found, "allocation not found");
  const model::Job& spec = *deciding.state.version_of(*row).spec;
  const JobVersionRow* current = deciding.state.current(spec.namespace_(), spec.id());

  Decision<AllocStopped> decision{.command = new_command(deciding), .answer = {}};
  auto& command = *decision.command->mutable_stop_alloc();
  command.set_alloc_id(to_text(request.alloc));
  command.mutable_transition()->set_migrate(true);
  command.mutable_transition()->set_reschedule(request.reschedule);
  command.mutable_transition()->set_no_shutdown_delay(request.no_shutdown_delay);
  auto& eval = *command.mutable_eval();
  eval = job_eval(deciding, current ? *current->spec : spec, "alloc-stop", 0);
  decision.answer = AllocStopped{.eval_id = eval.id(), .index = deciding.index};
  return decision;
}

Result<void> apply(State& state, const proto::StopAlloc& command) {
  const auto& wanted = command.transition();
  const Transitions wishes{
      .migrate = wish_of(wanted.has_migrate(), wanted.migrate()),
      .reschedule = wish_of(wanted.has_reschedule(), wanted.reschedule()),
      .no_shutdown_delay = wish_of(wanted.has_no_shutdown_delay(), wanted.no_shutdown_delay()),
  };
  DROVER_TRY(state.wish(parse_uuid(command.alloc_id()), wishes));
  state.put_eval(command.eval());
  return {};
}

}  // namespace drover::server
