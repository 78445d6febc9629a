#include "model/canonicalize.h"

#include <string_view>

#include "model/canonicalize_parts.h"
#include "model/json/given_empty.h"
#include "model/proto/job.pb.h"

namespace drover::model {
namespace {

constexpr std::int64_t second = 1'000'000'000;
constexpr std::int64_t minute = 60 * second;
constexpr std::int64_t hour = 60 * minute;

bool is_rolled_out(std::string_view type) { return type == "service" || type == "system"; }

/// `given` over `defaults`: fields that are set win.
template <class Policy>
Policy overlay(Policy defaults, const Policy& given) {
  defaults.MergeFrom(given);
  return defaults;
}

UpdateStrategy default_update() {
  UpdateStrategy update;
  update.set_stagger(30 * second);
  update.set_max_parallel(1);
  update.set_health_check("checks");
  update.set_min_healthy_time(10 * second);
  update.set_healthy_deadline(5 * minute);
  update.set_progress_deadline(10 * minute);
  update.set_canary(0);
  update.set_auto_revert(false);
  update.set_auto_promote(false);
  return update;
}

MigrateStrategy default_migrate() {
  MigrateStrategy migrate;
  migrate.set_max_parallel(1);
  migrate.set_health_check("checks");
  migrate.set_min_healthy_time(10 * second);
  migrate.set_healthy_deadline(5 * minute);
  return migrate;
}

RestartPolicy default_restart(std::string_view type) {
  const bool service = is_rolled_out(type);
  RestartPolicy restart;
  restart.set_attempts(service ? 2 : 3);
  restart.set_interval(service ? 30 * minute : 24 * hour);
  restart.set_delay(15 * second);
  restart.set_mode("fail");
  restart.set_render_templates(false);
  return restart;
}

ReschedulePolicy default_reschedule(std::string_view type) {
  ReschedulePolicy policy;
  policy.set_attempts(type == "batch" ? 1 : 0);
  policy.set_interval(type == "batch" ? 24 * hour : 0);
  policy.set_delay(type == "service" ? 30 * second : type == "batch" ? 5 * second : 0);
  policy.set_delay_function(type == "service" ? "exponential" : type == "batch" ? "constant" : "");
  policy.set_max_delay(type == "service" ? hour : 0);
  policy.set_unlimited(type == "service");
  return policy;
}

void canonicalize_periodic(PeriodicConfig& periodic) {
  if (!periodic.has_enabled()) periodic.set_enabled(true);
  if (periodic.specs().empty()) mark_given_empty(periodic, *PeriodicConfig::descriptor()->FindFieldByNumber(PeriodicConfig::kSpecsFieldNumber));
  if (!periodic.has_spec()) periodic.set_spec("");
  if (!periodic.has_spec_type()) periodic.set_spec_type("cron");
  if (!periodic.has_prohibit_overlap()) periodic.set_prohibit_overlap(false);
  if (!periodic.has_time_zone() || periodic.time_zone().empty()) periodic.set_time_zone("UTC");
}

void canonicalize_multiregion(Multiregion& multiregion) {
  auto& strategy = *multiregion.mutable_strategy();
  if (!strategy.has_max_parallel()) strategy.set_max_parallel(0);
  if (!strategy.has_on_failure()) strategy.set_on_failure("");
  for (auto& region : *multiregion.mutable_regions()) {
    if (!region.has_count()) region.set_count(1);
    for (const int number : {MultiregionRegion::kDatacentersFieldNumber, MultiregionRegion::kMetaFieldNumber}) {
      const auto& field = *MultiregionRegion::descriptor()->FindFieldByNumber(number);
      if (region.GetReflection()->FieldSize(region, &field) == 0) mark_given_empty(region, field);
    }
  }
}

void canonicalize_job_scalars(Job& job, const JobDefaults& defaults) {
  if (job.name().empty()) job.set_name(job.id());
  if (job.region().empty()) job.set_region(defaults.region);
  if (job.namespace_().empty()) job.set_namespace_(defaults.ns);
  if (job.type().empty()) job.set_type("service");
  if (!job.has_priority()) job.set_priority(defaults.priority);
  if (!job.has_node_pool()) job.set_node_pool("");
  if (!job.has_all_at_once()) job.set_all_at_once(false);
  if (!job.has_stop()) job.set_stop(false);
  if (!job.has_parent_id()) job.set_parent_id("");
  if (!job.has_consul_namespace()) job.set_consul_namespace("");
  if (!job.has_vault_namespace()) job.set_vault_namespace("");
  if (!job.has_nomad_token_id()) job.set_nomad_token_id("");
  if (!job.has_status()) job.set_status("");
  if (!job.has_status_description()) job.set_status_description("");
  if (!job.has_stable()) job.set_stable(false);
  if (!job.has_version()) job.set_version(0);
  if (!job.has_create_index()) job.set_create_index(0);
  if (!job.has_modify_index()) job.set_modify_index(0);
  if (!job.has_job_modify_index()) job.set_job_modify_index(0);
}

void canonicalize_spread(Spread& spread) {
  if (!spread.has_weight()) spread.set_weight(50);
}

void canonicalize_count(TaskGroup& group) {
  if (group.has_scaling()) {
    auto& scaling = *group.mutable_scaling();
    if (!group.has_count() && scaling.has_min()) group.set_count(scaling.min());
    if (!group.has_count()) group.set_count(1);
    if (!scaling.has_min()) scaling.set_min(group.count());
    if (!scaling.has_enabled()) scaling.set_enabled(true);
    if (scaling.type().empty()) scaling.set_type("horizontal");
  }
  if (!group.has_count()) group.set_count(1);
}

void canonicalize_group_parts(TaskGroup& group) {
  auto& disk = *group.mutable_ephemeral_disk();
  if (!disk.has_sticky()) disk.set_sticky(false);
  if (!disk.has_migrate()) disk.set_migrate(false);
  if (!disk.has_size_mb()) disk.set_size_mb(300);
  if (group.has_consul() && group.consul().cluster().empty()) group.mutable_consul()->set_cluster("default");
  if (group.has_disconnect()) {
    auto& disconnect = *group.mutable_disconnect();
    if (!disconnect.has_replace()) disconnect.set_replace(true);
    if (!disconnect.has_reconcile()) disconnect.set_reconcile("best_score");
  }
}

/// Policies: the group's own over the job's over the defaults of the type.
void canonicalize_policies(TaskGroup& group, const Job& job) {
  const std::string& type = job.type();
  *group.mutable_restart_policy() = overlay(default_restart(type), group.restart_policy());

  const bool reschedules = type == "service" || type == "batch" || type == "core";
  if (reschedules || group.has_reschedule_policy() || job.has_reschedule()) {
    *group.mutable_reschedule_policy() =
        overlay(overlay(default_reschedule(type), job.reschedule()), group.reschedule_policy());
  }
  if (type == "service" || group.has_migrate() || job.has_migrate()) {
    *group.mutable_migrate() = overlay(overlay(default_migrate(), job.migrate()), group.migrate());
  }
  if (job.has_update() || group.has_update()) {
    *group.mutable_update() = overlay(overlay(default_update(), job.update()), group.update());
  }
}

void canonicalize_group(TaskGroup& group, const Job& job) {
  canonicalize_count(group);
  canonicalize_group_parts(group);
  canonicalize_policies(group, job);
  for (auto& affinity : *group.mutable_affinities()) canonicalize_affinity(affinity);
  for (auto& spread : *group.mutable_spreads()) canonicalize_spread(spread);
  for (auto& task : *group.mutable_tasks()) {
    canonicalize_task(task, {.job = job.name(), .group = group.name(), .restart = group.restart_policy()});
  }
  for (auto& service : *group.mutable_services()) canonicalize_service(service, job.name(), group.name(), "");
}

}  // namespace

void canonicalize(Job& job, const JobDefaults& defaults) {
  canonicalize_job_scalars(job, defaults);
  if (job.has_periodic()) canonicalize_periodic(*job.mutable_periodic());
  if (job.has_multiregion()) canonicalize_multiregion(*job.mutable_multiregion());
  if (job.has_update() || is_rolled_out(job.type())) *job.mutable_update() = overlay(default_update(), job.update());
  for (auto& group : *job.mutable_task_groups()) canonicalize_group(group, job);
  for (auto& spread : *job.mutable_spreads()) canonicalize_spread(spread);
  for (auto& affinity : *job.mutable_affinities()) canonicalize_affinity(affinity);
}

}  // namespace drover::model
