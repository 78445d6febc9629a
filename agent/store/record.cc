#include "agent/store/record.h"

#include "agent/store/record.pb.h"
#include "base/json/json.h"
#include "model/proto/task_state.pb.h"

namespace drover::agent {
namespace {

template <class Map>
void put_texts(const Texts& texts, Map& out) {
  for (const auto& [key, value] : texts) out[key] = value;
}

template <class Map>
Texts texts_of(const Map& map) {
  return Texts(map.begin(), map.end());  // sorted by the copy
}

template <class Repeated>
std::vector<std::string> list_of(const Repeated& items) {
  return std::vector<std::string>(items.begin(), items.end());
}

void put_resources(const TaskResources& from, record::Resources& to) {
  to.set_cpu_shares(from.cpu_shares);
  to.set_memory_mb(from.memory_mb);
  to.set_memory_max_mb(from.memory_max_mb);
  to.set_memory_limit_bytes(from.memory_limit_bytes);
  to.set_percent_ticks(from.percent_ticks);
  to.set_cpuset_cpus(from.cpuset_cpus);
  to.set_cpuset_cgroup(from.cpuset_cgroup);
  for (const PortMapping& port : from.ports) {
    record::Port& out = *to.add_ports();
    out.set_label(port.label);
    out.set_value(port.value);
    out.set_to(port.to);
    out.set_host_ip(port.host_ip);
  }
}

TaskResources resources_of(const record::Resources& from) {
  TaskResources to{.cpu_shares = from.cpu_shares(),
                   .memory_mb = from.memory_mb(),
                   .memory_max_mb = from.memory_max_mb(),
                   .memory_limit_bytes = from.memory_limit_bytes(),
                   .percent_ticks = from.percent_ticks(),
                   .cpuset_cpus = from.cpuset_cpus(),
                   .cpuset_cgroup = from.cpuset_cgroup()};
  for (const record::Port& port : from.ports()) to.ports.push_back({port.label(), port.value(), port.to(), port.host_ip()});
  return to;
}

void put_config(const TaskConfig& from, record::Config& to) {
  to.set_id(from.id);
  to.set_name(from.name);
  to.set_alloc_id(from.alloc_id);
  to.set_group(from.group);
  to.set_job_id(from.job_id);
  to.set_job_name(from.job_name);
  to.set_job_parent_id(from.job_parent_id);
  to.set_job_namespace(from.job_namespace);
  to.set_node_id(from.node_id);
  to.set_node_name(from.node_name);
  to.set_user(from.user);
  to.set_alloc_dir(from.alloc_dir);
  to.set_stdout_path(from.stdout_path);
  to.set_stderr_path(from.stderr_path);
  to.set_config_json(json::write(from.config));
  put_texts(from.env, *to.mutable_env());
  put_texts(from.device_env, *to.mutable_device_env());
  put_resources(from.resources, *to.mutable_resources());
  for (const TaskMount& mount : from.mounts) {
    record::Mount& out = *to.add_mounts();
    out.set_task_path(mount.task_path);
    out.set_host_path(mount.host_path);
    out.set_read_only(mount.read_only);
    out.set_propagation_mode(mount.propagation_mode);
    out.set_selinux_label(mount.selinux_label);
  }
  for (const TaskDevice& device : from.devices) {
    record::Device& out = *to.add_devices();
    out.set_task_path(device.task_path);
    out.set_host_path(device.host_path);
    out.set_permissions(device.permissions);
  }
  if (!from.dns) return;
  for (const std::string& server : from.dns->servers) to.mutable_dns()->add_servers(server);
  for (const std::string& search : from.dns->searches) to.mutable_dns()->add_searches(search);
  for (const std::string& option : from.dns->options) to.mutable_dns()->add_options(option);
}

Result<TaskConfig> config_of(const record::Config& from) {
  TaskConfig to;
  to.id = from.id();
  to.name = from.name();
  to.alloc_id = from.alloc_id();
  to.group = from.group();
  to.job_id = from.job_id();
  to.job_name = from.job_name();
  to.job_parent_id = from.job_parent_id();
  to.job_namespace = from.job_namespace();
  to.node_id = from.node_id();
  to.node_name = from.node_name();
  to.user = from.user();
  to.alloc_dir = from.alloc_dir();
  to.stdout_path = from.stdout_path();
  to.stderr_path = from.stderr_path();
  DROVER_LET(to.config, json::parse(from.config_json()));
  to.env = texts_of(from.env());
  to.device_env = texts_of(from.device_env());
  to.resources = resources_of(from.resources());
  for (const record::Mount& mount : from.mounts())
    to.mounts.push_back({mount.task_path(), mount.host_path(), mount.read_only(), mount.propagation_mode(), mount.selinux_label()});
  for (const record::Device& device : from.devices()) to.devices.push_back({device.task_path(), device.host_path(), device.permissions()});
  if (from.has_dns()) to.dns = TaskDns{list_of(from.dns().servers()), list_of(from.dns().searches()), list_of(from.dns().options())};
  return to;
}

}  // namespace

std::string to_record(const StoredTask& task) {
  record::Task out;
  if (task.state) *out.mutable_state() = *task.state;
  out.set_driver(task.driver);
  out.set_attempts(task.attempts);
  out.set_interval_start_ns(to_ns(task.interval_start));
  out.set_finished(task.finished);
  if (task.handle) {
    out.mutable_handle()->set_version(task.handle->version);
    out.mutable_handle()->set_life(static_cast<std::uint32_t>(task.handle->life));
    out.mutable_handle()->set_driver_state(task.handle->driver_state);
    put_config(task.handle->config, *out.mutable_handle()->mutable_config());
  }
  return out.SerializeAsString();
}

Result<StoredTask> from_record(std::string_view bytes) {
  record::Task in;
  if (!in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size()))) return fail(Code::internal, "a task record cannot be read");
  StoredTask task;
  task.state = std::make_shared<model::TaskState>(in.state());
  task.driver = in.driver();
  task.attempts = in.attempts();
  task.interval_start = from_ns(in.interval_start_ns());
  task.finished = in.finished();
  if (in.has_handle()) {
    if (in.handle().life() > static_cast<std::uint32_t>(TaskLife::exited)) return fail(Code::internal, "a task record holds an unknown state");
    TaskHandle handle;
    handle.version = in.handle().version();
    handle.life = static_cast<TaskLife>(in.handle().life());
    handle.driver_state = in.handle().driver_state();
    DROVER_LET(handle.config, config_of(in.handle().config()));
    task.handle = std::move(handle);
  }
  return task;
}

}  // namespace drover::agent
