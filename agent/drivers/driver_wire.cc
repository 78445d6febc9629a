#include "agent/drivers/driver_wire.h"

#include <fmt/format.h>

namespace drover::agent {
namespace {

constexpr unsigned numa_local = 10;  // firmware's usual distances, where none are known
constexpr unsigned numa_remote = 20;

void to_wire(const TaskResources& resources, driver_wire::Resources& message) {
  auto& allocated = *message.mutable_allocated_resources();
  allocated.mutable_cpu()->set_cpu_shares(resources.cpu_shares);
  allocated.mutable_memory()->set_memory_mb(resources.memory_mb);
  allocated.mutable_memory()->set_memory_max_mb(resources.memory_max_mb);
  auto& limits = *message.mutable_linux_resources();
  limits.set_cpu_shares(resources.cpu_shares);
  limits.set_memory_limit_bytes(resources.memory_limit_bytes);
  limits.set_percentticks(resources.percent_ticks);
  limits.set_cpuset_cpus(resources.cpuset_cpus);
  limits.set_cpuset_cgroup(resources.cpuset_cgroup);
  for (const PortMapping& port : resources.ports) {
    auto& mapping = *message.add_ports();
    mapping.set_label(port.label);
    mapping.set_value(static_cast<std::int32_t>(port.value));
    mapping.set_to(static_cast<std::int32_t>(port.to));
    mapping.set_host_ip(port.host_ip);
  }
}

Usage from_wire(const driver_wire::TaskResourceUsage& message) {
  static const char* const cpu_names[] = {"System Mode", "User Mode", "Total Ticks", "Throttled Periods", "Throttled Time", "Percent"};
  static const char* const memory_names[] = {"RSS", "Cache", "Max Usage", "Kernel Usage", "Kernel Max Usage", "Usage", "Swap"};
  const auto& cpu = message.cpu();
  const auto& memory = message.memory();
  Usage usage;
  usage.cpu_system = cpu.system_mode();
  usage.cpu_user = cpu.user_mode();
  usage.cpu_total_ticks = cpu.total_ticks();
  usage.cpu_percent = cpu.percent();
  usage.cpu_throttled_periods = cpu.throttled_periods();
  usage.cpu_throttled_time = cpu.throttled_time();
  usage.rss = memory.rss();
  usage.cache = memory.cache();
  usage.swap = memory.swap();
  usage.usage = memory.usage();
  usage.max_usage = memory.max_usage();
  usage.kernel_usage = memory.kernel_usage();
  usage.kernel_max_usage = memory.kernel_max_usage();
  for (const int field : cpu.measured_fields()) {
    if (field >= 0 && field < static_cast<int>(std::size(cpu_names))) usage.cpu_measured.emplace_back(cpu_names[field]);
  }
  for (const int field : memory.measured_fields()) {
    if (field >= 0 && field < static_cast<int>(std::size(memory_names))) usage.memory_measured.emplace_back(memory_names[field]);
  }
  return usage;
}

std::string text_of(const hashicorp::nomad::plugins::shared::structs::Attribute& attribute) {
  using Attribute = hashicorp::nomad::plugins::shared::structs::Attribute;
  switch (attribute.value_case()) {
    case Attribute::kStringVal: return attribute.string_val();
    case Attribute::kBoolVal: return attribute.bool_val() ? "true" : "false";
    case Attribute::kIntVal: return std::to_string(attribute.int_val()) + attribute.unit();
    case Attribute::kFloatVal: return fmt::format("{}", attribute.float_val()) + attribute.unit();
    case Attribute::VALUE_NOT_SET: break;
  }
  return {};
}

Texts texts(const google::protobuf::Map<std::string, std::string>& map) { return {map.begin(), map.end()}; }

}  // namespace

void to_wire(const TaskConfig& config, driver_wire::TaskConfig& message) {
  message.set_id(config.id);
  message.set_name(config.name);
  message.set_alloc_id(config.alloc_id);
  message.set_task_group_name(config.group);
  message.set_job_id(config.job_id);
  message.set_job_name(config.job_name);
  message.set_parent_job_id(config.job_parent_id);
  message.set_namespace_(config.job_namespace);
  message.set_node_id(config.node_id);
  message.set_node_name(config.node_name);
  message.set_user(config.user);
  message.set_alloc_dir(config.alloc_dir);
  message.set_stdout_path(config.stdout_path);
  message.set_stderr_path(config.stderr_path);
  message.mutable_env()->insert(config.env.begin(), config.env.end());
  message.mutable_device_env()->insert(config.device_env.begin(), config.device_env.end());
  to_wire(config.resources, *message.mutable_resources());
  for (const TaskMount& mount : config.mounts) {
    auto& added = *message.add_mounts();
    added.set_task_path(mount.task_path);
    added.set_host_path(mount.host_path);
    added.set_readonly(mount.read_only);
    added.set_propagation_mode(mount.propagation_mode);
    added.set_selinux_label(mount.selinux_label);
  }
  for (const TaskDevice& device : config.devices) {
    auto& added = *message.add_devices();
    added.set_task_path(device.task_path);
    added.set_host_path(device.host_path);
    added.set_cgroup_permissions(device.permissions);
  }
  if (config.dns) {
    auto& dns = *message.mutable_dns();
    dns.mutable_servers()->Add(config.dns->servers.begin(), config.dns->servers.end());
    dns.mutable_searches()->Add(config.dns->searches.begin(), config.dns->searches.end());
    dns.mutable_options()->Add(config.dns->options.begin(), config.dns->options.end());
  }
  if (config.network) to_wire(*config.network, *message.mutable_network_isolation_spec());
}

void to_wire(const NetworkIsolation& network, driver_wire::NetworkIsolationSpec& message) {
  message.set_mode(static_cast<driver_wire::NetworkIsolationSpec::NetworkIsolationMode>(network.mode));
  message.set_path(network.path);
  message.mutable_labels()->insert(network.labels.begin(), network.labels.end());
  if (network.hosts_hostname.empty() && network.hosts_address.empty()) return;
  message.mutable_hostsconfig()->set_hostname(network.hosts_hostname);
  message.mutable_hostsconfig()->set_address(network.hosts_address);
}

MadeNetwork from_wire(const driver_wire::CreateNetworkResponse& message) {
  MadeNetwork made;
  made.created = message.created();
  if (!message.has_isolation_spec()) return made;
  const auto& spec = message.isolation_spec();
  made.network = NetworkIsolation{static_cast<NetworkMode>(spec.mode()), spec.path(), texts(spec.labels()),
                                  spec.hostsconfig().hostname(), spec.hostsconfig().address()};
  return made;
}

void to_wire(const NodeFacts& facts, base_wire::NomadDriverConfig& message) {
  message.set_clientminport(static_cast<std::uint32_t>(facts.min_port));
  message.set_clientmaxport(static_cast<std::uint32_t>(facts.max_port));
  auto& topology = *message.mutable_topology();
  for (const unsigned node : facts.numa_nodes) topology.add_node_ids(node);
  topology.mutable_distances()->set_dimension(static_cast<std::uint32_t>(facts.numa_nodes.size()));
  // Go drivers index the whole matrix: it is never sent incomplete.
  const std::size_t cells = facts.numa_nodes.size() * facts.numa_nodes.size();
  for (std::size_t i = 0; i < cells; ++i) {
    const bool to_itself = i / facts.numa_nodes.size() == i % facts.numa_nodes.size();
    const unsigned assumed = to_itself ? numa_local : numa_remote;
    topology.mutable_distances()->add_values(i < facts.numa_distances.size() ? facts.numa_distances[i] : assumed);
  }
  for (const sdk::Core& core : facts.cores) {
    auto& added = *topology.add_cores();
    added.set_core_id(core.id);
    added.set_socket_id(core.socket);
    added.set_node_id(core.numa_node);
    added.set_core_grade(core.efficiency ? base_wire::Efficiency : base_wire::Performance);
    added.set_disable(core.disabled);
    added.set_base_speed(core.base_mhz);
    added.set_max_speed(core.max_mhz);
    added.set_guess_speed(core.guessed_mhz);
  }
  topology.set_override_total_compute(facts.override_total_mhz);
  topology.set_override_withold_compute(facts.withheld_mhz);
}

DriverCapabilities from_wire(const driver_wire::DriverCapabilities& message) {
  DriverCapabilities capabilities;
  capabilities.send_signals = message.send_signals();
  capabilities.exec = message.exec();
  capabilities.fs_isolation = static_cast<FsIsolation>(message.fs_isolation());
  capabilities.must_create_network = message.must_create_network();
  capabilities.any_mounts = message.mount_configs() != driver_wire::DriverCapabilities::NO_MOUNTS;
  capabilities.disable_log_collection = message.disable_log_collection();
  capabilities.network_modes.clear();
  for (const int mode : message.network_isolation_modes()) capabilities.network_modes.push_back(static_cast<NetworkMode>(mode));
  return capabilities;
}

TaskExit from_wire(const driver_wire::ExitResult& message, const std::string& error) {
  return {message.exit_code(), message.signal(), message.oom_killed(), error};
}

TaskInspection from_wire(const driver_wire::InspectTaskResponse& message) {
  TaskInspection inspection;
  inspection.life = static_cast<TaskLife>(message.task().state());
  inspection.started_at = from_wire(message.task().started_at());
  inspection.completed_at = from_wire(message.task().completed_at());
  inspection.exit = from_wire(message.task().result(), {});
  inspection.attributes = texts(message.driver().attributes());
  return inspection;
}

TaskUsage from_wire(const driver_wire::TaskStats& message) {
  TaskUsage usage;
  usage.at = from_wire(message.timestamp());
  usage.total = from_wire(message.agg_resource_usage());
  for (const auto& [pid, part] : message.resource_usage_by_pid()) usage.by_pid.emplace(pid, from_wire(part));
  return usage;
}

DriverTaskEvent from_wire(const driver_wire::DriverTaskEvent& message) {
  return {message.task_id(), message.alloc_id(), message.task_name(),
          from_wire(message.timestamp()), message.message(), texts(message.annotations())};
}

std::optional<NetworkOverride> network_of(const driver_wire::StartTaskResponse& message) {
  if (!message.has_network_override()) return std::nullopt;
  const auto& given = message.network_override();
  NetworkOverride network{{given.port_map().begin(), given.port_map().end()}, given.addr(), given.auto_advertise()};
  return network;
}

Texts attributes_of(const driver_wire::FingerprintResponse& message) {
  Texts attributes;
  for (const auto& [name, attribute] : message.attributes()) attributes.emplace(name, text_of(attribute));
  return attributes;
}

Health health_of(const driver_wire::FingerprintResponse& message) {
  switch (message.health()) {
    case driver_wire::FingerprintResponse::HEALTHY: return Health::healthy;
    case driver_wire::FingerprintResponse::UNHEALTHY: return Health::unhealthy;
    default: return Health::undetected;
  }
}

/// The year one, Go's time that is not set, is our epoch.
Instant from_wire(const google::protobuf::Timestamp& message) {
  constexpr std::int64_t seconds_max = 9'000'000'000;  // nanoseconds of int64 end in 2262
  if (message.seconds() <= 0 || message.seconds() > seconds_max) return Instant{};
  return Instant(std::chrono::seconds(message.seconds()) + std::chrono::nanoseconds(message.nanos()));
}

}  // namespace drover::agent
