#include "server/scheduler/rank.h"

#include <algorithm>
#include <bit>

namespace drover::server {
namespace {

/// splitmix64: one draw from outside is enough for all nodes.
std::uint64_t next_luck(std::uint64_t& state) {
  std::uint64_t z = (state += 0x9e3779b97f4a7c15u);
  z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9u;
  z = (z ^ (z >> 27)) * 0x94d049bb133111ebu;
  return z ^ (z >> 31);
}

}  // namespace

Ranking::Ranking(std::size_t nodes, std::uint64_t seed) : leaves_(std::bit_ceil(std::max<std::size_t>(nodes, 2))) {
  scores_.assign(leaves_, excluded);
  luck_.assign(leaves_, 0);
  for (std::size_t i = 0; i < nodes; ++i) luck_[i] = static_cast<std::uint32_t>(next_luck(seed));
  winners_.resize(leaves_);
  build();
}

void Ranking::build() {
  const std::size_t half = leaves_ / 2;
  for (std::size_t i = 0; i < half; ++i) winners_[half + i] = better(static_cast<NodeAt>(2 * i), static_cast<NodeAt>(2 * i + 1));
  for (std::size_t i = half - 1; i >= 1; --i) winners_[i] = better(winners_[2 * i], winners_[2 * i + 1]);
}

void Ranking::set(NodeAt node, double score) {
  scores_[node] = score;
  std::size_t i = (leaves_ + node) / 2;
  winners_[i] = better(node & ~NodeAt{1}, node | 1);
  for (i /= 2; i >= 1; i /= 2) winners_[i] = better(winners_[2 * i], winners_[2 * i + 1]);
}

std::optional<NodeAt> Ranking::best() const {
  const NodeAt node = winners_[1];
  if (scores_[node] == excluded) return {};
  return node;
}

}  // namespace drover::server
