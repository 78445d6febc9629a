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

std::vector<std::uint32_t> draw_luck(std::size_t nodes, std::uint64_t seed) {
  std::vector<std::uint32_t> luck(nodes);
  for (std::uint32_t& one : luck) one = static_cast<std::uint32_t>(next_luck(seed));
  return luck;
}

Ranking::Ranking(const std::vector<std::uint32_t>& luck) : leaves_(std::bit_ceil(std::max<std::size_t>(luck.size(), 2))), luck_(luck) {
  scores_.assign(leaves_, excluded);
  luck_.resize(leaves_);
  winners_.resize(leaves_);
  build();
}

void Ranking::build() {
  const std::size_t half = leaves_ / 2;
  for (std::size_t i = 0; i < half; ++i) winners_[half + i] = better(static_cast<At>(2 * i), static_cast<At>(2 * i + 1));
  for (std::size_t i = half - 1; i >= 1; --i) winners_[i] = better(winners_[2 * i], winners_[2 * i + 1]);
}

void Ranking::set(At at, double score) {
  scores_[at] = score;
  std::size_t i = (leaves_ + at) / 2;
  winners_[i] = better(at & ~At{1}, at | 1);
  for (i /= 2; i >= 1; i /= 2) winners_[i] = better(winners_[2 * i], winners_[2 * i + 1]);
}

std::optional<Ranking::At> Ranking::best() const {
  const At at = winners_[1];
  if (scores_[at] == excluded) return {};
  return at;
}

ClassRanking::ClassRanking(const std::vector<NodeAt>& nodes, const std::vector<std::uint32_t>& class_of, std::uint32_t classes,
                           const std::vector<std::uint32_t>& luck)
    : place_of_(luck.size()), classes_(classes) {
  for (std::size_t i = 0; i < nodes.size(); ++i) {
    Class& own = classes_[class_of[i]];
    place_of_[nodes[i]] = {.in_class = class_of[i], .at = static_cast<Ranking::At>(own.nodes.size())};
    own.nodes.push_back(nodes[i]);
  }
  std::vector<std::uint32_t> own_luck;
  for (Class& own : classes_) {
    own_luck.clear();
    for (const NodeAt node : own.nodes) own_luck.push_back(luck[node]);
    own.lists.assign(lists, Ranking(own_luck));
  }
}

void ClassRanking::start(NodeAt node, int list, double score) {
  const Place place = place_of_[node];
  classes_[place.in_class].lists[static_cast<std::size_t>(list)].start(place.at, score);
}

void ClassRanking::build() {
  for (Class& own : classes_) {
    for (Ranking& list : own.lists) list.build();
  }
}

void ClassRanking::set(NodeAt node, int list, double score) {
  const Place place = place_of_[node];
  for (int other = 0; other < lists; ++other) {
    Ranking& ranking = classes_[place.in_class].lists[static_cast<std::size_t>(other)];
    const double own = other == list ? score : Ranking::excluded;
    if (ranking.score(place.at) != own) ranking.set(place.at, own);
  }
}

void ClassRanking::exclude(NodeAt node) { set(node, 0, Ranking::excluded); }

std::optional<ClassRanking::Best> ClassRanking::best(std::uint32_t in_class, int list) const {
  const Class& own = classes_[in_class];
  const Ranking& ranking = own.lists[static_cast<std::size_t>(list)];
  const auto at = ranking.best();
  if (!at) return {};
  return Best{.node = own.nodes[*at], .score = ranking.score(*at), .luck = ranking.luck(*at)};
}

}  // namespace drover::server
