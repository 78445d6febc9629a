#pragma once

#include <string>
#include <vector>

#include "agent/drivers/drivers.h"
#include "agent/host_facts.h"
#include "agent/settings.h"
#include "model/fwd.h"

namespace drover::agent {

/// Describes the node to the server: who it is, what it has, what it keeps back, and its drivers. Pure.
model::Node make_node(const std::string& id, const Settings& settings, const HostReport& host,
                      const std::vector<DriverStatus>& drivers, const std::map<std::string, std::string>& dynamic_meta);

/// Does the server learn nothing new from `b` after `a`? When a driver was looked at does not count.
bool same_for_server(const model::Node& a, const model::Node& b);

/// "healthy" etc. as the server wants it.
model::DriverInfo to_driver_info(const DriverStatus& status);

}  // namespace drover::agent
