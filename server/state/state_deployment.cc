#include <algorithm>

#include "model/proto/alloc.pb.h"
#include "model/proto/deployment.pb.h"
#include "model/proto/job.pb.h"
#include "server/state/state.h"

// How deployments count what becomes of their allocations.
namespace drover::server {
namespace {

bool has_canary(const model::DeploymentState& group, const std::string& id) {
  return std::ranges::find(group.placed_canaries(), id) != group.placed_canaries().end();
}

void count_health(model::DeploymentState& group, Health health, std::int64_t by) {
  if (health == Health::healthy) group.set_healthy_allocs(group.healthy_allocs() + by);
  if (health == Health::unhealthy) group.set_unhealthy_allocs(group.unhealthy_allocs() + by);
}

/// The first allocation starts the time in which something has to become healthy; each that does gives more of it.
void extend_deadline(model::DeploymentState& group, bool placed, bool healthy, std::int64_t now) {
  if (group.progress_deadline() == 0) return;
  if (placed && group.require_progress_by() == 0) group.set_require_progress_by(now + group.progress_deadline());
  if (healthy) group.set_require_progress_by(std::max(group.require_progress_by(), now + group.progress_deadline()));
}

/// The time in which nothing was to happen does not count.
void restart_deadline(model::DeploymentState& group, std::int64_t now) {
  if (group.require_progress_by() > 0) group.set_require_progress_by(std::max(group.require_progress_by(), now + group.progress_deadline()));
}

/// What commands have counted, a scheduler does not know better.
void keep_counted(const model::DeploymentState& counted, model::DeploymentState& group) {
  group.set_placed_allocs(counted.placed_allocs());
  group.set_healthy_allocs(counted.healthy_allocs());
  group.set_unhealthy_allocs(counted.unhealthy_allocs());
  group.set_require_progress_by(counted.require_progress_by());
  group.set_promoted(counted.promoted());
  *group.mutable_placed_canaries() = counted.placed_canaries();
}

}  // namespace

void State::plan_deployment(model::Deployment deployment) {
  if (const model::Deployment* known = Snapshot::deployment(parse_uuid(deployment.id()))) {
    for (const auto& [name, counted] : known->task_groups()) {  // each by itself: the order does not matter
      const auto group = deployment.mutable_task_groups()->find(name);
      if (group != deployment.mutable_task_groups()->end()) keep_counted(counted, group->second);
    }
    deployment.set_status(known->status());
    deployment.set_modify_time(time_);  // that of a new one comes with its first allocation
  }
  put_deployment(std::move(deployment));
}

Result<void> State::set_deployment_status(const Uuid& id, const std::string& status, const std::string& description) {
  const model::Deployment* known = Snapshot::deployment(id);
  if (!known) return fail(Code::not_found, "there is no deployment {}", to_text(id));
  model::Deployment deployment = *known;
  if (known->status() == "paused" && status == "running") {
    for (auto& [name, group] : *deployment.mutable_task_groups()) restart_deadline(group, time_);  // each by itself
  }
  deployment.set_status(status);
  deployment.set_status_description(description);
  deployment.set_modify_time(time_);
  const JobKey job{deployment.namespace_(), deployment.job_id()};
  const std::uint64_t number = deployment.job_version();
  const JobVersionRow* version = job_version(job.ns, job.id, number);
  const bool proven = status == "successful" && version && version->create_index == deployment.job_create_index();
  put_deployment(std::move(deployment));
  return proven ? set_stability(job, number, true) : Result<void>();
}

Result<void> State::promote_deployment(const Uuid& id, const std::vector<std::string>& groups) {
  const model::Deployment* known = Snapshot::deployment(id);
  if (!known) return fail(Code::not_found, "there is no deployment {}", to_text(id));
  model::Deployment deployment = *known;
  std::vector<Uuid> canaries;
  for (const std::string& name : groups) {
    const auto group = deployment.mutable_task_groups()->find(name);
    if (group == deployment.mutable_task_groups()->end()) continue;
    group->second.set_promoted(true);
    if (group->second.progress_deadline() > 0) group->second.set_require_progress_by(time_ + group->second.progress_deadline());
    for (const std::string& canary : group->second.placed_canaries()) canaries.push_back(parse_uuid(canary));
  }
  deployment.set_modify_time(time_);
  put_deployment(std::move(deployment));
  for (const Uuid& canary : canaries) unset_canary(canary);
  return {};
}

void State::unset_canary(const Uuid& id) {
  const AllocRow* old = alloc(id);
  if (!old || !old->canary) return;
  model::Allocation message = this->message(*old);
  message.mutable_deployment_status()->set_canary(false);
  message.mutable_deployment_status()->set_modify_index(tables_.index);
  auto row = std::make_shared<AllocRow>(*old);
  row->rest = from_message(message, version_of(*old).spec.get()).rest;
  row->canary = false;
  row->alloc_modify_index = tables_.index;
  exchange(std::move(row));
}

Result<void> State::set_health(const Uuid& id, bool healthy) {
  DROVER_LET(auto row, copy_of(id, "set the health of"));
  const AllocRow* old = alloc(id);
  model::Allocation message = this->message(*old);
  auto& status = *message.mutable_deployment_status();
  status.set_healthy(healthy);
  status.set_timestamp(time_);
  status.set_modify_index(tables_.index);
  row->rest = from_message(message, version_of(*old).spec.get()).rest;
  row->health = healthy ? Health::healthy : Health::unhealthy;
  row->alloc_modify_index = tables_.index;
  exchange(std::move(row));
  return {};
}

/// `rows` allocations like this one are new, or one has changed.
void State::tally_deployment(const AllocRow* before, const AllocRow& row, std::int64_t rows) {
  if (row.deployment == 0) return;
  const bool joins = !before || before->deployment != row.deployment;
  if (!joins && before->health == row.health) return;
  const model::Deployment* known = Snapshot::deployment(deployment_of(row));
  const std::string name = group_of(row);
  if (!known || !known->task_groups().contains(name)) return;
  model::Deployment deployment = *known;
  auto& group = (*deployment.mutable_task_groups())[name];
  if (joins) group.set_placed_allocs(group.placed_allocs() + rows);
  if (!joins) count_health(group, before->health, -1);
  count_health(group, row.health, rows);
  const std::string id = to_text(row.id);
  if (joins && row.canary && !has_canary(group, id)) group.add_placed_canaries(id);
  extend_deadline(group, joins, row.health == Health::healthy, time_);
  deployment.set_modify_time(time_);
  put_deployment(std::move(deployment));
}

}  // namespace drover::server
