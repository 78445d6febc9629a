#include "agent/core/node.h"

#include <google/protobuf/io/coded_stream.h>
#include <google/protobuf/io/zero_copy_stream_impl_lite.h>

#include <algorithm>

#include "model/proto/node.pb.h"

namespace drover::agent {
namespace {

constexpr std::uint64_t bytes_per_mb = 1024 * 1024;

/// Speed of a core in MHz: its base speed, else its top speed, else a guess.
std::uint64_t speed_of(const CpuCoreFacts& core) {
  if (core.mhz_base != 0) return core.mhz_base;
  return core.mhz_max != 0 ? core.mhz_max : core.mhz_guess;
}

void set(model::Node& node, const std::string& name, const std::string& value) {
  if (!value.empty()) (*node.mutable_attributes())[name] = value;
}

void add_cpu(model::Node& node, const Settings& settings, const HostReport& host) {
  model::NodeResources& resources = *node.mutable_node_resources();
  std::int64_t total = 0, cores = 0;
  model::CpuTopology& topology = *resources.mutable_processors()->mutable_topology();
  for (const CpuCoreFacts& core : host.cores) {
    model::CpuCore& out = *topology.add_cores();
    out.set_socket_id(core.socket);
    out.set_node_id(core.numa_node);
    out.set_id(core.id);
    out.set_grade(core.performance);
    out.set_disable(!core.usable);
    out.set_base_speed(core.mhz_base);
    out.set_max_speed(core.mhz_max);
    out.set_guess_speed(core.mhz_guess);
    if (std::find(topology.nodes().begin(), topology.nodes().end(), core.numa_node) == topology.nodes().end())
      topology.add_nodes(core.numa_node);
    if (!core.usable) continue;
    total += static_cast<std::int64_t>(speed_of(core));
    ++cores;
    resources.mutable_cpu()->add_reservable_cpu_cores(core.id);
  }
  if (settings.cpu_total_compute > 0) {
    total = settings.cpu_total_compute;
    topology.set_override_total_compute(static_cast<std::uint64_t>(total));
  }
  resources.mutable_cpu()->set_cpu_shares(total);
  resources.mutable_cpu()->set_total_cpu_cores(host.cores.size());
  set(node, "cpu.totalcompute", std::to_string(total));
  set(node, "cpu.usablecompute",
      std::to_string(
          std::max<std::int64_t>(0, settings.cpu_total_compute > 0 ? total : total - settings.reserved_cpu)));
  set(node, "cpu.reservablecores", std::to_string(cores));
}

void add_memory_and_disk(model::Node& node, const Settings& settings, const HostReport& host) {
  model::NodeResources& resources = *node.mutable_node_resources();
  const auto memory_mb = static_cast<std::int64_t>(host.memory_bytes / bytes_per_mb);
  resources.mutable_memory()->set_memory_mb(settings.memory_total_mb > 0 ? settings.memory_total_mb : memory_mb);
  const auto disk_mb = static_cast<std::int64_t>(host.disk_free_bytes / bytes_per_mb);
  resources.mutable_disk()->set_disk_mb(settings.disk_total_mb > 0 ? settings.disk_total_mb : disk_mb);
}

/// The interface that tasks' addresses are of: the configured one, else that of the default route, else loopback.
const InterfaceFacts* main_interface(const Settings& settings, const HostReport& host) {
  const auto find = [&host](auto wanted) {
    const auto found = std::find_if(host.interfaces.begin(), host.interfaces.end(), wanted);
    return found == host.interfaces.end() ? nullptr : &*found;
  };
  if (!settings.network_interface.empty())
    return find([&settings](const InterfaceFacts& facts) { return facts.device == settings.network_interface; });
  if (const InterfaceFacts* routed = find([](const InterfaceFacts& facts) { return facts.default_route; }))
    return routed;
  return find([](const InterfaceFacts& facts) { return facts.loopback; });
}

void add_networks(model::Node& node, const Settings& settings, const HostReport& host) {
  model::NodeResources& resources = *node.mutable_node_resources();
  resources.set_min_dynamic_port(settings.min_dynamic_port);
  resources.set_max_dynamic_port(settings.max_dynamic_port);
  const InterfaceFacts* chosen = main_interface(settings, host);
  if (chosen == nullptr || chosen->addresses.empty()) return;

  model::NodeNetworkResource& out = *resources.add_node_networks();
  out.set_mode("host");
  out.set_device(chosen->device);
  out.set_mac_address(chosen->mac);
  out.set_speed(settings.network_speed > 0 ? settings.network_speed : chosen->speed_mbits);
  for (const InterfaceFacts::Address& address : chosen->addresses) {
    model::NodeNetworkAddress& to = *out.add_addresses();
    to.set_family(address.family);
    to.set_alias("default");
    to.set_address(address.address);
    to.set_reserved_ports(settings.reserved_ports);
    to.set_gateway(address.gateway);
  }
  const InterfaceFacts::Address& first = chosen->addresses.front();
  model::NetworkResource& legacy = *resources.add_networks();
  legacy.set_mode("host");
  legacy.set_device(chosen->device);
  legacy.set_ip(first.address);
  legacy.set_cidr(first.address + (first.family == "ipv6" ? "/128" : "/32"));
  legacy.set_m_bits(out.speed());
  set(node, "unique.network.ip-address", first.address);
}

void add_reserved(model::Node& node, const Settings& settings) {
  model::NodeReservedResources& reserved = *node.mutable_reserved_resources();
  reserved.mutable_cpu()->set_cpu_shares(settings.reserved_cpu);
  reserved.mutable_memory()->set_memory_mb(settings.reserved_memory_mb);
  reserved.mutable_disk()->set_disk_mb(settings.reserved_disk_mb);
  reserved.mutable_networks()->set_reserved_host_ports(settings.reserved_ports);
}

void add_meta(model::Node& node, const Settings& settings, const std::map<std::string, std::string>& dynamic) {
  auto& meta = *node.mutable_meta();
  meta["connect.log_level"] = "info";
  meta["connect.proxy_concurrency"] = "1";
  for (const auto& [name, value] : settings.meta) meta[name] = value;
  for (const auto& [name, value] : dynamic) meta[name] = value;
}

void add_drivers(model::Node& node, const std::vector<DriverStatus>& drivers) {
  for (const DriverStatus& driver : drivers) {
    (*node.mutable_drivers())[driver.name] = to_driver_info(driver);
    if (driver.health == Health::undetected) continue;
    for (const auto& [name, value] : driver.attributes) set(node, name, value);
    set(node, "driver." + driver.name, "1");
  }
}

}  // namespace

model::DriverInfo to_driver_info(const DriverStatus& status) {
  model::DriverInfo info;
  for (const auto& [name, value] : status.attributes) (*info.mutable_attributes())[name] = value;
  info.set_detected(status.health != Health::undetected);
  info.set_healthy(status.health == Health::healthy);
  info.set_health_description(status.description);
  info.set_update_time(to_ns(status.updated));
  return info;
}

bool same_for_server(const model::Node& a, const model::Node& b) {
  const auto bytes = [](const model::Node& node) {
    model::Node copy = node;
    for (auto& [name, info] : *copy.mutable_drivers()) info.clear_update_time();
    std::string out;
    google::protobuf::io::StringOutputStream stream(&out);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    copy.SerializeToCodedStream(&coded);
    return out;
  };
  return bytes(a) == bytes(b);
}

model::Node make_node(const std::string& id, const Settings& settings, const HostReport& host,
                      const std::vector<DriverStatus>& drivers,
                      const std::map<std::string, std::string>& dynamic_meta) {
  model::Node node;
  node.set_id(id);
  node.set_name(settings.name.empty() ? host.hostname : settings.name);
  node.set_datacenter(settings.datacenter);
  node.set_node_class(settings.node_class);
  node.set_node_pool(settings.node_pool);
  node.set_http_addr(settings.http_address);
  node.set_tls_enabled(settings.tls_enabled);
  node.set_node_max_allocs(settings.node_max_allocs);
  for (const auto& [name, value] : host.attributes) set(node, name, value);
  set(node, "nomad.version", settings.nomad_version);
  set(node, "nomad.revision", settings.revision);
  set(node, "nomad.service_discovery", "true");
  set(node, "drover.version", settings.version);
  set(node, "unique.advertise.address", settings.http_address);

  add_cpu(node, settings, host);
  add_memory_and_disk(node, settings, host);
  add_networks(node, settings, host);
  add_reserved(node, settings);
  add_meta(node, settings, dynamic_meta);
  add_drivers(node, drivers);
  return node;
}

}  // namespace drover::agent
