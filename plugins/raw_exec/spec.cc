#include "plugins/raw_exec/spec.h"

#include <algorithm>

namespace drover::raw_exec {

namespace {

constexpr std::int64_t bytes_of_mb = 1024 * 1024;

bool is_denied(const std::string& name, const std::vector<std::string>& patterns) {
  return std::any_of(patterns.begin(), patterns.end(), [&name](const std::string& pattern) { return matches(pattern, name); });
}

/// Beside the task's own files, the PATH of the agent; a command with a folder in it is looked for in the former only.
std::vector<std::string> search_path(const sdk::TaskConfig& task, const std::string& command, std::string_view path) {
  std::vector<std::string> folders{task.task_dir() + "/local", task.task_dir()};
  if (command.find('/') != std::string::npos) return folders;
  while (!path.empty()) {
    const auto end = std::min(path.find(':'), path.size());
    if (end > 0) folders.emplace_back(path.substr(0, end));
    path.remove_prefix(std::min(path.size(), end + 1));
  }
  return folders;
}

/// memory is what is reserved; memory_max, if given, the limit; without it memory is both; -1 means no limit.
void limit_memory(const sdk::Resources& resources, sdk::ProcessLimits& limits) {
  const std::int64_t reserved = resources.memory_mb * bytes_of_mb;
  if (resources.memory_max_mb == 0) {
    limits.memory_bytes = reserved;
    return;
  }
  limits.memory_reserve_bytes = reserved;
  if (resources.memory_max_mb > 0) limits.memory_bytes = resources.memory_max_mb * bytes_of_mb;
}

/// The names that monitoring knows; the agent's own choice where it has made one.
sdk::ProcessCgroup cgroup_of(const sdk::TaskConfig& task, const Options& options, const Host& host) {
  sdk::ProcessCgroup cgroup;
  const std::string name = task.alloc_id + "." + task.name;
  const std::string given = task.resources.cpuset_cgroup;
  const bool is_below_root = given.starts_with(host.cgroup_root + "/");
  if (host.cgroups == sdk::CgroupLayout::v2) {
    cgroup.path = is_below_root ? given.substr(host.cgroup_root.size() + 1) : "nomad.slice/share.slice/" + name + ".scope";
    cgroup.v2_existing = options.cgroup_v2_override;
    cgroup.required = !cgroup.v2_existing.empty();
    return cgroup;
  }
  cgroup.path = "nomad/" + name;
  cgroup.v1_existing = options.cgroup_v1_override;
  cgroup.required = !cgroup.v1_existing.empty();
  if (is_below_root && cgroup.v1_existing.count("cpuset") == 0) cgroup.v1_existing["cpuset"] = given;
  return cgroup;
}

std::string start_name(const std::string& task_id) {
  std::string name = task_id.substr(task_id.rfind('/') + 1);
  if (name.empty() || name == "." || name == "..") name = "start";
  return name;
}

}  // namespace

bool matches(std::string_view pattern, std::string_view text) {
  const auto star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == text;
  if (!text.starts_with(pattern.substr(0, star))) return false;
  text.remove_prefix(star);
  pattern.remove_prefix(star + 1);
  for (std::size_t skipped = 0; skipped <= text.size(); ++skipped)
    if (matches(pattern, text.substr(skipped))) return true;
  return false;
}

std::string states_dir(const sdk::TaskConfig& task) { return task.task_dir() + "/private/raw_exec"; }

sdk::ProcessSpec make_spec(const sdk::TaskConfig& task, const Options& options, const PluginOptions& plugin, const Host& host) {
  sdk::ProcessSpec spec;
  spec.id = task.id;
  spec.state_dir = states_dir(task) + "/" + start_name(task.id);
  spec.command = options.command;
  spec.args = options.args;
  spec.search_path = search_path(task, options.command, host.path);
  for (const auto& [name, value] : task.env)
    if (!is_denied(name, plugin.denied_envvars) && !is_denied(name, options.denied_envvars)) spec.env.emplace_back(name, value);
  spec.cwd = options.work_dir.empty() ? task.task_dir() : options.work_dir;
  spec.user = task.user;
  spec.umask = 022;  // as a task finds it anywhere; the agent's own files are its own (077)
  spec.stdout_path = task.stdout_path;
  spec.stderr_path = task.stderr_path;
  spec.netns_path = task.network.path;
  spec.cgroup = cgroup_of(task, options, host);
  limit_memory(task.resources, spec.limits);
  spec.limits.cpu_shares = static_cast<std::uint64_t>(std::max<std::int64_t>(task.resources.cpu_mhz, 0));
  spec.limits.cpuset_cpus = task.resources.cpuset_cpus;
  if (options.oom_score_adj != 0) spec.oom_score_adj = options.oom_score_adj;
  return spec;
}

}  // namespace drover::raw_exec
