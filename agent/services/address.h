#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include <drover/result.h>

#include "agent/drivers/drivers.h"

/// Where a service is reached: decisions over values.
namespace drover::agent {

/// All places at which what an allocation runs can be reached.
struct Reach {
  std::vector<PortMapping> ports;  ///< of the allocation
  std::string host_ip;             ///< of the allocation, for services without a port; "" when unknown
  std::optional<NetworkOverride> driver;  ///< what the task's driver made for it
};

struct Endpoint {
  std::string address;
  std::int64_t port = 0;

  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

/// The endpoint of a service or check. `mode` is auto (also ""), host, driver, alloc or alloc_ipv6; `address` is the
/// service's own, or ""; `port` is a label, a number, or "". The error names what is missing.
Result<Endpoint> find_endpoint(const std::string& mode, const std::string& address, const std::string& port,
                               const Reach& reach);

/// "10.0.0.1:80", "[::1]:80".
std::string host_and_port(const Endpoint& endpoint);

}  // namespace drover::agent
