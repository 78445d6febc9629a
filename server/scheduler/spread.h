#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/fwd.h"
#include "server/scheduler/node_table.h"

namespace drover::server {

/// The spread blocks of a job and one of its groups: how much an allocation on a node would even things out.
class Spreading {
 public:
  /// `on_node`: allocations of the group that live on each node.
  Spreading(const NodeTable& nodes, const model::Job& job, const model::TaskGroup& group, const std::vector<std::uint32_t>& on_node);

  bool empty() const { return blocks_.empty(); }
  /// The node's value of every block, for those that have to tell nodes apart by it; -1: it lacks the attribute.
  std::vector<const std::vector<int>*> values() const;
  /// The part of the score; nothing when it would not count.
  std::optional<double> score(NodeAt node) const;
  void add(NodeAt node);
  void remove(NodeAt node);

 private:
  struct Block {
    std::vector<int> value_of;          ///< by node; -1: it lacks the attribute
    std::vector<std::uint32_t> uses;    ///< by value
    std::uint32_t least = 0;            ///< of the values in use
    std::uint32_t most = 0;
    std::vector<double> desired;        ///< by value; negative: not wanted at all. Empty: evenly
    double weight = 0;                  ///< share of all blocks
  };

  void add_block(const NodeTable& nodes, const model::Spread& spread, std::int64_t count, const std::vector<std::uint32_t>& on_node);
  static void count_range(Block& block);
  static double even_boost(const Block& block, std::size_t value);
  static double target_boost(const Block& block, std::size_t value);

  std::vector<Block> blocks_;
};

}  // namespace drover::server
