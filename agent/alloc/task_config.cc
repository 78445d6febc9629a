#include "agent/alloc/task_config.h"

#include <algorithm>
#include <cstdio>
#include <set>

#include "agent/alloc/interpolate.h"
#include "base/json/json.h"
#include "model/proto/alloc.pb.h"
#include "model/proto/node.pb.h"

namespace drover::agent {
namespace {

constexpr std::int64_t bytes_per_mb = 1024 * 1024;

Result<Value> job_config(const model::Task& task) {
  if (task.config().empty() || task.config() == "null") return Value::map();
  Result<Value> config = json::parse(task.config());
  if (!config) return config.error().within("config");
  if (!config->is_map()) return fail(Code::invalid, "config is a {}, not a map", to_text(config->kind()));
  return config;
}

std::string core_list(const model::AllocatedCpuResources& cpu) {
  std::string out;
  for (const std::uint64_t core : cpu.reserved_cores()) out += (out.empty() ? "" : ",") + std::to_string(core);
  return out;
}

TaskResources resources_of(const EnvironmentInput& input) {
  TaskResources out;
  const auto& all = input.alloc.allocated_resources();
  const auto found = all.tasks().find(input.task.name());
  if (found != all.tasks().end()) {
    out.cpu_shares = found->second.cpu().cpu_shares();
    out.cpuset_cpus = core_list(found->second.cpu());
    out.memory_mb = found->second.memory().memory_mb();
    out.memory_max_mb = found->second.memory().memory_max_mb();
    out.memory_limit_bytes = std::max(out.memory_mb, out.memory_max_mb) * bytes_per_mb;
  }
  const std::int64_t node_mhz = input.node.node_resources().cpu().cpu_shares();
  if (node_mhz > 0) out.percent_ticks = static_cast<double>(out.cpu_shares) / static_cast<double>(node_mhz);
  for (const model::AllocatedPortMapping& port : all.shared().ports()) {
    out.ports.push_back({port.label(), port.value(), port.to(), port.host_ip()});
  }
  return out;
}

std::optional<TaskDns> dns_of(const model::TaskGroup& group) {
  if (group.networks_size() == 0 || !group.networks(0).has_dns()) return std::nullopt;
  const model::DNSConfig& dns = group.networks(0).dns();
  return TaskDns{{dns.servers().begin(), dns.servers().end()},
                 {dns.searches().begin(), dns.searches().end()},
                 {dns.options().begin(), dns.options().end()}};
}

}  // namespace

std::string unsupported_part(const model::TaskGroup& group, const model::Task& task) {
  if (task.artifacts_size() != 0) return "artifact";
  if (task.templates_size() != 0) return "template";
  if (task.volume_mounts_size() != 0) return "volume_mount";
  if (task.has_vault()) return "vault";
  if (task.secrets_size() != 0) return "secret";
  if (task.has_csi_plugin_config()) return "csi_plugin";
  if (task.has_schedule()) return "schedule";
  for (const model::NetworkResource& network : group.networks()) {
    if (!network.mode().empty() && network.mode() != "host") return text("network mode \"{}\"", network.mode());
  }
  return "";
}

std::vector<std::string> unknown_secrets(const TaskConfig& config) {
  std::set<std::string> names;
  for (const auto& [name, value] : config.env) {
    if (value.find("${") != std::string::npos) find_secrets(value, names);
  }
  find_all_secrets(config.config, names);
  return {names.begin(), names.end()};
}

std::string make_task_id(const std::string& alloc_id, const std::string& task, std::uint64_t random) {
  char suffix[9];
  std::snprintf(suffix, sizeof suffix, "%08x", static_cast<unsigned>(random & 0xffffffffu));
  return alloc_id + "/" + task + "/" + suffix;
}

Result<TaskConfig> make_task_config(const EnvironmentInput& input, std::string task_id, LogPaths logs) {
  const model::Allocation& alloc = input.alloc;
  TaskConfig out;
  out.id = std::move(task_id);
  out.name = input.task.name();
  out.alloc_id = alloc.id();
  out.group = alloc.task_group();
  out.job_id = alloc.job_id();
  out.job_name = alloc.job().name();
  out.job_parent_id = alloc.job().parent_id();
  out.job_namespace = alloc.namespace_();
  out.node_id = input.node.id();
  out.node_name = input.node.name();
  out.user = input.task.user();
  out.alloc_dir = input.alloc_dirs.root;
  out.stdout_path = logs.standard_output;
  out.stderr_path = logs.standard_error;
  out.env = task_environment(input);
  out.resources = resources_of(input);
  out.dns = dns_of(input.group);

  DROVER_LET(const Value config, job_config(input.task));
  Result<Value> evaluated = evaluate_config(config, out.env, node_references(input.node, input.settings.region));
  if (!evaluated) return evaluated.error().within("config");
  out.config = std::move(evaluated).value();
  return out;
}

}  // namespace drover::agent
