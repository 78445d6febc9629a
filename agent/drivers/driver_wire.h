#pragma once

#include "agent/drivers/driver_settings.h"
#include "agent/drivers/drivers.h"
#include "sdk/host/wire.h"

/// The agent's values and the messages of the driver protocol.
namespace drover::agent {

namespace base_wire = host::base_wire;
namespace driver_wire = host::driver_wire;

/// Without the driver's own configuration, which needs its schema.
void to_wire(const TaskConfig& config, driver_wire::TaskConfig& message);
void to_wire(const NetworkIsolation& network, driver_wire::NetworkIsolationSpec& message);
void to_wire(const NodeFacts& facts, base_wire::NomadDriverConfig& message);

DriverCapabilities from_wire(const driver_wire::DriverCapabilities& message);
TaskExit from_wire(const driver_wire::ExitResult& message, const std::string& error);
TaskInspection from_wire(const driver_wire::InspectTaskResponse& message);
TaskUsage from_wire(const driver_wire::TaskStats& message);
DriverTaskEvent from_wire(const driver_wire::DriverTaskEvent& message);
MadeNetwork from_wire(const driver_wire::CreateNetworkResponse& message);
std::optional<NetworkOverride> network_of(const driver_wire::StartTaskResponse& message);

/// Attributes as a node shows them: "512MiB", "true", "1.5".
Texts attributes_of(const driver_wire::FingerprintResponse& message);
Health health_of(const driver_wire::FingerprintResponse& message);

Instant from_wire(const google::protobuf::Timestamp& message);

}  // namespace drover::agent
