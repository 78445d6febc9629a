#include <algorithm>
#include <charconv>
#include <map>
#include <set>
#include <string>

#include "model/proto/connect.pb.h"
#include "model/proto/gateway.pb.h"
#include "model/proto/job.pb.h"
#include "model/validate_parts.h"

/// The rules of the service mesh. Its proxies are not run here, but a job that breaks them would run nowhere.
namespace drover::model {
namespace {

bool has_proxy_of_its_own(const Service& service) { return service.connect().has_sidecar_service() || service.connect().has_gateway(); }

void check_networks(const TaskGroup& group, Problems& problems) {
  if (group.networks_size() == 1) return;
  std::set<std::string_view> needing;
  for (const Service& service : group.services()) {
    if (service.connect().has_sidecar_service()) needing.insert("connect sidecar");
    if (service.connect().has_gateway()) needing.insert("connect gateway");
    const bool exposes = std::ranges::any_of(service.checks(), [](const ServiceCheck& check) { return check.expose(); });
    if (service.has_connect() && exposes) needing.insert("connect expose check");
  }
  for (const std::string_view what : needing) problems.add("{}: must have exactly one network for Consul Connect: group \"{}\" has {} networks", what, group.name(), group.networks_size());
}

void check_native(const TaskGroup& group, Problems& problems) {
  for (const Service& service : group.services()) {
    if (!service.connect().native() || service.task_name().empty()) continue;
    const bool there = std::ranges::any_of(group.tasks(), [&service](const Task& task) { return task.name() == service.task_name(); });
    if (!there) problems.add("task {} named by Consul Connect Native service {}->{} does not exist", service.task_name(), group.name(), service.name());
  }
}

/// Two upstreams of a group cannot listen at one place.
void check_upstreams(const TaskGroup& group, Problems& problems) {
  std::map<std::string, std::string> taken;  // place → service
  for (const Service& service : group.services()) {
    for (const ConsulUpstream& upstream : service.connect().sidecar_service().proxy().upstreams()) {
      const std::string place = upstream.local_bind_socket_path().empty() ? text("{}:{}", upstream.local_bind_address(), upstream.local_bind_port()) : upstream.local_bind_socket_path();
      const auto [at, is_new] = taken.try_emplace(place, service.name());
      if (!is_new) problems.add("Consul Connect services \"{}\" and \"{}\" in group \"{}\" using same address for upstreams ({})", service.name(), at->second, group.name(), place);
    }
  }
}

bool is_port_number(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  return error == std::errc() && end == text.data() + text.size();
}

void check_excluded_ports(const TaskGroup& group, Problems& problems) {
  std::set<std::string> labels;
  for (const NetworkResource& network : group.networks()) {
    for (const Port& port : network.reserved_ports()) labels.insert(port.label());
    for (const Port& port : network.dynamic_ports()) labels.insert(port.label());
  }
  for (const Service& service : group.services()) {
    for (const std::string& port : service.connect().sidecar_service().proxy().transparent_proxy().exclude_inbound_ports()) {
      if (!is_port_number(port) && !labels.contains(port)) problems.add("Consul Connect transparent proxy port \"{}\" must be numeric or one of network.port labels", port);
    }
  }
}

}  // namespace

bool has_proxy(const TaskGroup& group) { return group.networks_size() == 1 && std::ranges::any_of(group.services(), has_proxy_of_its_own); }

Problems problems_of_mesh(const TaskGroup& group) {
  Problems problems;
  check_networks(group, problems);
  check_native(group, problems);
  check_upstreams(group, problems);
  check_excluded_ports(group, problems);
  return problems;
}

Problems problems_of_connect(const Service& service) {
  Problems problems;
  if (!service.has_connect()) return problems;
  const ConsulConnect& connect = service.connect();
  if (static_cast<int>(connect.native()) + static_cast<int>(connect.has_sidecar_service()) + static_cast<int>(connect.has_gateway()) != 1) {
    problems.add("Consul Connect must be exclusively native, make use of a sidecar, or represent a Gateway");
    return problems;
  }
  if (connect.native() && service.port_label().empty()) problems.add("Service {} is Connect Native and requires setting the port", service.name());
  for (const ConsulLinkedService& linked : connect.gateway().terminating().services()) {
    if (!linked.sni().empty() && linked.ca_file().empty()) problems.add("Consul Linked Service TLS SNI requires CAFile");
  }
  return problems;
}

}  // namespace drover::model
