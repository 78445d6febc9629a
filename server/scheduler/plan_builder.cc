#include "server/scheduler/plan_builder.h"

#include <algorithm>
#include <tuple>

#include "model/names.h"
#include "model/policy.h"
#include "model/proto/deployment.pb.h"
#include "model/proto/job.pb.h"
#include "model/proto/node.pb.h"
#include "server/scheduler/passes.h"

namespace drover::server {
namespace {

/// Allocations that are due within one window share a follow-up evaluation.
constexpr Duration follow_up_window = 5s;

const model::TaskGroup* find_group(const model::Job& job, const std::string& name) {
  const auto at = std::ranges::find(job.task_groups(), name, &model::TaskGroup::name);
  return at == job.task_groups().end() ? nullptr : &*at;
}

const model::ReschedulePolicy& policy_of(const model::TaskGroup& group) {
  return group.has_reschedule_policy() ? group.reschedule_policy() : model::system_reschedule_policy();
}

void set_eligibility(model::Evaluation& eval, const Feasibility& feasibility) {
  eval.clear_class_eligibility();
  eval.set_escaped_computed_class(feasibility.escaped());
  if (feasibility.escaped()) return;
  for (const auto& [node_class, eligible] : feasibility.class_eligibility()) (*eval.mutable_class_eligibility())[node_class] = eligible;
}

}  // namespace

bool Scheduled::plan_is_empty() const {
  return plan.stops_size() == 0 && plan.placements_size() == 0 && plan.groups_size() == 0 && plan.preemptions_size() == 0 && !plan.has_deployment() &&
         plan.deployment_updates_size() == 0;
}

PlanBuilder::PlanBuilder(const ScheduleRequest& request, Random& random) : request_(request), random_(random) {
  const model::Evaluation& eval = request.eval;
  out_.eval = eval;
  out_.eval.clear_failed_tg_allocs();
  out_.eval.clear_queued_allocations();
  out_.eval.clear_plan_annotations();
  out_.eval.set_snapshot_index(request.snapshot_index);
  out_.plan.set_eval_id(eval.id());
  out_.plan.set_priority(eval.priority());
  out_.plan.set_namespace_(eval.namespace_());
  out_.plan.set_job_id(eval.job_id());
  out_.plan.set_snapshot_index(request.snapshot_index);
  if (!request.job) return;
  out_.plan.set_all_at_once(request.job->all_at_once());
  out_.plan.set_job_version(request.job->version());
  if (request.job->stop()) return;
  for (const auto& group : request.job->task_groups()) queued_[group.name()] = 0;
}

void PlanBuilder::stop(const Stopping& stopping) {
  auto& stop = *out_.plan.add_stops();
  stop.set_id(to_text(stopping.alloc->id));
  stop.set_desired_status("stop");
  stop.set_desired_description(std::string(stopping.text));
  stop.set_client_status(std::string(stopping.client_status));
}

void PlanBuilder::mention(const model::Deployment& deployment) { out_.eval.set_deployment_id(deployment.id()); }

void PlanBuilder::deploy(const model::Deployment& deployment, bool changed) {
  deployment_ = deployment.id();
  for (const auto& [name, group] : deployment.task_groups()) deployed_.insert(name);  // a set: the order does not matter
  out_.eval.set_deployment_id(deployment_);
  if (changed) *out_.plan.mutable_deployment() = deployment;
}

void PlanBuilder::end_deployment(const model::Deployment& deployment, std::string_view status, std::string_view description) {
  auto& update = *out_.plan.add_deployment_updates();
  update.set_deployment_id(deployment.id());
  update.set_status(std::string(status));
  update.set_description(std::string(description));
}

void PlanBuilder::update_in_place(const ExistingAlloc& alloc) {
  auto& update = *out_.plan.add_placements();
  update = *alloc.message;
  update.clear_job();
  update.set_eval_id(request_.eval.id());
  if (deployed_.contains(alloc.group) && update.deployment_id() != deployment_) {
    update.set_deployment_id(deployment_);
    update.clear_deployment_status();
  }
}

/// What is the same for all new allocations of a group.
void PlanBuilder::describe(const std::string& group, const GroupPlacer::Placed& placed, const model::AllocMetric& metrics, model::Allocation& alloc) {
  alloc.set_namespace_(request_.job->namespace_());
  alloc.set_eval_id(request_.eval.id());
  alloc.set_job_id(request_.job->id());
  alloc.set_task_group(group);
  if (deployed_.contains(group)) alloc.set_deployment_id(deployment_);
  *alloc.mutable_allocated_resources() = *placed.resources;
  if (told_.insert(group).second) *alloc.mutable_metrics() = metrics;
  alloc.set_desired_status("run");
  alloc.set_client_status("pending");
}

bool PlanBuilder::place_alike(const std::string& group, const Missing& missing, const GroupPlacer::Placed& placed, const model::AllocMetric& metrics) {
  if (!request_.settings.grouped || !placed.alike || missing.previous || missing.canary) return false;
  const auto [known, is_new] = alike_.try_emplace(group, out_.plan.groups_size());
  if (is_new) describe(group, placed, metrics, *out_.plan.add_groups()->mutable_common());
  auto& together = *out_.plan.mutable_groups(known->second);
  const Uuid id = random_.uuid();
  const Uuid& node = request_.nodes.ids[placed.node];
  together.mutable_ids()->append(reinterpret_cast<const char*>(id.bytes.data()), id.bytes.size());
  together.mutable_nodes()->append(reinterpret_cast<const char*>(node.bytes.data()), node.bytes.size());
  together.add_indexes(missing.index);
  return true;
}

void PlanBuilder::place(const std::string& group, const Missing& missing, GroupPlacer::Placed placed, const model::AllocMetric& metrics) {
  if (place_alike(group, missing, placed, metrics)) return;
  const model::Job& job = *request_.job;
  const model::Node& node = *request_.nodes.nodes[placed.node];
  auto& alloc = *out_.plan.add_placements();
  describe(group, placed, metrics, alloc);
  alloc.set_id(to_text(random_.uuid()));
  alloc.set_name(model::alloc_name(job.id(), group, missing.index));
  alloc.set_node_id(node.id());
  alloc.set_node_name(node.name());
  if (missing.canary) alloc.mutable_deployment_status()->set_canary(true);
  if (missing.keeps_version) {
    alloc.mutable_job()->set_version(missing.previous->job->version());
    alloc.clear_deployment_id();
  }
  if (!missing.previous) return;
  alloc.set_previous_allocation(to_text(missing.previous->id));
  if (!missing.previous_stops) stop({.alloc = missing.previous, .text = missing.stop_text, .client_status = {}});
  if (!missing.rescheduled) return;
  if (const auto* found = find_group(job, group)) {
    *alloc.mutable_reschedule_tracker() =
        model::tracker_after(policy_of(*found), missing.previous->message->reschedule_tracker(), to_text(missing.previous->id),
                             to_text(missing.previous->node), missing.reschedule_delay, request_.now);
  }
}

void PlanBuilder::tally(const std::string& group, const Tally& tally) {
  auto& updates = (*out_.plan.mutable_annotations()->mutable_desired_tg_updates())[group];
  updates.set_ignore(tally.ignore);
  updates.set_place(tally.place);
  updates.set_migrate(tally.migrate);
  updates.set_stop(tally.stop);
  updates.set_in_place_update(tally.in_place);
  updates.set_destructive_update(tally.destructive);
  updates.set_reschedule_now(tally.reschedule_now);
  updates.set_reschedule_later(tally.reschedule_later);
  updates.set_canary(tally.canary);
}

model::Evaluation PlanBuilder::new_eval(std::string_view trigger, std::string_view status, std::string_view description) {
  model::Evaluation eval;
  eval.set_id(to_text(random_.uuid()));
  eval.set_namespace_(request_.eval.namespace_());
  eval.set_priority(request_.eval.priority());
  eval.set_type(request_.eval.type());
  eval.set_triggered_by(std::string(trigger));
  eval.set_job_id(request_.eval.job_id());
  eval.set_job_modify_index(request_.eval.job_modify_index());
  eval.set_status(std::string(status));
  eval.set_status_description(std::string(description));
  eval.set_previous_eval(request_.eval.id());
  return eval;
}

void PlanBuilder::create_follow_ups() {
  std::ranges::sort(later_, [](const Later& a, const Later& b) { return std::tie(a.at, a.alloc->id) < std::tie(b.at, b.alloc->id); });
  Instant window{};
  for (const Later& later : later_) {
    if (out_.new_evals.empty() || later.at >= window + follow_up_window) {
      window = later.at;
      // Only the first batch has the trigger of its own.
      const auto trigger = out_.new_evals.empty() ? "alloc-reschedule" : "alloc-failure";
      auto& eval = out_.new_evals.emplace_back(new_eval(trigger, "pending", "created for delayed rescheduling"));
      eval.set_wait_until(to_ns(later.at));
    }
    auto& change = *out_.plan.add_stops();
    change.set_id(to_text(later.alloc->id));
    change.set_followup_eval_id(out_.new_evals.back().id());
  }
}

void PlanBuilder::block(const Feasibility& feasibility, const std::string& node) {
  if (request_.eval.status() == "blocked") {
    out_.eval.set_status("blocked");
    set_eligibility(out_.eval, feasibility);
    return;
  }
  auto blocked = new_eval("queued-allocs", "blocked", "created to place remaining allocations");
  for (const auto& [group, metric] : failed_) (*blocked.mutable_failed_tg_allocs())[group] = metric;
  for (const auto& [group, queued] : queued_) (*blocked.mutable_queued_allocations())[group] = queued;
  blocked.set_snapshot_index(request_.snapshot_index);
  blocked.set_node_id(node);
  set_eligibility(blocked, feasibility);
  out_.eval.set_blocked_eval(blocked.id());
  out_.new_evals.push_back(std::move(blocked));
}

Scheduled PlanBuilder::finish(const Feasibility* feasibility, const std::string& node) {
  create_follow_ups();
  out_.eval.set_status("complete");
  out_.eval.clear_status_description();
  for (const auto& [group, metric] : failed_) (*out_.eval.mutable_failed_tg_allocs())[group] = metric;
  for (const auto& [group, queued] : queued_) (*out_.eval.mutable_queued_allocations())[group] = queued;
  if (out_.plan.has_annotations()) *out_.eval.mutable_plan_annotations() = out_.plan.annotations();
  if (!failed_.empty() && feasibility) block(*feasibility, node);
  return std::move(out_);
}

Scheduled PlanBuilder::fail(std::string description) {
  out_.eval.set_status("failed");
  out_.eval.set_status_description(std::move(description));
  return std::move(out_);
}

}  // namespace drover::server
