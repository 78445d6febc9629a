#pragma once

#include <drover/task_config.h>

#include <string>

#include "sdk/proto/base.pb.h"
#include "sdk/proto/driver.pb.h"

/// The wire's messages and the author's values. Text for the wire is made valid UTF-8, which protobuf insists on.
namespace drover::sdk {

namespace wire = hashicorp::nomad::plugins;

TaskConfig from_wire(const wire::drivers::proto::TaskConfig& message);
NetworkIsolation from_wire(const wire::drivers::proto::NetworkIsolationSpec& message);
NodeFacts from_wire(const wire::base::proto::NomadDriverConfig& message);

void to_wire(const Capabilities& value, wire::drivers::proto::DriverCapabilities& message);
void to_wire(const Fingerprint& value, wire::drivers::proto::FingerprintResponse& message);
void to_wire(const Exit& value, wire::drivers::proto::ExitResult& message);
void to_wire(const NetworkIsolation& value, wire::drivers::proto::NetworkIsolationSpec& message);
void to_wire(const NetworkOverride& value, wire::drivers::proto::NetworkOverride& message);
void to_wire(const TaskUsage& value, wire::drivers::proto::TaskStats& message);
/// A time that is not set is the year 1, as other hosts expect.
void to_wire(Instant value, google::protobuf::Timestamp& message);

/// The same text with every byte that is no UTF-8 replaced by '?'.
std::string valid_utf8(std::string text);

}  // namespace drover::sdk
