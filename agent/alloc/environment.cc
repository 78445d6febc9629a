#include "agent/alloc/environment.h"

#include <algorithm>
#include <array>
#include <cctype>

#include "agent/alloc/interpolate.h"
#include "model/proto/alloc.pb.h"
#include "model/proto/node.pb.h"

namespace drover::agent {
namespace {

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

/// "web.api[3]" → "3".
std::string alloc_index(const std::string& name) {
  const auto open = name.rfind('[');
  const auto close = name.rfind(']');
  if (open == std::string::npos || close == std::string::npos || close < open) return "";
  return name.substr(open + 1, close - open - 1);
}

/// {3,4,5,7} → "3-5,7".
std::string core_list(const google::protobuf::RepeatedField<std::uint64_t>& cores) {
  std::vector<std::uint64_t> ids(cores.begin(), cores.end());
  std::sort(ids.begin(), ids.end());
  std::string out;
  for (std::size_t i = 0; i < ids.size();) {
    std::size_t last = i;
    while (last + 1 < ids.size() && ids[last + 1] == ids[last] + 1) ++last;
    if (!out.empty()) out += ',';
    out += std::to_string(ids[i]);
    if (last > i) out += "-" + std::to_string(ids[last]);
    i = last + 1;
  }
  return out;
}

std::string address(const std::string& ip, std::int64_t port) {
  const bool v6 = ip.find(':') != std::string::npos;
  return (v6 ? "[" + ip + "]" : ip) + ":" + std::to_string(port);
}

const model::AllocatedTaskResources* resources_of(const model::Allocation& alloc, const std::string& task) {
  const auto& tasks = alloc.allocated_resources().tasks();
  const auto found = tasks.find(task);
  return found == tasks.end() ? nullptr : &found->second;
}

void add_directories(Texts& env, const EnvironmentInput& input) {
  const bool inside = input.isolation == FsIsolation::image || input.isolation == FsIsolation::chroot;
  env["NOMAD_ALLOC_DIR"] = inside ? "/alloc" : input.alloc_dirs.shared;
  env["NOMAD_TASK_DIR"] = inside ? "/local" : input.task_dirs.local;
  env["NOMAD_SECRETS_DIR"] = inside ? "/secrets" : input.task_dirs.secrets;
}

void add_limits(Texts& env, const EnvironmentInput& input) {
  const model::AllocatedTaskResources* resources = resources_of(input.alloc, input.task.name());
  if (resources == nullptr) return;
  if (resources->memory().memory_mb() != 0) env["NOMAD_MEMORY_LIMIT"] = std::to_string(resources->memory().memory_mb());
  if (resources->memory().memory_max_mb() != 0)
    env["NOMAD_MEMORY_MAX_LIMIT"] = std::to_string(resources->memory().memory_max_mb());
  if (resources->cpu().cpu_shares() != 0) env["NOMAD_CPU_LIMIT"] = std::to_string(resources->cpu().cpu_shares());
  if (resources->cpu().reserved_cores_size() != 0)
    env["NOMAD_CPU_CORES"] = core_list(resources->cpu().reserved_cores());
}

void add_names(Texts& env, const model::Allocation& alloc, const model::Node& node, const Settings& settings) {
  env["NOMAD_ALLOC_ID"] = alloc.id();
  env["NOMAD_SHORT_ALLOC_ID"] = alloc.id().substr(0, 8);
  env["NOMAD_ALLOC_NAME"] = alloc.name();
  env["NOMAD_ALLOC_INDEX"] = alloc_index(alloc.name());
  env["NOMAD_GROUP_NAME"] = alloc.task_group();
  env["NOMAD_JOB_ID"] = alloc.job_id();
  env["NOMAD_JOB_NAME"] = alloc.job().name();
  if (!alloc.job().parent_id().empty()) env["NOMAD_JOB_PARENT_ID"] = alloc.job().parent_id();
  env["NOMAD_DC"] = node.datacenter();
  env["NOMAD_REGION"] = settings.region;
  env["NOMAD_NAMESPACE"] = alloc.namespace_();
  if (!node.cgroup_parent().empty()) env["NOMAD_PARENT_CGROUP"] = node.cgroup_parent();
}

void add_ports(Texts& env, const model::Allocation& alloc) {
  for (const model::AllocatedPortMapping& port : alloc.allocated_resources().shared().ports()) {
    const std::string& label = port.label();
    const std::string inner = std::to_string(port.to() > 0 ? port.to() : port.value());
    env["NOMAD_PORT_" + label] = inner;
    env["NOMAD_ALLOC_PORT_" + label] = inner;
    env["NOMAD_HOST_PORT_" + label] = std::to_string(port.value());
    env["NOMAD_IP_" + label] = env["NOMAD_HOST_IP_" + label] = port.host_ip();
    env["NOMAD_ADDR_" + label] = env["NOMAD_HOST_ADDR_" + label] = address(port.host_ip(), port.value());
  }
}

void add_meta(Texts& env, const Texts& meta) {
  for (const auto& [key, value] : meta) {
    env["NOMAD_META_" + upper(key)] = value;
    env["NOMAD_META_" + key] = value;
  }
}

}  // namespace

Texts merged_meta(const model::Job& job, const model::TaskGroup& group, const model::Task& task) {
  Texts meta(task.meta().begin(), task.meta().end());
  meta.insert(group.meta().begin(), group.meta().end());
  meta.insert(job.meta().begin(), job.meta().end());
  for (const std::string& key : job.parameterized_job().meta_optional()) meta.emplace(key, "");
  return meta;
}

std::string clean_variable(std::string name) {
  constexpr std::array<std::string_view, 5> families = {"NOMAD_ADDR_", "NOMAD_IP_", "NOMAD_PORT_", "NOMAD_HOST_PORT_",
                                                        "NOMAD_META_"};
  const auto family = std::find_if(families.begin(), families.end(),
                                   [&name](std::string_view prefix) { return name.starts_with(prefix); });
  if (family == families.end()) return name;
  for (char& c : name) {
    const bool allowed = std::isalnum(static_cast<unsigned char>(c)) || c == '_' || c == '.';
    if (!allowed) c = '_';
  }
  return name;
}

Texts task_environment(const EnvironmentInput& input) {
  Texts raw;
  add_directories(raw, input);
  add_limits(raw, input);
  add_names(raw, input.alloc, input.node, input.settings);
  raw["NOMAD_TASK_NAME"] = input.task.name();
  add_ports(raw, input.alloc);

  const Texts node = node_references(input.node, input.settings.region);
  Texts meta = merged_meta(input.alloc.job(), input.group, input.task);
  for (auto& [key, value] : meta) value = replace_references(value, node, raw);
  add_meta(raw, meta);

  Texts env;
  for (auto& [name, value] : raw) env[clean_variable(name)] = value;
  if (input.isolation != FsIsolation::image)
    env.insert(input.settings.task_base_env.begin(), input.settings.task_base_env.end());

  // Each value sees what was there before the task's own variables: none may refer to another, whose order is unknown.
  Texts own;
  for (const auto& [name, value] : input.task.env()) own[clean_variable(name)] = replace_references(value, node, env);
  for (auto& [name, value] : own) env[name] = std::move(value);
  return env;
}

Texts group_environment(const model::Allocation& alloc, const model::TaskGroup& group, const model::Node& node,
                        const Settings& settings) {
  Texts raw;
  add_names(raw, alloc, node, settings);
  add_ports(raw, alloc);
  const Texts references = node_references(node, settings.region);
  Texts meta = merged_meta(alloc.job(), group, model::Task());
  for (auto& [key, value] : meta) value = replace_references(value, references, raw);
  add_meta(raw, meta);
  Texts env;
  for (auto& [name, value] : raw) env[clean_variable(name)] = value;
  return env;
}

}  // namespace drover::agent
