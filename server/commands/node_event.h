#pragma once

#include <string_view>

#include "model/fwd.h"
#include "base/loop/time.h"

namespace drover::model {
class NodeEvent;
}

namespace drover::server {

/// How many events a node remembers, the newest.
constexpr int node_events_max = 10;

model::NodeEvent node_event(std::string_view message, Instant at);
void add_event(model::Node& node, const model::NodeEvent& event);

}  // namespace drover::server
