#include <map>

#include "model/policy.h"
#include "model/proto/alloc.pb.h"
#include "model/proto/evaluation.pb.h"
#include "model/proto/job.pb.h"
#include "model/proto/session.pb.h"
#include "server/commands/apply.h"
#include "server/commands/evals.h"
#include "server/proto/command.pb.h"
#include "server/state/bytes.h"

// What agents say of their allocations: all that came in a turn is one command.
namespace drover::server {
namespace {

const model::TaskGroup* group_named(const model::Job& job, const std::string& name) {
  for (const auto& group : job.task_groups()) {
    if (group.name() == name) return &group;
  }
  return nullptr;
}

/// Whether the status says anything that the row does not.
bool changes(const Snapshot& state, const AllocRow& row, const model::AllocStatus& status) {
  const model::Allocation known = state.message(row);
  model::AllocStatus held;
  held.set_id(known.id());
  held.set_client_status(known.client_status());
  held.set_client_description(known.client_description());
  *held.mutable_task_states() = known.task_states();
  if (known.has_network_status()) *held.mutable_network_status() = known.network_status();
  model::AllocStatus said = status;
  said.clear_modify_time();
  said.clear_deployment_status();
  if (!said.has_network_status()) held.clear_network_status();
  if (said.task_states().empty()) held.clear_task_states();
  if (to_bytes(held) != to_bytes(said)) return true;
  if (!status.has_deployment_status()) return false;
  return !known.deployment_status().has_healthy() || known.deployment_status().healthy() != status.deployment_status().healthy();
}

/// Whether the policy of its group lets the failed allocation be replaced, now or later.
bool will_be_rescheduled(const Snapshot& state, const AllocRow& row, const model::AllocStatus& status) {
  if (row.server_terminal() || !row.next().is_nil() || !row.followup_eval().is_nil()) return false;
  model::Allocation failed = state.message(row);
  if (status.task_states_size() > 0) *failed.mutable_task_states() = status.task_states();
  const model::TaskGroup* group = group_named(*state.version_of(row).spec, failed.task_group());
  if (!group || !group->has_reschedule_policy()) return false;
  return model::reschedules(group->reschedule_policy()) &&
         model::next_reschedule(group->reschedule_policy(), failed.reschedule_tracker(), model::failed_at(failed)).has_value();
}

/// What has to happen because of one status: the trigger of an evaluation of its job, or "".
std::string_view trigger_of(const Snapshot& state, const AllocRow& row, const model::AllocStatus& status) {
  const JobKey& job = state.job_of(row);
  const JobVersionRow* current = state.current(job.ns, job.id);
  if (!current && !row.server_terminal()) return "job-deregister";
  if (row.client == ClientStatus::unknown) return "reconnect";
  if (!current || current->spec->stop()) return "";
  if (status.client_status() == "failed" && will_be_rescheduled(state, row, status)) return "alloc-failure";
  return "";
}

}  // namespace

Result<Decision<AllocsUpdated>> decide(const UpdateAllocs& request, const Deciding& deciding) {
  const Snapshot& state = deciding.state;
  auto command = new_command(deciding);
  auto& update = *command->mutable_update_allocs();
  std::map<JobKey, model::Evaluation> evals;
  std::map<std::string, int> last;
  for (const auto& message : request.statuses) {
    for (const auto& status : message->allocs()) {
      const AllocRow* row = state.alloc(parse_uuid(status.id()));
      if (!row || !changes(state, *row, status)) continue;
      const auto [known, is_new] = last.try_emplace(status.id(), update.allocs_size());
      *(is_new ? update.add_allocs() : update.mutable_allocs(known->second)) = status;

      const std::string_view trigger = trigger_of(state, *row, status);
      const JobKey& key = state.job_of(*row);
      if (trigger.empty() || evals.contains(key)) continue;
      const JobVersionRow* current = state.current(key.ns, key.id);
      model::Evaluation eval = job_eval(deciding, current ? *current->spec : *state.version_of(*row).spec, trigger, 0);
      if (trigger == "job-deregister") eval.set_type("service");
      evals.emplace(key, std::move(eval));
    }
  }
  if (update.allocs_size() == 0) return Decision<AllocsUpdated>{};
  for (auto& [key, eval] : evals) *update.add_evals() = std::move(eval);
  return Decision<AllocsUpdated>{.command = std::move(command), .answer = AllocsUpdated{.index = deciding.index}};
}

Result<void> apply(State& state, const proto::UpdateAllocs& command) {
  for (const auto& status : command.allocs()) DROVER_TRY(state.update(status));
  for (const auto& eval : command.evals()) state.put_eval(eval);
  return {};
}

}  // namespace drover::server
