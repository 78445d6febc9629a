#include "model/diff/job_diff.h"

#include <map>
#include <optional>

#include "model/diff/parts.h"
#include "model/json/sorted.h"
#include "model/proto/job.pb.h"

namespace drover::model {
namespace diff {
namespace {

/// A member of a message that may not be there itself.
template <class Whole, class Part>
const Part* part(const Whole* whole, bool (Whole::*has)() const, const Part& (Whole::*get)() const) {
  return whole && (whole->*has)() ? &(whole->*get)() : nullptr;
}

/// The elements of a list of a message that may not be there.
template <class Whole, class List>
const List& list_of(const Whole* whole, const List& (Whole::*get)() const) {
  static const List empty;
  return whole ? (whole->*get)() : empty;
}

ObjectDiff& begin_object(Objects& out, std::string_view name, bool has_before, bool has_after) {
  ObjectDiff& object = *out.Add();
  object.set_name(std::string(name));
  object.set_type(type_of(has_before, has_after));
  return object;
}

template <class Item>
Make<Item> plain(std::string_view name) {
  return [name](const Item* before, const Item* after, Objects& out) { compare_object(name, before, after, out); };
}

template <class Whole>
void compare_conditions(const Whole* before, const Whole* after, Objects& out) {
  compare_set<Constraint>(list_of(before, &Whole::constraints), list_of(after, &Whole::constraints), plain<Constraint>("Constraint"), out);
  compare_set<Affinity>(list_of(before, &Whole::affinities), list_of(after, &Whole::affinities), plain<Affinity>("Affinity"), out);
}

void compare_json(std::string_view name, const std::string& before, const std::string& after, Objects& out) {
  const Flat was = flat_json(before);
  const Flat is = flat_json(after);
  if (was == is) return;
  ObjectDiff& object = begin_object(out, name, !was.empty(), !is.empty());
  compare(was, is, Surroundings::with, *object.mutable_fields());
}

// Networks.

void compare_ports(std::string_view name, const google::protobuf::RepeatedPtrField<Port>& before,
                   const google::protobuf::RepeatedPtrField<Port>& after, bool is_static, Objects& out) {
  const Make<Port> make = [name, is_static](const Port* was, const Port* is, Objects& into) {
    if (is_static) return compare_object(name, was, is, into);
    compare_object(name, was, is, into, {"Value", "IgnoreCollision"});
  };
  compare_set<Port>(before, after, make, out);
}

void compare_network(const NetworkResource* before, const NetworkResource* after, Objects& out) {
  ObjectDiff& object = begin_object(out, "Network", before, after);
  compare(flat_only(before, {"Mode", "Hostname"}), flat_only(after, {"Mode", "Hostname"}), Surroundings::with, *object.mutable_fields());
  Objects& parts = *object.mutable_objects();
  compare_ports("Static Port", list_of(before, &NetworkResource::reserved_ports), list_of(after, &NetworkResource::reserved_ports), true, parts);
  compare_ports("Dynamic Port", list_of(before, &NetworkResource::dynamic_ports), list_of(after, &NetworkResource::dynamic_ports), false, parts);
  const DNSConfig* old_dns = part(before, &NetworkResource::has_dns, &NetworkResource::dns);
  const DNSConfig* new_dns = part(after, &NetworkResource::has_dns, &NetworkResource::dns);
  if (same(old_dns, new_dns)) return;
  ObjectDiff& dns = begin_object(parts, "DNS", old_dns, new_dns);
  Flat was;
  Flat is;
  const auto joined = [](Flat& flat, const char* name, const Texts& texts) {
    std::string all;
    for (const std::string& text : texts) all += (all.empty() ? "" : ",") + text;
    if (!all.empty()) flat[name] = all;
  };
  for (const auto& [config, flat] : {std::pair{old_dns, &was}, std::pair{new_dns, &is}}) {
    if (!config) continue;
    joined(*flat, "Servers", config->servers());
    joined(*flat, "Searches", config->searches());
    joined(*flat, "Options", config->options());
  }
  compare(was, is, Surroundings::with, *dns.mutable_fields());
}

// Services.

void compare_check(const ServiceCheck* before, const ServiceCheck* after, Objects& out) {
  ObjectDiff& object = begin_object(out, "Check", before, after);
  compare(flat(before, {"Advertise"}), flat(after, {"Advertise"}), Surroundings::with, *object.mutable_fields());
  compare_object("CheckRestart", part(before, &ServiceCheck::has_check_restart, &ServiceCheck::check_restart),
                 part(after, &ServiceCheck::has_check_restart, &ServiceCheck::check_restart), *object.mutable_objects());
}

Flat flat_service(const Service* service) {
  Flat out = flat(service);
  if (!service) return out;
  add_map(out, "Meta", service->meta());
  add_map(out, "CanaryMeta", service->canary_meta());
  add_map(out, "TaggedAddresses", service->tagged_addresses());
  return out;
}

void compare_service(const Service* before, const Service* after, Objects& out) {
  ObjectDiff& object = begin_object(out, "Service", before, after);
  compare(flat_service(before), flat_service(after), Surroundings::with, *object.mutable_fields());
  Objects& parts = *object.mutable_objects();
  compare_texts("Tags", list_of(before, &Service::tags), list_of(after, &Service::tags), true, parts);
  compare_texts("CanaryTags", list_of(before, &Service::canary_tags), list_of(after, &Service::canary_tags), true, parts);
  const Make<ServiceCheck> make = compare_check;
  const auto name_of = [](const ServiceCheck& check) { return check.name(); };
  compare_named<ServiceCheck>(list_of(before, &Service::checks), list_of(after, &Service::checks), name_of, make, parts);
}

/// By name; what is left on both sides belongs together in its order, as a service that got another name does.
void compare_services(const google::protobuf::RepeatedPtrField<Service>& before, const google::protobuf::RepeatedPtrField<Service>& after,
                      Objects& out) {
  std::vector<std::pair<const Service*, const Service*>> pairs;
  std::vector<const Service*> left;
  std::map<std::string, const Service*> by_name;
  for (const Service& service : after) by_name.emplace(service.name(), &service);
  for (const Service& service : before) {
    const auto found = by_name.find(service.name());
    if (found == by_name.end()) {
      left.push_back(&service);
      continue;
    }
    pairs.emplace_back(&service, found->second);
    by_name.erase(found);
  }
  auto next = left.begin();
  for (const Service& service : after) {
    const auto found = by_name.find(service.name());
    if (found == by_name.end() || found->second != &service) continue;
    pairs.emplace_back(next == left.end() ? nullptr : *next, &service);
    if (next != left.end()) ++next;
  }
  for (; next != left.end(); ++next) pairs.emplace_back(*next, nullptr);
  for (const auto& [was, is] : pairs) {
    if (!same(was, is)) compare_service(was, is, out);
  }
}

// Tasks.

void compare_resources(const Resources* before, const Resources* after, Objects& out) {
  if (same(before, after)) return;
  ObjectDiff& object = begin_object(out, "Resources", before, after);
  compare(flat(before), flat(after), Surroundings::with, *object.mutable_fields());
  Objects& parts = *object.mutable_objects();
  const Make<NetworkResource> network = compare_network;
  compare_set<NetworkResource>(list_of(before, &Resources::networks), list_of(after, &Resources::networks), network, parts);
  compare_set<RequestedDevice>(list_of(before, &Resources::devices), list_of(after, &Resources::devices), plain<RequestedDevice>("Device"), parts);
  compare_object("NUMA", part(before, &Resources::has_numa, &Resources::numa), part(after, &Resources::has_numa, &Resources::numa), parts);
}

void compare_template(const Template* before, const Template* after, Objects& out) {
  ObjectDiff& object = begin_object(out, "Template", before, after);
  compare(flat(before), flat(after), Surroundings::with, *object.mutable_fields());
  Objects& parts = *object.mutable_objects();
  // The name of a wait is that of what it belongs to: clients know it so.
  compare_object("Template", part(before, &Template::has_wait, &Template::wait), part(after, &Template::has_wait, &Template::wait), parts);
  compare_object("ChangeScript", part(before, &Template::has_change_script, &Template::change_script),
                 part(after, &Template::has_change_script, &Template::change_script), parts);
}

void compare_identity(const WorkloadIdentity* before, const WorkloadIdentity* after, Objects& out) {
  if (same(before, after)) return;
  ObjectDiff& object = begin_object(out, "Identity", before, after);
  compare(flat(before), flat(after), Surroundings::with, *object.mutable_fields());
  compare_texts("Audience", list_of(before, &WorkloadIdentity::audience), list_of(after, &WorkloadIdentity::audience), true, *object.mutable_objects());
}

void compare_action(const Action* before, const Action* after, Objects& out) { compare_object("Action", before, after, out); }

Flat flat_task(const Task* task) {
  Flat out = flat(task, {"Name", "Config"});
  if (!task) return out;
  add_map(out, "Env", task->env());
  add_map(out, "Meta", task->meta());
  return out;
}

void compare_task_objects(const Task* before, const Task* after, Objects& out) {
  compare_conditions(before, after, out);
  compare_json("Config", before ? before->config() : "", after ? after->config() : "", out);
  compare_resources(part(before, &Task::has_resources, &Task::resources), part(after, &Task::has_resources, &Task::resources), out);
  compare_object("LogConfig", part(before, &Task::has_log_config, &Task::log_config), part(after, &Task::has_log_config, &Task::log_config), out, {"Enabled"});
  compare_object("DispatchPayload", part(before, &Task::has_dispatch_payload, &Task::dispatch_payload),
                 part(after, &Task::has_dispatch_payload, &Task::dispatch_payload), out);
  compare_set<TaskArtifact>(list_of(before, &Task::artifacts), list_of(after, &Task::artifacts), plain<TaskArtifact>("Artifact"), out);
  compare_services(list_of(before, &Task::services), list_of(after, &Task::services), out);
  compare_object("Vault", part(before, &Task::has_vault, &Task::vault), part(after, &Task::has_vault, &Task::vault), out);
  compare_object("Consul", part(before, &Task::has_consul, &Task::consul), part(after, &Task::has_consul, &Task::consul), out);
  const Make<Template> of_template = compare_template;
  const auto target_of = [](const Template& one) { return one.dest_path(); };
  compare_named<Template>(list_of(before, &Task::templates), list_of(after, &Task::templates), target_of, of_template, out);
  compare_identity(part(before, &Task::has_identity, &Task::identity), part(after, &Task::has_identity, &Task::identity), out);
  const Make<WorkloadIdentity> identity = compare_identity;
  const auto identity_name = [](const WorkloadIdentity& one) { return one.name(); };
  compare_named<WorkloadIdentity>(list_of(before, &Task::identities), list_of(after, &Task::identities), identity_name, identity, out);
  const Make<Action> action = compare_action;
  const auto action_name = [](const Action& one) { return one.name(); };
  compare_named<Action>(list_of(before, &Task::actions), list_of(after, &Task::actions), action_name, action, out);
  compare_set<VolumeMount>(list_of(before, &Task::volume_mounts), list_of(after, &Task::volume_mounts), plain<VolumeMount>("VolumeMount"), out);
}

TaskDiff diff_tasks(const Task* before, const Task* after) {
  TaskDiff out;
  out.set_name((after ? after : before)->name());
  out.set_type(same(before, after) ? none : type_of(before, after));
  if (out.type() == none) return out;
  compare(flat_task(before), flat_task(after), Surroundings::without, *out.mutable_fields());
  compare_task_objects(before, after, *out.mutable_objects());
  return out;
}

// Groups.

void compare_scaling(const ScalingPolicy* before, const ScalingPolicy* after, Objects& out) {
  const Names only = {"Enabled", "Max", "Min"};
  const Flat was = flat_only(before, only);
  const Flat is = flat_only(after, only);
  Objects policy;
  compare_json("Policy", before ? before->policy() : "", after ? after->policy() : "", policy);
  if ((!before && !after) || (before && after && was == is && policy.empty())) return;
  ObjectDiff& object = begin_object(out, "Scaling", before, after);
  compare(was, is, Surroundings::with, *object.mutable_fields());
  *object.mutable_objects() = std::move(policy);
}

void compare_volumes(const TaskGroup* before, const TaskGroup* after, Objects& out) {
  std::map<std::string, std::pair<const VolumeRequest*, const VolumeRequest*>> both;
  if (before) {
    for (const auto& [name, volume] : before->volumes()) both[name].first = &volume;
  }
  if (after) {
    for (const auto& [name, volume] : after->volumes()) both[name].second = &volume;
  }
  for (const auto& [name, pair] : both) {
    if (same(pair.first, pair.second)) continue;
    ObjectDiff& object = begin_object(out, "Volume", pair.first, pair.second);
    compare(flat(pair.first), flat(pair.second), Surroundings::with, *object.mutable_fields());
    compare_object("MountOptions", part(pair.first, &VolumeRequest::has_mount_options, &VolumeRequest::mount_options),
                   part(pair.second, &VolumeRequest::has_mount_options, &VolumeRequest::mount_options), *object.mutable_objects());
  }
}

Flat flat_group(const TaskGroup* group) {
  Flat out = flat(group, {"Name", "MaxRunDuration"});
  if (group) add_map(out, "Meta", group->meta());
  return out;
}

void compare_group_objects(const TaskGroup* before, const TaskGroup* after, Objects& out) {
  using G = TaskGroup;
  compare_conditions(before, after, out);
  compare_object("RestartPolicy", part(before, &G::has_restart_policy, &G::restart_policy), part(after, &G::has_restart_policy, &G::restart_policy), out);
  compare_object("Migrate", part(before, &G::has_migrate, &G::migrate), part(after, &G::has_migrate, &G::migrate), out);
  compare_object("ReschedulePolicy", part(before, &G::has_reschedule_policy, &G::reschedule_policy),
                 part(after, &G::has_reschedule_policy, &G::reschedule_policy), out);
  compare_object("Disconnect", part(before, &G::has_disconnect, &G::disconnect), part(after, &G::has_disconnect, &G::disconnect), out);
  compare_object("EphemeralDisk", part(before, &G::has_ephemeral_disk, &G::ephemeral_disk), part(after, &G::has_ephemeral_disk, &G::ephemeral_disk), out);
  compare_object("Consul", part(before, &G::has_consul, &G::consul), part(after, &G::has_consul, &G::consul), out);
  compare_object("Update", part(before, &G::has_update, &G::update), part(after, &G::has_update, &G::update), out, {"Stagger"});
  const Make<NetworkResource> network = compare_network;
  compare_set<NetworkResource>(list_of(before, &G::networks), list_of(after, &G::networks), network, out);
  compare_services(list_of(before, &G::services), list_of(after, &G::services), out);
  compare_volumes(before, after, out);
  compare_scaling(part(before, &G::has_scaling, &G::scaling), part(after, &G::has_scaling, &G::scaling), out);
}

/// Items of two lists by name, in the order of names.
template <class Item>
std::map<std::string, std::pair<const Item*, const Item*>> by_name(const google::protobuf::RepeatedPtrField<Item>& before,
                                                                   const google::protobuf::RepeatedPtrField<Item>& after) {
  std::map<std::string, std::pair<const Item*, const Item*>> both;
  for (const Item& item : before) both[item.name()].first = &item;
  for (const Item& item : after) both[item.name()].second = &item;
  return both;
}

TaskGroupDiff diff_groups(const TaskGroup* before, const TaskGroup* after) {
  TaskGroupDiff out;
  out.set_name((after ? after : before)->name());
  out.set_type(same(before, after) ? none : type_of(before, after));
  compare(flat_group(before), flat_group(after), Surroundings::without, *out.mutable_fields());
  compare_group_objects(before, after, *out.mutable_objects());
  for (const auto& [name, pair] : by_name(list_of(before, &TaskGroup::tasks), list_of(after, &TaskGroup::tasks))) {
    *out.add_tasks() = diff_tasks(pair.first, pair.second);
  }
  return out;
}

// Jobs.

/// The job without what the server keeps of it.
std::optional<Job> comparable(const Job* job) {
  if (!job) return std::nullopt;
  Job out = *job;
  out.DiscardUnknownFields();  // whether an empty list was given or left out makes no difference
  out.clear_status();
  out.clear_status_description();
  out.clear_version();
  out.clear_version_tag();
  out.clear_stable();
  out.clear_create_index();
  out.clear_modify_index();
  out.clear_job_modify_index();
  out.clear_submit_time();
  out.clear_nomad_token_id();
  for (TaskGroup& group : *out.mutable_task_groups()) {
    sort_configurations(group);
    if (!group.has_scaling()) continue;
    group.mutable_scaling()->clear_id();
    group.mutable_scaling()->clear_create_index();
    group.mutable_scaling()->clear_modify_index();
  }
  return out;
}

Flat flat_job(const Job* job) {
  Flat out = flat(job, {"ID", "Status", "StatusDescription", "Version", "Stable", "CreateIndex", "ModifyIndex", "JobModifyIndex", "SubmitTime", "NomadTokenID"});
  if (job) add_map(out, "Meta", job->meta());
  return out;
}

void compare_periodic(const PeriodicConfig* before, const PeriodicConfig* after, Objects& out) {
  if (same(before, after)) return;
  ObjectDiff& object = begin_object(out, "Periodic", before, after);
  compare(flat(before), flat(after), Surroundings::with, *object.mutable_fields());
  compare_texts("Specs", list_of(before, &PeriodicConfig::specs), list_of(after, &PeriodicConfig::specs), true, *object.mutable_objects());
}

void compare_parameterized(const ParameterizedJobConfig* before, const ParameterizedJobConfig* after, Objects& out) {
  using P = ParameterizedJobConfig;
  if (same(before, after)) return;
  ObjectDiff& object = begin_object(out, "ParameterizedJob", before, after);
  compare(flat(before), flat(after), Surroundings::with, *object.mutable_fields());
  compare_texts("MetaRequired", list_of(before, &P::meta_required), list_of(after, &P::meta_required), true, *object.mutable_objects());
  compare_texts("MetaOptional", list_of(before, &P::meta_optional), list_of(after, &P::meta_optional), true, *object.mutable_objects());
}

}  // namespace
}  // namespace diff

JobDiff diff_jobs(const Job* old_job, const Job* new_job) {
  using namespace diff;
  const std::optional<Job> was = comparable(old_job);
  const std::optional<Job> is = comparable(new_job);
  const Job* before = was ? &*was : nullptr;
  const Job* after = is ? &*is : nullptr;
  JobDiff out;
  out.set_type(same(before, after) ? none : type_of(before, after));
  if (before || after) out.set_id((after ? after : before)->id());
  compare(flat_job(before), flat_job(after), Surroundings::without, *out.mutable_fields());
  Objects& objects = *out.mutable_objects();
  compare_texts("Datacenters", list_of(before, &Job::datacenters), list_of(after, &Job::datacenters), false, objects);
  compare_conditions(before, after, objects);
  compare_periodic(part(before, &Job::has_periodic, &Job::periodic), part(after, &Job::has_periodic, &Job::periodic), objects);
  compare_parameterized(part(before, &Job::has_parameterized_job, &Job::parameterized_job),
                        part(after, &Job::has_parameterized_job, &Job::parameterized_job), objects);
  compare_object("UI", part(before, &Job::has_ui, &Job::ui), part(after, &Job::has_ui, &Job::ui), objects);
  for (const auto& [name, pair] : by_name(list_of(before, &Job::task_groups), list_of(after, &Job::task_groups))) {
    *out.add_task_groups() = diff_groups(pair.first, pair.second);
  }
  return out;
}

}  // namespace drover::model
