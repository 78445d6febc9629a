#include <algorithm>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "model/canonicalize.h"
#include "model/proto/job.pb.h"

namespace drover::model {
namespace {

constexpr std::string_view default_identity_audience = "nomadproject.io";

/// Adds a constraint to a group or task, unless it has it already.
template <class Owner>
void need(Owner& owner, std::string_view attribute, std::string_view operand, std::string_view value) {
  Constraint wanted;
  wanted.set_l_target(std::string(attribute));
  wanted.set_r_target(std::string(value));
  wanted.set_operand(std::string(operand));
  const auto same = [&wanted](const Constraint& have) {
    return have.l_target() == wanted.l_target() && have.r_target() == wanted.r_target() && have.operand() == wanted.operand();
  };
  if (std::ranges::none_of(owner.constraints(), same)) *owner.add_constraints() = wanted;
}

// Signals that a task may be sent must exist on the node.
void need_signals(TaskGroup& group) {
  std::set<std::string> signals;
  for (const Task& task : group.tasks()) {
    if (!task.kill_signal().empty()) signals.insert(task.kill_signal());
    for (const Template& tmpl : task.templates()) {
      if (tmpl.change_mode() == "signal") signals.insert(tmpl.change_signal());
    }
    if (task.has_vault() && task.vault().change_mode() == "signal") signals.insert(task.vault().change_signal());
  }
  std::string list;
  for (const std::string& signal : signals) list += (list.empty() ? "" : ",") + signal;
  if (!list.empty()) need(group, "${attr.os.signals}", "set_contains", list);
}

void need_secrets(TaskGroup& group) {
  std::set<std::string> providers;
  for (const Task& task : group.tasks()) {
    for (const Secret& secret : task.secrets()) providers.insert(secret.provider());
  }
  for (const std::string& provider : providers) need(group, "${attr.plugins.secrets." + provider + ".version}", "is_set", "");
}

template <class Visit>
void each_service(const TaskGroup& group, Visit&& visit) {
  for (const Service& service : group.services()) visit(service);
  for (const Task& task : group.tasks()) {
    for (const Service& service : task.services()) visit(service);
  }
}

bool uses_consul(const google::protobuf::RepeatedPtrField<Service>& services) {
  return std::ranges::any_of(services, [](const Service& service) { return service.provider() != "nomad"; });
}

/// Nomad demands Consul even of jobs that never asked for it. Here it is demanded only where there is one.
void need_consul(TaskGroup& group) {
  constexpr std::string_view attribute = "${attr.consul.version}";
  if (uses_consul(group.services())) need(group, attribute, "semver", ">= 1.8.0");
  for (Task& task : *group.mutable_tasks()) {
    if (uses_consul(task.services())) need(task, attribute, "semver", ">= 1.8.0");
  }
}

void need_discovery(TaskGroup& group) {
  bool native = false;
  bool native_checks = false;
  each_service(group, [&](const Service& service) {
    if (service.provider() != "nomad") return;
    native = true;
    native_checks |= service.checks_size() > 0;
  });
  if (native) need(group, "${attr.nomad.service_discovery}", "=", "true");
  if (native_checks) need(group, "${attr.nomad.version}", "semver", ">= 1.4.0");
}

void need_bridge(TaskGroup& group) {
  const auto is_bridge = [](const NetworkResource& network) { return network.mode() == "bridge"; };
  if (std::ranges::none_of(group.networks(), is_bridge)) return;
  for (const std::string_view plugin : {"bridge", "firewall", "host-local", "loopback", "portmap"}) {
    need(group, "${attr.plugins.cni.version." + std::string(plugin) + "}", "semver", ">= 0.4.0");
  }
}

void need_identities(TaskGroup& group) {
  bool used = false;
  each_service(group, [&used](const Service& service) { used |= service.has_identity(); });
  for (const Task& task : group.tasks()) used |= task.identities_size() > 0;
  if (used) need(group, "${attr.nomad.version}", "semver", ">= 1.7.0-a");
}

void complete_service(Service& service, const Job& job, const std::string& task) {
  if (service.namespace_().empty()) service.set_namespace_(job.namespace_());
  service.clear_check_restart();
  if (!task.empty()) service.set_task_name(task);
  for (auto& check : *service.mutable_checks()) {
    if (check.name().empty()) check.set_name("service: \"" + service.name() + "\" check");
    check.clear_advertise();
  }
  if (!service.has_identity()) return;
  auto& identity = *service.mutable_identity();
  std::string name = "consul-service_";
  if (!task.empty()) name += task + '-';
  identity.set_name(name + service.name() + '-' + service.port_label());
  identity.set_service_name(service.name());
}

void complete_identity(Task& task) {
  auto& identity = *task.mutable_identity();
  identity.set_name("default");
  identity.clear_audience();
  identity.add_audience(std::string(default_identity_audience));
}

void complete_task(Task& task, const Job& job) {
  auto& resources = *task.mutable_resources();
  if (!resources.has_disk_mb()) resources.set_disk_mb(0);
  if (!resources.has_iops()) resources.set_iops(0);
  if (!resources.has_memory_max_mb()) resources.set_memory_max_mb(0);
  if (!resources.has_secrets_mb()) resources.set_secrets_mb(0);
  complete_identity(task);
  for (auto& service : *task.mutable_services()) complete_service(service, job, task.name());
}

void complete_network(NetworkResource& network) {
  for (auto* ports : {network.mutable_dynamic_ports(), network.mutable_reserved_ports()}) {
    for (auto& port : *ports) {
      if (port.host_network().empty()) port.set_host_network("default");
    }
  }
}

void complete_scaling(ScalingPolicy& scaling, const Job& job, const std::string& group) {
  auto& target = *scaling.mutable_target();
  target["Namespace"] = job.namespace_();
  target["Job"] = job.id();
  target["Group"] = group;
}

/// As clients are used to: what mounts such a volume is refused then.
void drop_unknown_volumes(TaskGroup& group) {
  std::vector<std::string> unknown;
  for (const auto& [name, volume] : group.volumes()) {
    if (volume.type() != "host" && volume.type() != "csi") unknown.push_back(name);
  }
  for (const std::string& name : unknown) group.mutable_volumes()->erase(name);
}

void complete_group(TaskGroup& group, const Job& job, const JobDefaults& defaults) {
  drop_unknown_volumes(group);
  if (!group.has_prevent_reschedule_on_lost()) group.set_prevent_reschedule_on_lost(false);
  if (group.has_disconnect() && !group.disconnect().has_lost_after()) group.mutable_disconnect()->set_lost_after(0);
  if (group.has_scaling()) complete_scaling(*group.mutable_scaling(), job, group.name());
  for (auto& network : *group.mutable_networks()) complete_network(network);
  for (auto& task : *group.mutable_tasks()) complete_task(task, job);
  for (auto& service : *group.mutable_services()) complete_service(service, job, "");
  need_secrets(group);
  need_signals(group);
  need_discovery(group);
  if (defaults.consul) need_consul(group);
  need_bridge(group);
  need_identities(group);
}

/// Only these two live on at job level; the groups have the rest.
void complete_update(Job& job) {
  const bool parallel = job.update().max_parallel() > 0;
  const std::int64_t stagger = parallel ? job.update().stagger() : 0;
  const std::int64_t max_parallel = job.update().max_parallel();
  UpdateStrategy& update = *job.mutable_update();
  update.set_stagger(stagger);
  update.set_max_parallel(max_parallel);
  update.set_health_check("");
  update.set_min_healthy_time(0);
  update.set_healthy_deadline(0);
  update.set_progress_deadline(0);
  update.set_canary(0);
  update.set_auto_revert(false);
  update.set_auto_promote(false);
}

}  // namespace

void complete_for_store(Job& job, const JobDefaults& defaults) {
  if (job.datacenters_size() == 0) job.add_datacenters("*");
  if (job.priority() == 0) job.set_priority(defaults.priority);
  if (job.node_pool().empty()) job.set_node_pool(defaults.node_pool);
  if (!job.has_dispatch_idempotency_token()) job.set_dispatch_idempotency_token("");
  if (!job.has_submit_time()) job.set_submit_time(0);
  if (job.has_parameterized_job() && job.parameterized_job().payload().empty()) {
    job.mutable_parameterized_job()->set_payload("optional");
  }
  job.clear_reschedule();
  job.clear_migrate();
  complete_update(job);
  for (auto& group : *job.mutable_task_groups()) complete_group(group, job, defaults);
}

}  // namespace drover::model
