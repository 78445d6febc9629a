#include "server/commands/deployment_step.h"

#include <algorithm>
#include <map>

#include <drover/result.h>

#include "model/deployment.h"
#include "model/policy.h"
#include "model/proto/alloc.pb.h"
#include "model/proto/deployment.pb.h"
#include "model/proto/job.pb.h"
#include "model/spec.h"

namespace drover::server {
namespace {

using Groups = std::map<std::string, const model::DeploymentState*>;

/// In order: maps of messages have none.
Groups groups_of(const model::Deployment& deployment) {
  Groups groups;
  for (const auto& [name, group] : deployment.task_groups()) groups.emplace(name, &group);
  return groups;
}

std::int64_t healthy_canaries(const Snapshot& state, const model::DeploymentState& group) {
  return std::ranges::count_if(group.placed_canaries(), [&state](const std::string& id) {
    const AllocRow* row = state.alloc(parse_uuid(id));
    return row && row->health == Health::healthy && !row->terminal();
  });
}

/// Canaries that promote themselves do so once all of them work at the same time: those that did and do no more are not enough.
bool has_enough(const Snapshot& state, const model::DeploymentState& group) {
  if (!model::awaits_promotion(group)) return group.healthy_allocs() >= group.desired_total();
  return (group.auto_promote() ? healthy_canaries(state, group) : group.healthy_allocs()) >= group.desired_canaries();
}

/// Whether the canaries of all groups that have some work, and none of these groups wants to be asked.
bool promotes_itself(const Snapshot& state, const Groups& groups) {
  bool any = false;
  for (const auto& [name, group] : groups) {
    if (!model::awaits_promotion(*group)) continue;
    if (!group->auto_promote() || healthy_canaries(state, *group) < group->desired_canaries()) return false;
    any = true;
  }
  return any;
}

const model::TaskGroup* find_group(const model::Job& job, const std::string& name) {
  const auto at = std::ranges::find(job.task_groups(), name, &model::TaskGroup::name);
  return at == job.task_groups().end() ? nullptr : &*at;
}

bool may_be_replaced(const Snapshot& state, const AllocRow& row) {
  const model::TaskGroup* group = find_group(*state.version_of(row).spec, state.group_of(row));
  if (!group || !group->has_reschedule_policy() || !model::reschedules(group->reschedule_policy())) return false;
  const model::Allocation alloc = state.message(row);
  return model::next_reschedule(group->reschedule_policy(), alloc.reschedule_tracker(), model::failed_at(alloc)).has_value();
}

void fail(DeploymentStep& step, std::string_view why, bool roll_back) {
  step.fail = why;
  step.roll_back |= roll_back;
}

/// Allocations that do not work: replaced while their policy allows it and time is left, else the end of it.
void judge_unhealthy(const Snapshot& state, const model::Deployment& deployment, const Groups& groups, DeploymentStep& step) {
  const Uuid id = parse_uuid(deployment.id());
  state.each_alloc_of_job(deployment.namespace_(), deployment.job_id(), [&](const AllocRow& row) {
    if (row.health != Health::unhealthy || row.server_terminal() || state.deployment_of(row) != id) return true;
    const auto group = groups.find(state.group_of(row));
    if (group == groups.end() || row.transitions.reschedule == Wish::yes) return true;
    if (group->second->progress_deadline() == 0 || !may_be_replaced(state, row)) {
      fail(step, deployment_unhealthy, group->second->auto_revert());
    } else {
      step.replace.push_back(row.id);
    }
    return true;
  });
}

void judge_deadlines(const Snapshot& state, const Groups& groups, Instant now, DeploymentStep& step) {
  for (const auto& [name, group] : groups) {
    if (group->require_progress_by() == 0 || has_enough(state, *group)) continue;
    const Instant deadline = from_ns(group->require_progress_by());
    if (now >= deadline) {
      fail(step, deployment_too_slow, group->auto_revert());
    } else {
      step.next = step.next ? std::min(*step.next, deadline) : deadline;
    }
  }
}

}  // namespace

DeploymentStep deployment_step(const Snapshot& state, const model::Deployment& deployment, Instant now) {
  DeploymentStep step;
  if (!model::is_active(deployment)) return step;
  const Groups groups = groups_of(deployment);
  bool any_unhealthy = false;
  for (const auto& [name, group] : groups) any_unhealthy |= group->unhealthy_allocs() > 0;
  if (any_unhealthy) judge_unhealthy(state, deployment, groups, step);
  // A deployment that is paused has all the time it takes.
  if (step.fail.empty() && deployment.status() != "paused") judge_deadlines(state, groups, now, step);
  if (!step.fail.empty()) return step;
  if (deployment.status() == "running" && promotes_itself(state, groups)) step.promote = groups_with_canaries(deployment);
  return step;
}

std::vector<std::string> groups_with_canaries(const model::Deployment& deployment) {
  std::vector<std::string> names;
  for (const auto& [name, group] : groups_of(deployment)) {
    if (group->desired_canaries() > 0) names.push_back(name);
  }
  return names;
}

std::vector<std::string> not_promotable(const Snapshot& state, const model::Deployment& deployment, const std::vector<std::string>& groups) {
  std::vector<std::string> problems;
  for (const auto& [name, group] : groups_of(deployment)) {
    if (group->desired_canaries() == 0 || std::ranges::find(groups, name) == groups.end()) continue;
    const std::int64_t healthy = healthy_canaries(state, *group);
    if (healthy < group->desired_canaries()) problems.push_back(text("Task group \"{}\" has {}/{} healthy allocations", name, healthy, group->desired_canaries()));
  }
  return problems;
}

Rollback rollback_of(const Snapshot& state, const model::Deployment& deployment) {
  const JobVersionRow* current = state.current(deployment.namespace_(), deployment.job_id());
  // Whoever has stopped the job or changed it since wants that: it is not taken back because of what was before.
  if (!current || current->spec->stop() || current->version != deployment.job_version() || current->create_index != deployment.job_create_index()) return {.version = nullptr, .suffix = ""};
  for (const JobVersionRow* version : state.versions(deployment.namespace_(), deployment.job_id())) {
    if (!version->stable) continue;
    if (current && model::same_spec(*version->spec, *current->spec)) {
      return {.version = nullptr, .suffix = text(" - not rolling back to stable job version {} as current job has same specification", version->version)};
    }
    return {.version = version, .suffix = text(" - rolling back to job version {}", version->version)};
  }
  return {.version = nullptr, .suffix = " - no stable job version to auto revert to"};
}

}  // namespace drover::server
