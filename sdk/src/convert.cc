#include "sdk/src/convert.h"

#include <google/protobuf/map.h>

#include <cstdint>
#include <utility>

namespace drover::sdk {
namespace {

namespace drivers = wire::drivers::proto;

constexpr std::int64_t year_one_seconds = -62135596800;

std::map<std::string, std::string> from_wire(const google::protobuf::Map<std::string, std::string>& map) {
  return {map.begin(), map.end()};
}

Port from_wire(const drivers::NetworkPort& message) { return {message.label(), message.value(), 0, {}}; }

Port from_wire(const drivers::PortMapping& message) {
  return {message.label(), message.value(), message.to(), message.host_ip()};
}

TaskNetwork from_wire(const drivers::NetworkResource& message) {
  TaskNetwork network{message.device(), message.cidr(), message.ip(), message.mbits(), {}, {}};
  for (const auto& port : message.reserved_ports()) network.reserved_ports.push_back(from_wire(port));
  for (const auto& port : message.dynamic_ports()) network.dynamic_ports.push_back(from_wire(port));
  return network;
}

Resources from_wire(const drivers::Resources& message) {
  const auto& allocated = message.allocated_resources();
  const auto& limits = message.linux_resources();
  Resources resources;
  resources.cpu_mhz = allocated.cpu().cpu_shares() != 0 ? allocated.cpu().cpu_shares() : limits.cpu_shares();
  resources.memory_mb = allocated.memory().memory_mb();
  resources.memory_max_mb = allocated.memory().memory_max_mb();
  resources.memory_limit_bytes = resources.memory_max_mb < 0 ? 0 : limits.memory_limit_bytes();
  resources.cpu_fraction = limits.percentticks();
  resources.cpuset_cpus = limits.cpuset_cpus();
  resources.cpuset_cgroup = limits.cpuset_cgroup();
  resources.oom_score_adj = limits.oom_score_adj();
  for (const auto& network : allocated.networks()) resources.networks.push_back(from_wire(network));
  for (const auto& port : message.ports()) resources.ports.push_back(from_wire(port));
  return resources;
}

Dns from_wire(const drivers::DNSConfig& message) {
  return {{message.servers().begin(), message.servers().end()},
          {message.searches().begin(), message.searches().end()},
          {message.options().begin(), message.options().end()}};
}

template <class Message>
void add_measured(const std::vector<std::string>& measured,
                  std::initializer_list<std::pair<const char*, typename Message::Fields>> names, Message& message) {
  for (const std::string& field : measured) {
    for (const auto& [name, number] : names) {
      if (field == name) message.add_measured_fields(number);
    }
  }
}

void to_wire(const CpuUsage& value, drivers::CPUUsage& message) {
  using Wire = drivers::CPUUsage;
  message.set_system_mode(value.system_percent);
  message.set_user_mode(value.user_percent);
  message.set_total_ticks(value.ticks_mhz);
  message.set_percent(value.percent);
  message.set_throttled_periods(value.throttled_periods);
  message.set_throttled_time(value.throttled_ns);
  add_measured<Wire>(value.measured,
                     {{"System Mode", Wire::SYSTEM_MODE},
                      {"User Mode", Wire::USER_MODE},
                      {"Total Ticks", Wire::TOTAL_TICKS},
                      {"Throttled Periods", Wire::THROTTLED_PERIODS},
                      {"Throttled Time", Wire::THROTTLED_TIME},
                      {"Percent", Wire::PERCENT}},
                     message);
}

void to_wire(const MemoryUsage& value, drivers::MemoryUsage& message) {
  using Wire = drivers::MemoryUsage;
  message.set_rss(value.rss);
  message.set_cache(value.cache);
  message.set_swap(value.swap);
  message.set_usage(value.usage);
  message.set_max_usage(value.max_usage);
  message.set_kernel_usage(value.kernel_usage);
  message.set_kernel_max_usage(value.kernel_max_usage);
  add_measured<Wire>(value.measured,
                     {{"RSS", Wire::RSS},
                      {"Cache", Wire::CACHE},
                      {"Max Usage", Wire::MAX_USAGE},
                      {"Kernel Usage", Wire::KERNEL_USAGE},
                      {"Kernel Max Usage", Wire::KERNEL_MAX_USAGE},
                      {"Usage", Wire::USAGE},
                      {"Swap", Wire::SWAP}},
                     message);
}

void to_wire(const Usage& value, drivers::TaskResourceUsage& message) {
  to_wire(value.cpu, *message.mutable_cpu());
  to_wire(value.memory, *message.mutable_memory());
}

void to_wire(const Attribute& value, wire::shared::structs::Attribute& message) {
  switch (value.kind) {
    case Attribute::Kind::text: message.set_string_val(valid_utf8(value.text)); break;
    case Attribute::Kind::integer: message.set_int_val(value.integer); break;
    case Attribute::Kind::real: message.set_float_val(value.real); break;
    case Attribute::Kind::boolean: message.set_bool_val(value.boolean); break;
  }
  message.set_unit(value.unit);
}

/// Length of the valid sequence that starts at `at`, or 0.
std::size_t sequence_at(const std::string& text, std::size_t at) {
  const auto byte = [&text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(at);
  if (first < 0x80) return 1;
  const std::size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() - at < size) return 0;
  for (std::size_t i = 1; i < size; ++i) {
    if ((byte(at + i) & 0xc0) != 0x80) return 0;
  }
  const unsigned char second = byte(at + 1);
  const bool overlong = (first == 0xe0 && second < 0xa0) || (first == 0xf0 && second < 0x90);
  const bool surrogate = first == 0xed && second > 0x9f;
  const bool too_large = first == 0xf4 && second > 0x8f;
  return overlong || surrogate || too_large ? 0 : size;
}

}  // namespace

std::string valid_utf8(std::string text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = sequence_at(text, at);
    if (size == 0) text[at] = '?';
    at += size == 0 ? 1 : size;
  }
  return text;
}

TaskConfig from_wire(const drivers::TaskConfig& message) {
  TaskConfig task;
  task.id = message.id();
  task.name = message.name();
  task.alloc_id = message.alloc_id();
  task.job_id = message.job_id();
  task.job_name = message.job_name();
  task.group_name = message.task_group_name();
  task.namespace_name = message.namespace_();
  task.node_id = message.node_id();
  task.node_name = message.node_name();
  task.parent_job_id = message.parent_job_id();
  task.config_msgpack = message.msgpack_driver_config();
  task.env = from_wire(message.env());
  task.device_env = from_wire(message.device_env());
  task.user = message.user();
  task.resources = from_wire(message.resources());
  for (const auto& mount : message.mounts()) {
    task.mounts.push_back({mount.task_path(), mount.host_path(), mount.readonly(), mount.propagation_mode(),
                           mount.selinux_label(), mount.request_name()});
  }
  for (const auto& device : message.devices()) {
    task.devices.push_back({device.task_path(), device.host_path(), device.cgroup_permissions()});
  }
  task.network = from_wire(message.network_isolation_spec());
  task.dns = from_wire(message.dns());
  task.alloc_dir = message.alloc_dir();
  task.stdout_path = message.stdout_path();
  task.stderr_path = message.stderr_path();
  return task;
}

NetworkIsolation from_wire(const drivers::NetworkIsolationSpec& message) {
  return {static_cast<NetworkMode>(message.mode()), message.path(), from_wire(message.labels()),
          message.hostsconfig().hostname(), message.hostsconfig().address()};
}

NodeFacts from_wire(const wire::base::proto::NomadDriverConfig& message) {
  NodeFacts node;
  if (message.clientminport() != 0) node.min_port = static_cast<int>(message.clientminport());
  if (message.clientmaxport() != 0) node.max_port = static_cast<int>(message.clientmaxport());
  const auto& topology = message.topology();
  for (const auto& core : topology.cores()) {
    node.cores.push_back({core.core_id(), core.socket_id(), core.node_id(),
                          core.core_grade() == wire::base::proto::Efficiency, core.disable(), core.base_speed(),
                          core.max_speed(), core.guess_speed()});
  }
  node.numa_nodes.assign(topology.node_ids().begin(), topology.node_ids().end());
  node.numa_distances.assign(topology.distances().values().begin(), topology.distances().values().end());
  node.override_total_mhz = topology.override_total_compute();
  node.withheld_mhz = topology.override_withold_compute();
  return node;
}

void to_wire(const Capabilities& value, drivers::DriverCapabilities& message) {
  message.set_send_signals(value.send_signals);
  message.set_exec(value.exec);
  message.set_fs_isolation(static_cast<drivers::DriverCapabilities::FSIsolation>(value.fs_isolation));
  for (const NetworkMode mode : value.network_modes) {
    message.add_network_isolation_modes(static_cast<drivers::NetworkIsolationSpec::NetworkIsolationMode>(mode));
  }
  message.set_must_create_network(value.must_create_network);
  message.set_mount_configs(value.mounts ? drivers::DriverCapabilities::ANY_MOUNTS
                                         : drivers::DriverCapabilities::NO_MOUNTS);
  message.set_disable_log_collection(value.collects_logs);
  message.set_dynamic_workload_users(value.dynamic_users);
}

void to_wire(const Fingerprint& value, drivers::FingerprintResponse& message) {
  message.set_health(static_cast<drivers::FingerprintResponse::HealthState>(value.health));
  message.set_health_description(valid_utf8(value.description));
  for (const auto& [name, attribute] : value.attributes) {
    to_wire(attribute, (*message.mutable_attributes())[valid_utf8(name)]);
  }
}

void to_wire(const Exit& value, drivers::ExitResult& message) {
  message.set_exit_code(value.code);
  message.set_signal(value.signal);
  message.set_oom_killed(value.oom_killed);
}

void to_wire(const NetworkIsolation& value, drivers::NetworkIsolationSpec& message) {
  message.set_mode(static_cast<drivers::NetworkIsolationSpec::NetworkIsolationMode>(value.mode));
  message.set_path(value.path);
  for (const auto& [name, label] : value.labels) (*message.mutable_labels())[valid_utf8(name)] = valid_utf8(label);
  if (value.hosts_hostname.empty() && value.hosts_address.empty()) return;
  message.mutable_hostsconfig()->set_hostname(value.hosts_hostname);
  message.mutable_hostsconfig()->set_address(value.hosts_address);
}

void to_wire(const NetworkOverride& value, drivers::NetworkOverride& message) {
  for (const auto& [label, port] : value.port_map) (*message.mutable_port_map())[label] = port;
  message.set_addr(value.address);
  message.set_auto_advertise(value.auto_advertise);
}

void to_wire(const TaskUsage& value, drivers::TaskStats& message) {
  to_wire(value.at, *message.mutable_timestamp());
  to_wire(value.total, *message.mutable_agg_resource_usage());
  for (const auto& [pid, usage] : value.by_pid) to_wire(usage, (*message.mutable_resource_usage_by_pid())[pid]);
}

void to_wire(Instant value, google::protobuf::Timestamp& message) {
  if (value == Instant{}) {
    message.set_seconds(year_one_seconds);
    message.set_nanos(0);
    return;
  }
  const auto seconds = std::chrono::floor<std::chrono::seconds>(value);
  message.set_seconds(seconds.time_since_epoch().count());
  message.set_nanos(static_cast<std::int32_t>((value - seconds).count()));
}

}  // namespace drover::sdk
