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
  using At = std::uint32_t;  ///< a position in this ranking
  static constexpr double excluded = -1e300;

  /// All excluded at first. `luck` by position.
  explicit Ranking(const std::vector<std::uint32_t>& luck);

  /// Before the first best(); then call build().
  void start(At at, double score) { scores_[at] = score; }
  void build();

  void set(At at, double score);
  double score(At at) const { return scores_[at]; }
  std::uint32_t luck(At at) const { return luck_[at]; }
  /// Nothing when all are excluded.
  std::optional<At> best() const;

 private:
  At better(At a, At b) const {
    if (scores_[a] != scores_[b]) return scores_[a] > scores_[b] ? a : b;
    return luck_[a] >= luck_[b] ? a : b;
  }

  std::size_t leaves_ = 1;  ///< a power of two
  std::vector<double> scores_;
  std::vector<std::uint32_t> luck_;
  std::vector<At> winners_;  ///< [1] is the best of all, [leaves_ + n / 2] of each pair
};

/// As many numbers as there are nodes, from one seed.
std::vector<std::uint32_t> draw_luck(std::size_t nodes, std::uint64_t seed);

/// Nodes in classes, ranked within their class: what moves the scores of a whole class moves no single one of its nodes.
///
/// A class has two lists. Nodes of a list stay in the order of their scores whatever is added to all of them alike.
class ClassRanking {
 public:
  static constexpr int lists = 2;

  /// `class_of` by position in `nodes`; classes count from 0. All nodes are excluded at first. `luck` by node.
  ClassRanking(const std::vector<NodeAt>& nodes, const std::vector<std::uint32_t>& class_of, std::uint32_t classes,
               const std::vector<std::uint32_t>& luck);

  bool has(NodeAt node) const { return node < place_of_.size() && place_of_[node].in_class != no_class; }
  std::uint32_t classes() const { return static_cast<std::uint32_t>(classes_.size()); }
  /// Any node of the class.
  NodeAt member(std::uint32_t in_class) const { return classes_[in_class].nodes.front(); }

  /// Before the first best(); then call build().
  void start(NodeAt node, int list, double score);
  void build();

  /// Puts the node into one list of its class and takes it out of the other.
  void set(NodeAt node, int list, double score);
  void exclude(NodeAt node);

  struct Best {
    NodeAt node = 0;
    double score = 0;
    std::uint32_t luck = 0;
  };
  std::optional<Best> best(std::uint32_t in_class, int list) const;

 private:
  static constexpr std::uint32_t no_class = 0xffffffff;
  struct Place {
    std::uint32_t in_class = no_class;
    Ranking::At at = 0;
  };
  struct Class {
    std::vector<NodeAt> nodes;
    std::vector<Ranking> lists;
  };

  std::vector<Place> place_of_;  ///< by node
  std::vector<Class> classes_;
};

}  // namespace drover::server
