#pragma once

#include <vector>

#include "api/metrics.h"
#include "server/state/snapshot.h"

namespace drover::server {

/// The figures that the state of the cluster gives: jobs by status, summaries, nodes, evaluations, allocations.
std::vector<api::Gauge> state_gauges(const Snapshot& state);

}  // namespace drover::server
