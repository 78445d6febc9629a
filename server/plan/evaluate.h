#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "model/fwd.h"
#include "server/state/snapshot.h"

namespace drover::server {

/// What of a plan the state still takes: positions in the plan's lists, in their order.
struct Fitting {
  std::vector<int> stops;
  std::vector<int> placements;
  std::vector<int> preemptions;
  std::vector<std::vector<int>> groups;  ///< of each of the plan's groups: which of its allocations
  std::vector<std::string> refused;  ///< one sentence for each node that was refused
  bool whole() const { return refused.empty(); }
  bool empty() const {
    return stops.empty() && placements.empty() && preemptions.empty() && std::ranges::all_of(groups, &std::vector<int>::empty);
  }
};

/// Checks a plan against the working state, node by node: ready and eligible, room in every dimension, no port twice.
/// What does not fit on a node is left out whole; an `all_at_once` plan is taken whole or not at all. Pure.
Fitting evaluate(const Snapshot& state, const model::Plan& plan);

}  // namespace drover::server
