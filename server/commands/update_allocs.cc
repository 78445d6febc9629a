#include <map>
#include <optional>
#include <vector>

#include "model/deployment.h"
#include "model/policy.h"
#include "model/proto/alloc.pb.h"
#include "model/proto/deployment.pb.h"
#include "model/proto/evaluation.pb.h"
#include "model/proto/job.pb.h"
#include "model/proto/node.pb.h"
#include "model/proto/session.pb.h"
#include "server/commands/apply.h"
#include "server/commands/evals.h"
#include "server/proto/command.pb.h"
#include "server/state/bytes.h"

// What agents say of their allocations: all that came in a turn is one command.
namespace drover::server {
namespace {

constexpr std::size_t services_per_alloc_max = 512;

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
  said.clear_services();
  said.clear_modify_time();
  said.clear_deployment_status();
  if (!said.has_network_status()) held.clear_network_status();
  if (said.task_states().empty()) held.clear_task_states();
  if (to_bytes(held) != to_bytes(said)) return true;
  if (!status.has_deployment_status()) return false;
  return !known.deployment_status().has_healthy() || known.deployment_status().healthy() != status.deployment_status().healthy();
}

/// What its agent may say of the services of an allocation: who and where they are is not for it to choose.
model::AllocServices services_said(const Snapshot& state, const AllocRow& row, const model::AllocStatus& status) {
  model::AllocServices services;
  const std::string& end = status.client_status();
  if (row.client_terminal() || end == "complete" || end == "failed") return services;
  std::map<std::string, const model::ServiceRegistration*> by_id;
  for (const auto& said : status.services().services()) {
    const bool named = !said.id().empty() && !said.service_name().empty();
    if (named && by_id.size() < services_per_alloc_max) by_id.emplace(said.service_name() + "/" + said.id(), &said);
  }
  const JobKey& job = state.job_of(row);
  const Uuid node_id = state.node_of(row);
  const model::Node* node = state.node(node_id);
  for (const auto& [id, said] : by_id) {
    auto& service = *services.add_services();
    service = *said;
    service.set_namespace_(job.ns);
    service.set_job_id(job.id);
    service.set_alloc_id(to_text(row.id));
    service.set_node_id(to_text(node_id));
    service.set_datacenter(node ? node->datacenter() : "");
    service.clear_create_index();
    service.clear_modify_index();
  }
  return services;
}

/// The part of a status that says something new; nothing when there is none.
std::optional<model::AllocStatus> news(const Snapshot& state, const AllocRow& row, const model::AllocStatus& status) {
  model::AllocStatus said = status;
  if (said.has_services()) {
    *said.mutable_services() = services_said(state, row, status);
    if (!state.says_of_services(row.id, said.services())) said.clear_services();
  }
  if (changes(state, row, status)) return said;
  if (!said.has_services()) return std::nullopt;
  model::AllocStatus only;
  only.set_id(said.id());
  only.mutable_services()->Swap(said.mutable_services());
  return only;
}

/// Whether the policy of its group lets the failed allocation be replaced, now or later. System jobs have none of their
/// own: what they run is to be on every node, so that it always is.
bool will_be_rescheduled(const Snapshot& state, const AllocRow& row, const model::AllocStatus& status) {
  if (row.server_terminal() || !row.next().is_nil() || !row.followup_eval().is_nil()) return false;
  if (state.version_of(row).spec->type() == "system") return true;
  model::Allocation failed = state.message(row);
  if (status.task_states_size() > 0) *failed.mutable_task_states() = status.task_states();
  const model::TaskGroup* group = group_named(*state.version_of(row).spec, failed.task_group());
  if (!group || !group->has_reschedule_policy()) return false;
  return model::reschedules(group->reschedule_policy()) &&
         model::next_reschedule(group->reschedule_policy(), failed.reschedule_tracker(), model::failed_at(failed)).has_value();
}

/// Everything that was said of each allocation, as one: later words replace earlier ones, but where they are silent of
/// services the earlier ones stand. In the order in which allocations came first.
std::vector<model::AllocStatus> merged(const UpdateAllocs& request) {
  std::vector<model::AllocStatus> all;
  std::map<std::string, std::size_t> places;
  for (const auto& message : request.statuses) {
    for (const auto& status : message->allocs()) {
      const auto [place, is_new] = places.try_emplace(status.id(), all.size());
      if (is_new) {
        all.push_back(status);
        continue;
      }
      model::AllocStatus later = status;
      model::AllocStatus& earlier = all[place->second];
      if (!later.has_services() && earlier.has_services()) later.mutable_services()->Swap(earlier.mutable_services());
      earlier = std::move(later);
    }
  }
  return all;
}

/// Whether a deployment that goes on has waited for this.
bool moves_deployment(const Snapshot& state, const AllocRow& row, const model::AllocStatus& status) {
  if (!status.deployment_status().has_healthy()) return false;
  const Health said = status.deployment_status().healthy() ? Health::healthy : Health::unhealthy;
  const model::Deployment* deployment = state.deployment(state.deployment_of(row));
  return said != row.health && deployment && model::is_active(*deployment);
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
  for (const model::AllocStatus& status : merged(request)) {
    const AllocRow* row = state.alloc(parse_uuid(status.id()));
    if (!row) continue;
    std::optional<model::AllocStatus> said = news(state, *row, status);
    if (!said) continue;
    std::string_view trigger = said->client_status().empty() ? "" : trigger_of(state, *row, *said);
    if (trigger.empty() && moves_deployment(state, *row, status)) trigger = "deployment-watcher";
    *update.add_allocs() = std::move(*said);

    const JobKey& key = state.job_of(*row);
    if (trigger.empty() || evals.contains(key)) continue;
    const JobVersionRow* current = state.current(key.ns, key.id);
    model::Evaluation eval = job_eval(deciding, current ? *current->spec : *state.version_of(*row).spec, trigger, 0);
    if (trigger == "job-deregister") eval.set_type("service");
    if (trigger == "deployment-watcher") eval.set_deployment_id(to_text(state.deployment_of(*row)));
    evals.emplace(key, std::move(eval));
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
