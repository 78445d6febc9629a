#include "agent/services/address.h"

#include <algorithm>
#include <charconv>

namespace drover::agent {
namespace {

constexpr std::int64_t port_max = 65535;

std::optional<std::int64_t> number(const std::string& text) {
  std::int64_t value = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (problem != std::errc() || end != text.data() + text.size() || value < 0 || value > port_max) return std::nullopt;
  return value;
}

const PortMapping* find_port(const Reach& reach, const std::string& label) {
  const auto found =
      std::find_if(reach.ports.begin(), reach.ports.end(), [&](const PortMapping& port) { return port.label == label; });
  return found == reach.ports.end() ? nullptr : &*found;
}

Error no_such_port(const std::string& port) {
  return fail(Code::invalid, "port \"{}\" is neither a port of the group's network nor a number", port);
}

Result<Endpoint> on_host(const std::string& port, const Reach& reach) {
  if (port.empty()) return Endpoint{reach.host_ip, 0};
  if (const PortMapping* mapping = find_port(reach, port)) return Endpoint{mapping->host_ip, mapping->value};
  // The host's own address stands for the empty one that Consul would fill in.
  if (const auto value = number(port)) return Endpoint{reach.host_ip, *value};
  return no_such_port(port);
}

Result<Endpoint> in_driver_network(const std::string& port, const Reach& reach) {
  if (!reach.driver || reach.driver->address.empty())
    return fail(Code::invalid, "address_mode \"driver\" needs a driver that gives its tasks an address of their own");
  const std::string& address = reach.driver->address;
  if (port.empty()) return Endpoint{address, 0};
  const auto mapped = reach.driver->port_map.find(port);
  if (mapped != reach.driver->port_map.end()) return Endpoint{address, mapped->second};
  if (const PortMapping* mapping = find_port(reach, port))
    return Endpoint{address, mapping->to > 0 ? mapping->to : mapping->value};
  if (const auto value = number(port)) return Endpoint{address, *value};
  return no_such_port(port);
}

Result<Endpoint> at_address(const std::string& address, const std::string& port, const Reach& reach) {
  if (port.empty()) return Endpoint{address, 0};
  if (const PortMapping* mapping = find_port(reach, port)) return Endpoint{address, mapping->value};
  if (const auto value = number(port)) return Endpoint{address, *value};
  return no_such_port(port);
}

}  // namespace

Result<Endpoint> find_endpoint(const std::string& mode, const std::string& address, const std::string& port,
                               const Reach& reach) {
  const bool automatic = mode.empty() || mode == "auto";
  if (!address.empty() && !automatic)
    return fail(Code::invalid, "address \"{}\" goes with address_mode \"auto\" only, not \"{}\"", address, mode);
  if (!address.empty()) return at_address(address, port, reach);
  if (automatic) return reach.driver && reach.driver->auto_advertise ? in_driver_network(port, reach) : on_host(port, reach);
  if (mode == "host") return on_host(port, reach);
  if (mode == "driver") return in_driver_network(port, reach);
  return fail(Code::invalid, "address_mode \"{}\" needs a network of the group's own, mode \"bridge\"", mode);
}

std::string host_and_port(const Endpoint& endpoint) {
  const bool v6 = endpoint.address.find(':') != std::string::npos;
  return (v6 ? "[" + endpoint.address + "]" : endpoint.address) + ":" + std::to_string(endpoint.port);
}

}  // namespace drover::agent
