#include "server/scheduler/scheduler.h"

#include <algorithm>
#include <map>
#include <optional>
#include <set>
#include <string>

#include "model/deployment.h"
#include "model/proto/deployment.pb.h"
#include "model/proto/job.pb.h"
#include "model/proto/node.pb.h"
#include "server/scheduler/passes.h"
#include "server/scheduler/plan_builder.h"

namespace drover::server {
namespace {

NodeState state_of(const NodeTable& nodes, const ExistingAlloc& alloc) {
  const auto at = nodes.find(alloc.node);
  if (!at) return NodeState::down;
  const std::string& status = nodes.nodes[*at]->status();
  if (status == "down") return NodeState::down;
  return status == "disconnected" ? NodeState::disconnected : NodeState::fine;
}

/// One pass over a service or batch job.
class ServicePass {
 public:
  ServicePass(const ScheduleRequest& request, Random& random)
      : request_(request), random_(random), builder_(request, random), room_(request.nodes), luck_(random.next()) {
    if (!request.job) return;
    feasibility_.emplace(request.nodes, *request.job);
    if (request.settings.displaces && request.displaceable) displacing_.emplace(request.displaceable, request.job->priority());
    occupancy_.emplace(request.nodes.size(), request.job->task_groups_size());
  }

  Scheduled run() {
    choose_deployment();
    for (const std::string& group : group_names()) decide(group);
    occupy();
    roll_out();
    for (auto& [group, changes] : decided_) {
      for (const Stopping& stopping : changes.stops) stop(stopping);
      for (const ExistingAlloc* alloc : changes.in_place) builder_.update_in_place(*alloc);
      builder_.reschedule_later(changes.later);
      builder_.tally(group, changes.tally);
    }
    for (auto& [group, changes] : decided_) place_missing(group, changes.missing);
    return builder_.finish(feasibility_ ? &*feasibility_ : nullptr);
  }

 private:
  /// The job's groups in their order, then those that only have allocations.
  std::vector<std::string> group_names() const {
    std::vector<std::string> names;
    if (request_.job) {
      for (const auto& group : request_.job->task_groups()) names.push_back(group.name());
    }
    std::set<std::string> old;
    for (const ExistingAlloc& alloc : request_.allocs) {
      if (std::ranges::find(names, alloc.group) == names.end()) old.insert(alloc.group);
    }
    names.insert(names.end(), old.begin(), old.end());
    return names;
  }

  int position(const std::string& group) const {
    if (!request_.job) return -1;
    const auto& groups = request_.job->task_groups();
    const auto at = std::ranges::find(groups, group, &model::TaskGroup::name);
    return at == groups.end() ? -1 : static_cast<int>(at - groups.begin());
  }

  bool is_of_this_version(const model::Deployment& deployment) const {
    const model::Job* job = request_.job.get();
    return job && !job->stop() && deployment.job_create_index() == job->create_index() && deployment.job_version() == job->version();
  }

  /// The deployment of the current version, unless it is over; those of other versions end.
  void choose_deployment() {
    const bool stopped = !request_.job || request_.job->stop();
    const model::Deployment* latest = nullptr;
    for (const model::Deployment* deployment : request_.deployments) {
      if (!latest || deployment->create_index() > latest->create_index()) latest = deployment;
      if (is_of_this_version(*deployment)) {
        if (!deployment_ || deployment->create_index() > deployment_->create_index()) deployment_ = deployment;
      } else if (model::is_active(*deployment)) {
        builder_.end_deployment(*deployment, "cancelled", stopped ? "Cancelled because job is stopped" : "Cancelled due to newer version of job");
      }
    }
    if (latest) builder_.mention(*latest);
    if (deployment_ && (deployment_->status() == "successful" || deployment_->status() == "cancelled")) deployment_ = nullptr;
  }

  model::Deployment new_deployment() {
    const model::Job& job = *request_.job;
    model::Deployment deployment;
    deployment.set_id(to_text(random_.uuid()));
    deployment.set_namespace_(job.namespace_());
    deployment.set_job_id(job.id());
    deployment.set_job_version(job.version());
    deployment.set_job_modify_index(job.modify_index());
    deployment.set_job_spec_modify_index(job.job_modify_index());
    deployment.set_job_create_index(job.create_index());
    deployment.set_status("running");
    deployment.set_eval_priority(request_.eval.priority());
    deployment.set_create_time(to_ns(request_.now));
    return deployment;
  }

  /// Begins, changes or ends the deployment, as all groups together need.
  void roll_out() {
    std::optional<model::Deployment> next;
    bool settled = true;
    for (const auto& [group, changes] : decided_) {
      settled &= changes.settled;
      if (!changes.rollout) continue;
      if (!next) next = deployment_ ? *deployment_ : new_deployment();
      (*next->mutable_task_groups())[group] = *changes.rollout;
    }
    if (next) {
      if (next->status() == "running") next->set_status_description(std::string(model::running_description(*next)));
      builder_.deploy(*next, true);
    } else if (deployment_) {
      builder_.deploy(*deployment_, false);
      if (settled && model::is_active(*deployment_)) builder_.end_deployment(*deployment_, "successful", "Deployment completed successfully");
    }
  }

  void decide(const std::string& group) {
    ReconcileRequest request{.job = request_.job.get(), .group = group, .allocs = {}, .node_state = {}, .still_allowed = {},
                             .deployment = deployment_, .eval = parse_uuid(request_.eval.id()), .now = request_.now};
    for (const ExistingAlloc& alloc : request_.allocs) {
      if (alloc.group == group) request.allocs.push_back(&alloc);
    }
    request.node_state = [this](const ExistingAlloc& alloc) { return state_of(request_.nodes, alloc); };
    request.still_allowed = [this, at = position(group)](const ExistingAlloc& alloc) {
      const auto node = request_.nodes.find(alloc.node);
      return node && at >= 0 && feasibility_->is_targeted(*node) && feasibility_->obstacle(at, *node).empty();
    };
    decided_.emplace_back(group, reconcile(request));
  }

  /// Counts what lives on the nodes before anything is changed.
  void occupy() {
    if (!occupancy_) return;
    for (const ExistingAlloc& alloc : request_.allocs) {
      const auto node = request_.nodes.find(alloc.node);
      const int group = position(alloc.group);
      if (node && group >= 0 && holds_room(alloc)) occupancy_->add(group, *node);
    }
  }

  static bool holds_room(const ExistingAlloc& alloc) { return !alloc.client_terminal(); }

  void stop(const Stopping& stopping) {
    builder_.stop(stopping);
    const auto node = request_.nodes.find(stopping.alloc->node);
    if (!node || !holds_room(*stopping.alloc)) return;
    room_.release(*node, stopping.alloc->takes, stopping.alloc->ports);
    if (const int group = position(stopping.alloc->group); group >= 0) occupancy_->remove(group, *node);
  }

  void place_missing(const std::string& group, const std::vector<Missing>& missing) {
    if (missing.empty()) return;
    const PlaceOptions options{.spread_algorithm = request_.settings.spread_algorithm,
                               .memory_oversubscription = request_.settings.memory_oversubscription,
                               .luck = luck_};
    GroupPlacer placer(room_, *feasibility_, *occupancy_, *request_.job, position(group), options);
    bool exhausted = false;
    for (const Missing& one : missing) {
      if (one.keeps_version) {
        if (!place_as_before(group, one)) builder_.fail_to_place(group, [&placer] { return placer.failure(); });
        continue;
      }
      // After the first failure the same search would fail again, except where an update frees its own room.
      const bool tried = !exhausted || one.destructive;
      if (tried && place(group, one, placer)) continue;
      exhausted = true;
      builder_.fail_to_place(group, [&placer] { return placer.failure(); });
    }
  }

  bool place(const std::string& group, const Missing& missing, GroupPlacer& placer) {
    const ExistingAlloc* previous = missing.previous;
    const bool frees = previous && !missing.previous_stops && holds_room(*previous);
    const auto old_node = previous ? request_.nodes.find(previous->node) : std::nullopt;
    if (frees && old_node) placer.release(*old_node, *previous);
    const std::vector<NodeAt> avoid = nodes_to_avoid(missing);
    auto placed = placer.place(avoid);
    if (!placed && displacing_) placed = placer.place_displacing(avoid, *displacing_);
    if (!placed) {
      if (frees && old_node) placer.take_back(*old_node, *previous);
      return false;
    }
    builder_.place(group, missing, *std::move(placed), placer.metrics());
    return true;
  }

  /// Of an older version, while the current one has to prove itself.
  bool place_as_before(const std::string& group, const Missing& missing) {
    const model::Job& job = *missing.previous->job;
    const auto at = std::ranges::find(job.task_groups(), group, &model::TaskGroup::name);
    if (at == job.task_groups().end()) return false;
    const int position = static_cast<int>(at - job.task_groups().begin());
    Feasibility feasibility(request_.nodes, job);
    Occupancy occupancy(request_.nodes.size(), job.task_groups_size());
    GroupPlacer placer(room_, feasibility, occupancy, job, position, {.luck = luck_});
    auto placed = placer.place(nodes_to_avoid(missing));
    if (!placed) return false;
    builder_.place(group, missing, *std::move(placed), placer.metrics());
    return true;
  }

  /// Where it has failed before.
  std::vector<NodeAt> nodes_to_avoid(const Missing& missing) const {
    std::vector<NodeAt> nodes;
    if (!missing.rescheduled) return nodes;
    const auto add = [&](const Uuid& id) {
      const auto node = request_.nodes.find(id);
      if (node && std::ranges::find(nodes, *node) == nodes.end()) nodes.push_back(*node);
    };
    add(missing.previous->node);
    for (const auto& event : missing.previous->message->reschedule_tracker().events()) add(parse_uuid(event.prev_node_id()));
    return nodes;
  }

  const ScheduleRequest& request_;
  Random& random_;
  PlanBuilder builder_;
  Room room_;
  const std::uint64_t luck_;
  const model::Deployment* deployment_ = nullptr;  ///< of the current version
  std::optional<Feasibility> feasibility_;
  std::optional<Displacing> displacing_;  ///< nothing: nobody makes room for this job
  std::optional<Occupancy> occupancy_;
  std::vector<std::pair<std::string, GroupChanges>> decided_;
};

constexpr std::string_view service_triggers[] = {
    "job-register",  "job-deregister", "periodic-job",       "node-drain",      "node-update",
    "alloc-stop",    "rolling-update", "deployment-watcher", "failed-follow-up", "max-plan-attempts",
    "alloc-failure", "queued-allocs",  "preemption",         "job-scaling",     "max-disconnect-timeout",
    "reconnect",     "alloc-reschedule"};
constexpr std::string_view system_triggers[] = {"job-register",   "node-update",        "failed-follow-up", "job-deregister",
                                                "rolling-update", "preemption",         "deployment-watcher", "node-drain",
                                                "alloc-stop",     "queued-allocs",      "job-scaling",      "reconnect",
                                                "periodic-job",   "max-plan-attempts",  "alloc-failure",    "alloc-reschedule"};

bool is_system(const ScheduleRequest& request) {
  // A purged job has no type of its own any more: stopping is the same for all.
  const std::string& type = request.job ? request.job->type() : request.eval.type();
  return type == "system" || type == "sysbatch";
}

}  // namespace

Scheduled schedule(const ScheduleRequest& request, Random& random) {
  const bool system = is_system(request);
  const std::string& trigger = request.eval.triggered_by();
  const bool known = system ? std::ranges::find(system_triggers, trigger) != std::end(system_triggers)
                            : std::ranges::find(service_triggers, trigger) != std::end(service_triggers);
  if (!known) return PlanBuilder(request, random).fail("scheduler cannot handle '" + trigger + "' evaluation reason");
  if (system) return schedule_system(request, random);
  return ServicePass(request, random).run();
}

}  // namespace drover::server
