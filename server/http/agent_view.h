#pragma once

#include "base/value/value.h"
#include "model/proto/agent_view.pb.h"
#include "server/http/routes.h"

namespace drover::server {

/// This server as a member of the cluster.
model::AgentMember member_of(const AgentInfo& info);

/// The body of /v1/agent/self: configuration (without secrets), member, statistics.
Value self_of(const AgentInfo& info, Index index, bool leading);

}  // namespace drover::server
