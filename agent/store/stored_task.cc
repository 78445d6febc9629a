#include "agent/store/stored_task.h"

#include "agent/store/stored.pb.h"
#include "base/json/json.h"

namespace drover::agent {
namespace {

void write_texts(const Texts& texts, google::protobuf::RepeatedPtrField<stored::Pair>& out) {
  for (const auto& [name, value] : texts) {
    stored::Pair& pair = *out.Add();
    pair.set_name(name);
    pair.set_value(value);
  }
}

Texts read_texts(const google::protobuf::RepeatedPtrField<stored::Pair>& pairs) {
  Texts out;
  for (const stored::Pair& pair : pairs) out[pair.name()] = pair.value();
  return out;
}

void write_resources(const TaskResources& from, stored::Resources& to) {
  to.set_cpu_shares(from.cpu_shares);
  to.set_memory_mb(from.memory_mb);
  to.set_memory_max_mb(from.memory_max_mb);
  to.set_memory_limit_bytes(from.memory_limit_bytes);
  to.set_percent_ticks(from.percent_ticks);
  to.set_cpuset_cpus(from.cpuset_cpus);
  to.set_cpuset_cgroup(from.cpuset_cgroup);
  for (const PortMapping& port : from.ports) {
    stored::Port& out = *to.add_ports();
    out.set_label(port.label);
    out.set_value(port.value);
    out.set_to(port.to);
    out.set_host_ip(port.host_ip);
  }
}

TaskResources read_resources(const stored::Resources& from) {
  TaskResources out{from.cpu_shares(),    from.memory_mb(),   from.memory_max_mb(), from.memory_limit_bytes(),
                    from.percent_ticks(), from.cpuset_cpus(), from.cpuset_cgroup(), {}};
  for (const stored::Port& port : from.ports())
    out.ports.push_back({port.label(), port.value(), port.to(), port.host_ip()});
  return out;
}

void write_mounts(const TaskConfig& from, stored::TaskConfig& to) {
  for (const TaskMount& mount : from.mounts) {
    stored::Mount& out = *to.add_mounts();
    out.set_task_path(mount.task_path);
    out.set_host_path(mount.host_path);
    out.set_read_only(mount.read_only);
    out.set_propagation_mode(mount.propagation_mode);
    out.set_selinux_label(mount.selinux_label);
  }
  for (const TaskDevice& device : from.devices) {
    stored::Device& out = *to.add_devices();
    out.set_task_path(device.task_path);
    out.set_host_path(device.host_path);
    out.set_permissions(device.permissions);
  }
}

void write_network(const NetworkIsolation& from, stored::Network& to) {
  to.set_mode(static_cast<std::uint32_t>(from.mode));
  to.set_path(from.path);
  write_texts(from.labels, *to.mutable_labels());
  to.set_hosts_hostname(from.hosts_hostname);
  to.set_hosts_address(from.hosts_address);
}

NetworkIsolation read_network(const stored::Network& from) {
  return {static_cast<NetworkMode>(from.mode()), from.path(), read_texts(from.labels()), from.hosts_hostname(), from.hosts_address()};
}

void write_config(const TaskConfig& from, stored::TaskConfig& to) {
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
  write_texts(from.env, *to.mutable_env());
  write_texts(from.device_env, *to.mutable_device_env());
  write_resources(from.resources, *to.mutable_resources());
  write_mounts(from, to);
  if (from.network) write_network(*from.network, *to.mutable_network());
  if (!from.dns) return;
  stored::Dns& dns = *to.mutable_dns();
  for (const std::string& server : from.dns->servers) dns.add_servers(server);
  for (const std::string& search : from.dns->searches) dns.add_searches(search);
  for (const std::string& option : from.dns->options) dns.add_options(option);
}

Result<TaskConfig> read_config(const stored::TaskConfig& from) {
  TaskConfig out;
  out.id = from.id();
  out.name = from.name();
  out.alloc_id = from.alloc_id();
  out.group = from.group();
  out.job_id = from.job_id();
  out.job_name = from.job_name();
  out.job_parent_id = from.job_parent_id();
  out.job_namespace = from.job_namespace();
  out.node_id = from.node_id();
  out.node_name = from.node_name();
  out.user = from.user();
  out.alloc_dir = from.alloc_dir();
  out.stdout_path = from.stdout_path();
  out.stderr_path = from.stderr_path();
  DROVER_LET(out.config, json::parse(from.config_json()));
  out.env = read_texts(from.env());
  out.device_env = read_texts(from.device_env());
  out.resources = read_resources(from.resources());
  for (const stored::Mount& mount : from.mounts()) {
    out.mounts.push_back(
        {mount.task_path(), mount.host_path(), mount.read_only(), mount.propagation_mode(), mount.selinux_label()});
  }
  for (const stored::Device& device : from.devices())
    out.devices.push_back({device.task_path(), device.host_path(), device.permissions()});
  if (from.has_network()) out.network = read_network(from.network());
  if (from.has_dns()) {
    out.dns = TaskDns{{from.dns().servers().begin(), from.dns().servers().end()},
                      {from.dns().searches().begin(), from.dns().searches().end()},
                      {from.dns().options().begin(), from.dns().options().end()}};
  }
  return out;
}

}  // namespace

std::string write_stored_task(const StoredTask& task) {
  stored::Task out;
  if (task.state != nullptr) *out.mutable_state() = *task.state;
  out.set_driver(task.driver);
  out.set_attempts(task.attempts);
  out.set_interval_start_ns(to_ns(task.interval_start));
  out.set_restart_wanted(task.restart_wanted);
  out.set_restart_counts(task.restart_counts);
  if (task.network) {
    out.mutable_network()->set_address(task.network->address);
    out.mutable_network()->set_auto_advertise(task.network->auto_advertise);
    for (const auto& [label, port] : task.network->port_map) {
      stored::MappedPort& mapped = *out.mutable_network()->add_ports();
      mapped.set_label(label);
      mapped.set_port(port);
    }
  }
  if (task.handle) {
    stored::Handle& handle = *out.mutable_handle();
    handle.set_version(task.handle->version);
    handle.set_life(static_cast<std::uint32_t>(task.handle->life));
    handle.set_driver_state(task.handle->driver_state);
    write_config(task.handle->config, *handle.mutable_config());
  }
  return out.SerializeAsString();
}

Result<StoredTask> read_stored_task(std::string_view bytes) {
  stored::Task in;
  if (!in.ParseFromArray(bytes.data(), static_cast<int>(bytes.size())))
    return fail(Code::invalid, "it is no record of a task");
  StoredTask out;
  out.state = std::make_shared<const model::TaskState>(in.state());
  out.driver = in.driver();
  out.attempts = in.attempts();
  out.interval_start = from_ns(in.interval_start_ns());
  out.restart_wanted = in.restart_wanted();
  out.restart_counts = in.restart_counts();
  if (in.has_network()) {
    out.network.emplace();
    out.network->address = in.network().address();
    out.network->auto_advertise = in.network().auto_advertise();
    for (const stored::MappedPort& mapped : in.network().ports()) out.network->port_map[mapped.label()] = mapped.port();
  }
  if (in.has_handle()) {
    TaskHandle handle;
    handle.version = in.handle().version();
    if (in.handle().life() > static_cast<std::uint32_t>(TaskLife::exited))
      return fail(Code::invalid, "its handle has an unknown state");
    handle.life = static_cast<TaskLife>(in.handle().life());
    handle.driver_state = in.handle().driver_state();
    DROVER_LET(handle.config, read_config(in.handle().config()));
    out.handle = std::move(handle);
  }
  return out;
}

}  // namespace drover::agent
