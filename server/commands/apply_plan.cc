#include <map>

#include "model/deployment.h"
#include "model/proto/alloc.pb.h"
#include "model/proto/deployment.pb.h"
#include "model/proto/evaluation.pb.h"
#include "model/proto/job.pb.h"
#include "model/proto/plan.pb.h"
#include "server/commands/apply.h"
#include "server/commands/command.h"
#include "server/commands/evals.h"
#include "server/plan/evaluate.h"
#include "server/proto/command.pb.h"
#include "server/state/bytes.h"

// What one scheduler pass wants: what of it still fits is committed, with its evaluations if that is all of it.
namespace drover::server {
namespace {

constexpr std::size_t uuid_bytes = 16;

/// A plan is taken only while its evaluation is still to be done: a worker that lost its lease comes too late.
Result<void> check_eval(const Snapshot& state, const std::string& id) {
  const model::Evaluation* eval = state.eval(parse_uuid(id));
  if (!eval) return fail(Code::conflict, "apply the plan of evaluation {}: there is no such evaluation", id);
  if (eval->status() != "pending" && eval->status() != "blocked") {
    return fail(Code::conflict, "apply the plan of evaluation {}: it is {} already", id, eval->status());
  }
  return {};
}

/// The metrics of a plan, each once. In a plan they stand in the first new allocation of a group and hold for all of it.
class PlanMetrics {
 public:
  PlanMetrics(const Snapshot& state, const model::Plan& plan, proto::ApplyPlan& command) : state_(state), command_(command) {
    for (const auto& alloc : plan.placements()) {
      if (alloc.has_metrics() && is_new(alloc)) groups_.try_emplace(alloc.task_group(), number(alloc.metrics()));
    }
    for (const auto& group : plan.groups()) {
      if (group.common().has_metrics()) groups_.try_emplace(group.common().task_group(), number(group.common().metrics()));
    }
  }

  /// Those of a group that fit.
  void add_group(const model::PlacedGroup& group, const std::vector<int>& fitting) {
    if (fitting.empty()) return;
    auto& together = *command_.add_groups();
    auto& placed = *together.mutable_placed();
    *placed.mutable_common() = group.common();
    placed.mutable_common()->clear_metrics();
    for (const int i : fitting) {
      placed.mutable_ids()->append(group.ids(), static_cast<std::size_t>(i) * uuid_bytes, uuid_bytes);
      placed.mutable_nodes()->append(group.nodes(), static_cast<std::size_t>(i) * uuid_bytes, uuid_bytes);
      placed.add_indexes(group.indexes(i));
    }
    const auto shared = groups_.find(group.common().task_group());
    if (shared != groups_.end()) together.set_metric(shared->second);
  }

  void add_placement(const model::Allocation& alloc) {
    auto& placement = *command_.add_placements();
    *placement.mutable_alloc() = alloc;
    if (alloc.has_job()) placement.set_job_version(alloc.job().version());
    placement.mutable_alloc()->clear_job();
    placement.mutable_alloc()->clear_metrics();
    const auto shared = groups_.find(alloc.task_group());
    if (alloc.has_metrics()) {
      placement.set_metric(number(alloc.metrics()));
    } else if (shared != groups_.end() && is_new(alloc)) {
      placement.set_metric(shared->second);
    }
  }

 private:
  bool is_new(const model::Allocation& alloc) const { return state_.alloc(parse_uuid(alloc.id())) == nullptr; }

  /// Counts from 1.
  std::uint32_t number(const model::AllocMetric& metric) {
    const auto [known, first] = known_.try_emplace(to_bytes(metric), static_cast<std::uint32_t>(known_.size() + 1));
    if (first) *command_.add_metrics() = metric;
    return known->second;
  }

  const Snapshot& state_;
  proto::ApplyPlan& command_;
  std::map<std::string, std::uint32_t> known_;
  std::map<std::string, std::uint32_t> groups_;
};

/// Who makes room is evicted, and its job looks for another place for it. What has ended meanwhile need not go.
void displace(const model::Plan& plan, const Fitting& fitting, const Deciding& deciding, proto::ApplyPlan& command) {
  std::map<JobKey, const model::Job*> jobs;
  for (const int i : fitting.preemptions) {
    const AllocRow* row = deciding.state.alloc(parse_uuid(plan.preemptions(i).id()));
    if (!row || row->terminal()) continue;
    *command.add_stops() = plan.preemptions(i);
    const JobKey& key = deciding.state.job_of(*row);
    const JobVersionRow* current = deciding.state.current(key.ns, key.id);
    if (current) jobs.try_emplace(key, current->spec.get());
  }
  for (const auto& [key, job] : jobs) *command.add_evals() = job_eval(deciding, *job, "preemption", 0);
}

}  // namespace

Result<Decision<PlanApplied>> decide(const ApplyPlan& request, const Deciding& deciding) {
  const model::Plan& plan = *request.plan;
  DROVER_TRY(check_eval(deciding.state, plan.eval_id()));
  const JobVersionRow* version = deciding.state.job_version(plan.namespace_(), plan.job_id(), plan.job_version());
  if (plan.placements_size() + plan.groups_size() > 0 && !version) {
    return fail(Code::conflict, "apply the plan of evaluation {}: job {} has no version {}", plan.eval_id(), plan.job_id(), plan.job_version());
  }

  const Fitting fitting = evaluate(deciding.state, plan);
  Decision<PlanApplied> decision{.command = nullptr, .answer = {}};
  decision.answer = PlanApplied{.whole = fitting.whole(), .progress = !fitting.empty(), .index = deciding.state.index(), .refused = fitting.refused};
  const bool nothing = fitting.empty() && !plan.has_deployment() && plan.deployment_updates_size() == 0 && (request.evals.empty() || !fitting.whole());
  if (nothing) return decision;

  decision.command = new_command(deciding);
  decision.answer.index = deciding.index;
  auto& command = *decision.command->mutable_apply_plan();
  command.set_namespace_(plan.namespace_());
  command.set_job_id(plan.job_id());
  command.set_job_version(plan.job_version());
  command.set_job_create_index(version ? version->create_index : 0);
  PlanMetrics metrics(deciding.state, plan, command);
  for (const int i : fitting.stops) *command.add_stops() = plan.stops(i);
  displace(plan, fitting, deciding, command);
  for (const int i : fitting.placements) metrics.add_placement(plan.placements(i));
  for (int i = 0; i < plan.groups_size(); ++i) metrics.add_group(plan.groups(i), fitting.groups[static_cast<std::size_t>(i)]);
  if (plan.has_deployment()) *command.mutable_deployment() = plan.deployment();
  for (const auto& update : plan.deployment_updates()) {
    const model::Deployment* known = deciding.state.deployment(parse_uuid(update.deployment_id()));
    if (known && model::is_active(*known)) *command.add_deployment_updates() = update;
  }
  if (fitting.whole()) {
    for (const auto& eval : request.evals) *command.add_evals() = *eval;
  }
  return decision;
}

namespace {

RowNumber number_of(const State& state, const proto::ApplyPlan& command, std::uint64_t version) {
  const JobRow* job = state.job(command.namespace_(), command.job_id());
  for (std::size_t i = 0; job && i < job->versions.size(); ++i) {
    if (state.version_at(job->versions[i])->version == version) return job->versions[i];
  }
  return 0;
}

}  // namespace

Result<void> apply(State& state, const proto::ApplyPlan& command) {
  // First the deployment: what is placed counts in it.
  if (command.has_deployment()) state.plan_deployment(command.deployment());
  for (const auto& update : command.deployment_updates()) {
    DROVER_TRY(state.set_deployment_status(parse_uuid(update.deployment_id()), update.status(), update.description()));
  }
  for (const auto& stop : command.stops()) DROVER_TRY(state.stop(stop));

  std::vector<std::shared_ptr<const model::AllocMetric>> metrics;
  for (const auto& metric : command.metrics()) metrics.push_back(std::make_shared<const model::AllocMetric>(metric));
  const RowNumber version = number_of(state, command, command.job_version());
  for (const auto& placement : command.placements()) {
    if (placement.metric() > metrics.size()) return fail(Code::invalid, "place allocation {}: its metrics are missing", placement.alloc().id());
    const RowNumber own = placement.has_job_version() ? number_of(state, command, placement.job_version()) : version;
    DROVER_TRY(state.place(placement.alloc(), own, placement.metric() > 0 ? metrics[placement.metric() - 1] : nullptr));
  }
  for (const auto& together : command.groups()) {
    if (together.metric() > metrics.size()) return fail(Code::invalid, "place a group of allocations: its metrics are missing");
    DROVER_TRY(state.place_together(together.placed(), version, together.metric() > 0 ? metrics[together.metric() - 1] : nullptr));
  }
  for (const auto& eval : command.evals()) state.put_eval(eval);
  return {};
}

}  // namespace drover::server
