#include "model/validate.h"

#include <algorithm>
#include <map>
#include <set>

#include "model/cron.h"
#include "model/proto/job.pb.h"
#include "model/validate_parts.h"

namespace drover::model {
namespace {

constexpr std::int64_t disk_mb_min = 10;
constexpr std::size_t ui_description_max = 1000;

bool is_system(const Job& job) { return job.type() == "system" || job.type() == "sysbatch"; }
bool is_batch(const Job& job) { return job.type() == "batch" || job.type() == "sysbatch"; }

void check_names(const Job& job, Problems& problems) {
  if (job.region().empty()) problems.add("Missing job region");
  if (job.id().empty()) problems.add("Missing job ID");
  if (job.id().find(' ') != std::string::npos) problems.add("Job ID contains a space");
  if (job.id().find('\0') != std::string::npos) problems.add("Job ID contains a null character");
  if (job.name().empty()) problems.add("Missing job name");
  if (job.name().find('\0') != std::string::npos) problems.add("Job Name contains a null character");
  if (job.namespace_().empty()) problems.add("Job must be in a namespace");
}

constexpr std::string_view core_type = "_core";  ///< of evaluations that the server makes for itself

void check_type(const Job& job, Problems& problems) {
  static constexpr std::string_view types[] = {"service", "batch", "system", "sysbatch"};
  if (job.type().empty()) {
    problems.add("Missing job type");
  } else if (job.type() != core_type && std::ranges::find(types, job.type()) == std::end(types)) {
    problems.add("Invalid job type: \"{}\"", job.type());
  }
}

void check_periodic(const Job& job, Problems& problems) {
  if (!job.has_periodic()) return;
  if (!is_batch(job)) problems.add("Periodic can only be used with \"batch\" or \"sysbatch\" scheduler");
  const auto& periodic = job.periodic();
  if (!periodic.enabled()) return;
  Problems inner;
  if (!periodic.spec().empty() && periodic.specs_size() > 0) {
    inner.add("Only cron or crons may be used");
  } else if (periodic.spec().empty() && periodic.specs_size() == 0) {
    inner.add("Must specify a spec");
  }
  if (!TimeZone::load(periodic.time_zone())) {
    inner.add("Invalid time zone \"{}\": unknown time zone {}", periodic.time_zone(), periodic.time_zone());
  }
  const auto check_spec = [&inner](const std::string& spec) {
    if (const auto cron = Cron::parse(spec); !cron) inner.add("Invalid cron spec \"{}\": {}", spec, cron.error().message);
  };
  if (!periodic.spec().empty()) check_spec(periodic.spec());
  for (const auto& spec : periodic.specs()) check_spec(spec);
  if (!inner.empty()) problems.add("{}", inner.text());
}

void check_parameterized(const Job& job, Problems& problems) {
  if (!job.has_parameterized_job()) return;
  if (!is_batch(job)) problems.add("Parameterized job can only be used with \"batch\" or \"sysbatch\" scheduler");
  const auto& parameterized = job.parameterized_job();
  static constexpr std::string_view payloads[] = {"optional", "required", "forbidden"};
  Problems inner;
  if (std::ranges::find(payloads, parameterized.payload()) == std::end(payloads)) {
    inner.add("Unknown payload requirement: \"{}\"", parameterized.payload());
  }
  const std::set<std::string> required(parameterized.meta_required().begin(), parameterized.meta_required().end());
  std::string both;
  for (const auto& key : parameterized.meta_optional()) {
    if (required.contains(key)) both += (both.empty() ? "" : " ") + key;
  }
  if (!both.empty()) inner.add("Required and optional meta keys should be disjoint. Following keys exist in both: [{}]", both);
  if (!inner.empty()) problems.add("{}", inner.text());
}

void check_job(const Job& job, const JobLimits& limits, Problems& problems) {
  check_names(job, problems);
  check_type(job, problems);
  if (job.priority() < 1 || job.priority() > limits.priority_max) {
    problems.add("job priority must be between [1, {}]", limits.priority_max);
  }
  for (const auto& datacenter : job.datacenters()) {
    if (datacenter.empty()) problems.add("Job datacenter must be non-empty string");
  }
  if (job.ui().description().size() > ui_description_max) {
    problems.add("UI description must be under 1000 characters, currently {}", job.ui().description().size());
  }
  if (job.type() == "system" && job.affinities_size() > 0) problems.add("System jobs may not have an affinity block");
  if (job.type() == "system" && job.spreads_size() > 0) problems.add("System jobs may not have a spread block");
  add_constraint_problems(job.constraints(), problems);
  add_affinity_problems(job.affinities(), problems);
  add_spread_problems(job.spreads(), problems);
  check_periodic(job, problems);
  check_parameterized(job, problems);
  if (job.has_multiregion() && job.multiregion().regions_size() > 0) problems.add("Multiregion jobs are not supported");
}

void check_policies(const TaskGroup& group, const Job& job, Problems& problems) {
  if (group.has_restart_policy()) problems.add_all(problems_of(group.restart_policy()));
  if (is_system(job)) {
    if (group.has_reschedule_policy()) problems.add("System or sysbatch jobs should not have a reschedule policy");
  } else if (group.has_reschedule_policy()) {
    problems.add_all(problems_of(group.reschedule_policy()));
  }
  if (group.has_update()) {
    const bool allowed = job.type() == "service" || job.type() == "system";
    if (allowed) problems.add_all(problems_of(group.update()));
    if (!allowed) problems.add("Job type \"{}\" does not allow update block", job.type());
  }
  if (group.has_migrate()) {
    if (job.type() == "service") problems.add_all(problems_of(group.migrate()));
    if (job.type() != "service") problems.add("Job type \"{}\" does not allow migrate block", job.type());
  }
  if (group.has_disconnect()) {
    const auto& disconnect = group.disconnect();
    if (disconnect.lost_after() > 0 && disconnect.stop_on_client_after() > 0) {
      problems.add("Disconnect cannot be configured with both lost_after and stop_after");
    }
    if (disconnect.lost_after() < 0) problems.add("Disconnect lost_after must be a positive duration");
    if (disconnect.stop_on_client_after() < 0) problems.add("Disconnect stop_on_client_after must be a positive duration");
    static constexpr std::string_view ways[] = {"keep_original", "keep_replacement", "best_score", "longest_running"};
    if (std::ranges::find(ways, disconnect.reconcile()) == std::end(ways)) {
      problems.add("reconcile option is invalid: {}", disconnect.reconcile());
    }
  }
}

void check_scaling(const TaskGroup& group, Problems& problems) {
  if (!group.has_scaling()) return;
  const auto& scaling = group.scaling();
  Problems inner;
  if (!scaling.has_max()) inner.add("Scaling policy invalid: maximum count must be specified");
  if (scaling.has_max() && scaling.min() > scaling.max()) {
    inner.add("Scaling policy invalid: maximum count must not be less than minimum count");
  }
  if (group.count() < scaling.min()) {
    inner.add("Scaling policy invalid: task group count must not be less than minimum count in scaling policy");
  }
  if (scaling.has_max() && group.count() > scaling.max()) {
    inner.add("Scaling policy invalid: task group count must not be greater than maximum count in scaling policy");
  }
  problems.add_within("Task group scaling policy validation failed", inner);
}

/// Vault is not spoken, so no server has it: a task that needs it would wait for ever.
void check_vault_is_there(const Job& job, Problems& problems) {
  std::set<std::string> clusters;
  for (const TaskGroup& group : job.task_groups())
    for (const Task& task : group.tasks())
      if (task.has_vault()) clusters.insert(task.vault().cluster().empty() ? "default" : task.vault().cluster());
  for (const std::string& cluster : clusters) problems.add("Vault \"{}\" not enabled but used in the job", cluster);
}

void check_tasks(const TaskGroup& group, const Job& job, Problems& problems) {
  if (group.tasks_size() == 0 && !has_proxy(group)) problems.add("Missing tasks for task group");
  std::map<std::string, int> seen;
  int leaders = 0;
  for (int i = 0; i < group.tasks_size(); ++i) {
    const Task& task = group.tasks(i);
    if (task.name().empty()) {
      problems.add("Task {} missing name", i + 1);
    } else if (const auto [at, is_new] = seen.try_emplace(task.name(), i + 1); !is_new) {
      problems.add("Task {} redefines '{}' from task {}", i + 1, task.name(), at->second);
    }
    leaders += task.leader();
  }
  if (leaders > 1) problems.add("Only one task may be marked as leader");
  for (const Task& task : group.tasks()) problems.add_within("Task " + task.name() + " validation failed", problems_of(task, group, job));
}

Problems problems_of_group(const TaskGroup& group, const Job& job) {
  Problems problems;
  if (group.name().empty()) problems.add("Missing task group name");
  if (group.name().find('\0') != std::string::npos) problems.add("Task group name contains null character");
  if (group.count() < 0) problems.add("Task group count can't be negative");
  if (group.max_run_duration() != 0 || group.has_max_run_duration()) {
    if (!is_batch(job)) problems.add("Job type \"{}\" does not allow max_run_duration", job.type());
    if (is_batch(job) && group.max_run_duration() <= 0) problems.add("max_run_duration must be greater than zero");
  }
  add_constraint_problems(group.constraints(), problems);
  if (job.type() == "system" && group.affinities_size() > 0) problems.add("System jobs may not have an affinity block");
  if (job.type() == "system" && group.spreads_size() > 0) problems.add("System jobs may not have a spread block");
  add_affinity_problems(group.affinities(), problems);
  add_spread_problems(group.spreads(), problems);
  check_policies(group, job, problems);
  if (group.ephemeral_disk().size_mb() < disk_mb_min) {
    problems.add("minimum DiskMB value is {}; got {}", disk_mb_min, group.ephemeral_disk().size_mb());
  }
  check_tasks(group, job, problems);
  problems.add_all(problems_of_volumes(group, job));
  problems.add_within("Task group network validation failed", problems_of_networks(group));
  problems.add_within("Task group service validation failed", problems_of_services(group));
  check_scaling(group, problems);
  return problems;
}

void check_groups(const Job& job, const JobLimits& limits, Problems& problems) {
  if (job.task_groups_size() == 0) problems.add("Missing job task groups");
  std::map<std::string, int> seen;
  std::int64_t total = 0;
  for (int i = 0; i < job.task_groups_size(); ++i) {
    const TaskGroup& group = job.task_groups(i);
    total += std::clamp<std::int64_t>(group.count(), 0, limits.count_max + 1);
    if (group.name().empty()) {
      problems.add("Job task group {} missing name", i + 1);
    } else if (const auto [at, is_new] = seen.try_emplace(group.name(), i + 1); !is_new) {
      problems.add("Job task group {} redefines '{}' from group {}", i + 1, group.name(), at->second);
    }
    if (job.type() == "system" && group.count() > 1) {
      problems.add("Job task group {} has count {}. Count cannot exceed 1 with system scheduler", group.name(), group.count());
    }
    if (group.shutdown_delay() < 0) problems.add("ShutdownDelay must be a positive value");
  }
  if (total > limits.count_max) problems.add("total count was greater than configured job_max_count: {} > {}", total, limits.count_max);
  for (const TaskGroup& group : job.task_groups()) {
    problems.add_within("Task group " + group.name() + " validation failed", problems_of_group(group, job));
  }
  if (job.type() == core_type) problems.add("job type cannot be core");
}

// Warnings.

/// The task that speaks for a service in a mesh; null where none does.
const Task* native_task(const TaskGroup& group, const Service& service) {
  if (!service.connect().native()) return nullptr;
  if (service.task_name().empty()) return group.tasks_size() == 1 ? &group.tasks(0) : nullptr;
  const auto task = std::ranges::find(group.tasks(), service.task_name(), [](const Task& each) { return each.name(); });
  return task == group.tasks().end() ? nullptr : &*task;
}

/// A proxy has a delay of its own, and of a service that speaks for itself in a mesh its task is asked.
bool leaves_in_time(const TaskGroup& group) {
  return has_proxy(group) || std::ranges::any_of(group.services(), [](const Service& service) { return service.connect().native() || service.connect().has_sidecar_task(); });
}

bool has_services(const TaskGroup& group) {
  return group.services_size() > 0 || std::ranges::any_of(group.tasks(), [](const Task& task) { return task.services_size() > 0; });
}

void add_group_warnings(const TaskGroup& group, std::vector<std::string>& warnings) {
  const bool task_delay = std::ranges::any_of(group.tasks(), [](const Task& task) { return task.shutdown_delay() > 0; });
  if (group.services_size() > 0 && group.shutdown_delay() == 0 && !task_delay && !leaves_in_time(group)) {
    warnings.push_back(text("group \"{}\" defines services, but neither the group nor any of its tasks have shutdown_delay set", group.name()));
  }
  for (const Service& service : group.services()) {
    const Task* task = native_task(group, service);
    if (task && task->shutdown_delay() == 0) warnings.push_back(text("group \"{}\" references task \"{}\" in a service definition, but the task has no shutdown_delay set", group.name(), task->name()));
  }
  if (group.shutdown_delay() != 0) return;
  for (const Task& task : group.tasks()) {
    if (task.services_size() == 0 || task.shutdown_delay() > 0) continue;
    warnings.push_back(text("task \"{}\" in group \"{}\" defines services, but has no shutdown_delay set", task.name(), group.name()));
  }
}

void add_memory_warnings(const TaskGroup& group, std::vector<std::string>& warnings) {
  for (const Task& task : group.tasks()) {
    if (task.resources().memory_max_mb() == 0) continue;
    warnings.push_back(text("Memory oversubscription is not enabled; Task \"{}.{}\" memory_max value will be ignored. Update the Scheduler Configuration to allow oversubscription.", group.name(), task.name()));
  }
}

std::string warnings_of(const Job& job, const JobLimits& limits) {
  std::vector<std::string> warnings = warnings_within_groups(job).take();
  for (std::string& warning : warnings) {
    while (warning.ends_with('\n')) warning.pop_back();
  }
  for (const TaskGroup& group : job.task_groups()) {
    if (has_services(group)) add_group_warnings(group, warnings);
    if (!limits.memory_oversubscription) add_memory_warnings(group, warnings);
  }
  if (!job.periodic().spec().empty()) {
    warnings.push_back("cron is deprecated and may be removed in a future release. Use crons instead");
  }
  if (warnings.empty()) return {};
  std::string out = text("{} warning{}:\n\n", warnings.size(), warnings.size() == 1 ? "" : "s");
  for (std::size_t i = 0; i < warnings.size(); ++i) out += (i > 0 ? "\n* " : "* ") + warnings[i];
  return out;
}

}  // namespace

void Problems::add_within(std::string_view heading, const Problems& inner) {
  if (!inner.empty()) list_.push_back(std::string(heading) + ": " + inner.text());
}

std::string Problems::text_of(const std::vector<std::string>& list) {
  if (list.empty()) return {};
  std::string out = drover::text("{} error{} occurred:", list.size(), list.size() == 1 ? "" : "s");
  for (const std::string& problem : list) out += "\n\t* " + problem;
  return out + "\n\n";
}

std::string Validation::text() const { return Problems::text_of(errors); }

Validation validate(const Job& job, const JobLimits& limits) {
  Problems problems;
  check_job(job, limits, problems);
  for (const TaskGroup& group : job.task_groups()) problems.add_all(problems_of_mesh(group));
  check_groups(job, limits, problems);
  check_vault_is_there(job, problems);
  return {.errors = problems.take(), .warnings = warnings_of(job, limits)};
}

std::vector<std::string> problems_of_update(const Job& before, const Job& next) {
  Problems problems;
  if (before.type() != next.type()) problems.add("cannot update job from type \"{}\" to \"{}\"", before.type(), next.type());
  if (before.has_periodic() != next.has_periodic()) {
    problems.add("cannot update {} job to {}", before.has_periodic() ? "periodic" : "non-periodic",
                 next.has_periodic() ? "being periodic" : "being non-periodic");
  }
  if (before.has_parameterized_job() != next.has_parameterized_job()) {
    problems.add("cannot update {} job to {}", before.has_parameterized_job() ? "parameterized" : "non-parameterized",
                 next.has_parameterized_job() ? "being parameterized" : "being non-parameterized");
  }
  return problems.take();
}

}  // namespace drover::model
