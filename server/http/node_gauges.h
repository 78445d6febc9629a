#pragma once

#include <vector>

#include "api/metrics.h"
#include "base/value/value.h"
#include "server/state/snapshot.h"

namespace drover::model {
class Node;
}

namespace drover::server {

/// The figures of one node: its allocations by status, what they were given and what is left, and how its host is used,
/// as its agent says it (/v1/client/stats; null where it does not answer).
std::vector<api::Gauge> node_gauges(const Snapshot& state, const model::Node& node, const Value& host);

}  // namespace drover::server
