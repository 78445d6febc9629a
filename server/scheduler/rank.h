#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "server/scheduler/node_table.h"

namespace drover::server {

/// Knows the best of many scores while single scores change: a change costs log(n), the best nothing.
///
/// Equal scores are decided by a number drawn once a node, so that equal nodes share the load and a seed repeats it.
class Ranking {
 public:
  static constexpr double excluded = -1e300;

  /// All excluded at first.
  Ranking(std::size_t nodes, std::uint64_t seed);

  /// Before the first best(); then call build().
  void start(NodeAt node, double score) { scores_[node] = score; }
  void build();

  void set(NodeAt node, double score);
  double score(NodeAt node) const { return scores_[node]; }
  /// Nothing when all are excluded.
  std::optional<NodeAt> best() const;

 private:
  NodeAt better(NodeAt a, NodeAt b) const {
    if (scores_[a] != scores_[b]) return scores_[a] > scores_[b] ? a : b;
    return luck_[a] >= luck_[b] ? a : b;
  }

  std::size_t leaves_ = 1;  ///< a power of two
  std::vector<double> scores_;
  std::vector<std::uint32_t> luck_;
  std::vector<NodeAt> winners_;  ///< [1] is the best of all, [leaves_ + n / 2] of each pair
};

}  // namespace drover::server
