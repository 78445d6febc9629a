#pragma once

#include "model/proto/agent_view.pb.h"
#include "server/commands/config.h"
#include "server/state/snapshot.h"

namespace drover::server {

/// How the scheduler works: as an operator has set it by the API, else as the server is configured, else by default:
/// bin packing, and only system jobs displace others.
model::SchedulerConfiguration scheduler_configuration(const Snapshot& state, const ServerConfig& config);

}  // namespace drover::server
