#include "model/spec.h"

#include <map>
#include <string>

#include "model/json/codec.h"
#include "model/json/sorted.h"
#include "model/proto/job.pb.h"

namespace drover::model {
namespace {

// A copy without what does not count, then its JSON: slower than a walk over the fields, but a field that is added
// later is compared without anyone thinking of it.

Job comparable(Job job) {
  job.clear_status();
  job.clear_status_description();
  job.clear_stable();
  job.clear_version();
  job.clear_submit_time();
  job.clear_create_index();
  job.clear_modify_index();
  job.clear_job_modify_index();
  job.clear_nomad_token_id();
  job.clear_version_tag();
  sort_configurations(job);
  for (auto& group : *job.mutable_task_groups()) {
    if (!group.has_scaling()) continue;
    group.mutable_scaling()->clear_id();
    group.mutable_scaling()->clear_create_index();
    group.mutable_scaling()->clear_modify_index();
  }
  return job;
}

/// What a task sees of meta: its own over its group's over its job's.
std::map<std::string, std::string> merged_meta(const Job& job, const TaskGroup& group, const Task& task) {
  std::map<std::string, std::string> meta(task.meta().begin(), task.meta().end());
  meta.insert(group.meta().begin(), group.meta().end());
  meta.insert(job.meta().begin(), job.meta().end());
  return meta;
}

/// Only what cannot change under a running task.
Task fixed_part(const Task& task) {
  Task fixed = task;
  fixed.clear_constraints();
  fixed.clear_affinities();
  fixed.clear_services();
  fixed.clear_restart_policy();
  fixed.mutable_restart_policy()->set_render_templates(task.restart_policy().render_templates());
  fixed.clear_meta();
  fixed.clear_kill_timeout();
  fixed.clear_log_config();
  fixed.mutable_log_config()->set_disabled(task.log_config().disabled());
  fixed.clear_dispatch_payload();
  fixed.clear_leader();
  fixed.clear_lifecycle();
  fixed.clear_shutdown_delay();
  fixed.clear_kill_signal();
  fixed.clear_scaling_policies();
  fixed.clear_actions();
  return fixed;
}

/// Services as far as they are part of the network: those with a connect block.
void keep_connect(TaskGroup& group) {
  google::protobuf::RepeatedPtrField<Service> connected;
  for (const Service& service : group.services()) {
    if (!service.has_connect()) continue;
    Service& kept = *connected.Add();
    kept.set_name(service.name());
    kept.set_port_label(service.port_label());
    kept.set_cluster(service.cluster());
    *kept.mutable_connect() = service.connect();
  }
  group.mutable_services()->Swap(&connected);
}

/// Which Consul a group speaks to; what is the default anyway need not be said.
Consul spoken_to(const Consul& given) {
  Consul out = given;
  if (out.namespace_() == "default") out.clear_namespace_();
  if (out.cluster() == "default") out.clear_cluster();
  if (out.partition() == "default") out.clear_partition();
  return out;
}

TaskGroup fixed_part(const TaskGroup& group) {
  TaskGroup fixed;
  fixed.set_name(group.name());
  *fixed.mutable_ephemeral_disk() = group.ephemeral_disk();
  *fixed.mutable_networks() = group.networks();
  *fixed.mutable_consul() = spoken_to(group.consul());
  *fixed.mutable_volumes() = group.volumes();
  fixed.mutable_restart_policy()->set_render_templates(group.restart_policy().render_templates());
  *fixed.mutable_services() = group.services();
  keep_connect(fixed);
  for (const Task& task : group.tasks()) *fixed.add_tasks() = fixed_part(task);
  sort_configurations(fixed);
  return fixed;
}

bool same_meta(const Job& before, const Job& after, const TaskGroup& old_group, const TaskGroup& new_group) {
  for (int i = 0; i < old_group.tasks_size(); ++i) {
    if (merged_meta(before, old_group, old_group.tasks(i)) != merged_meta(after, new_group, new_group.tasks(i))) return false;
  }
  return true;
}

}  // namespace

bool is_periodic(const Job& job) { return job.has_periodic(); }
bool is_parameterized(const Job& job) { return job.has_parameterized_job() && !job.dispatched(); }
bool is_launched(const Job& job) { return is_periodic(job) && !is_parameterized(job) && job.periodic().enabled() && !job.stop(); }

bool same_spec(const Job& a, const Job& b) { return to_json(comparable(a), Form::sent) == to_json(comparable(b), Form::sent); }

GroupChange change_of(const Job& before, const Job& after, const TaskGroup& old_group, const TaskGroup& new_group) {
  if (old_group.tasks_size() != new_group.tasks_size()) return GroupChange::destructive;
  if (to_json(fixed_part(old_group), Form::sent) != to_json(fixed_part(new_group), Form::sent)) return GroupChange::destructive;
  if (!same_meta(before, after, old_group, new_group)) return GroupChange::destructive;
  return same_spec(before, after) ? GroupChange::none : GroupChange::in_place;
}

}  // namespace drover::model
