#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "tests/sim/cluster.h"

namespace drover::sim {

/// What must hold at every moment of a run. Violations go to the cluster.
class Checks {
 public:
  explicit Checks(Cluster& cluster) : cluster_(cluster) {}

  /// Cheap unless something has changed: to be called after every event.
  void look();

 private:
  void no_task_twice();
  void published_is_durable(const server::Snapshot& state);
  void acknowledged_jobs_are_there(const server::Snapshot& state);
  void nodes_are_not_overbooked(const server::Snapshot& state);
  void updates_keep_to_their_pace(const server::Snapshot& state);
  void drained_nodes_are_empty(const server::Snapshot& state);

  Cluster& cluster_;
  std::size_t starts_ = 0;
  server::Index looked_at_ = 0;
  const server::Server* looked_server_ = nullptr;
  std::set<std::string> rolled_back_;  ///< jobs that have gone back to an older version, which no client has asked for
};

/// Whether a healed cluster is as its jobs want it; else one sentence on the first thing that is not.
std::optional<std::string> what_is_unsettled(const Cluster& cluster);

/// Evaluations and allocations of a job, for the reader of a failed run.
std::vector<std::string> describe_job(const server::Snapshot& state, const std::string& id);

}  // namespace drover::sim
