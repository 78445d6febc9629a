#include <algorithm>

#include "model/proto/job.pb.h"
#include "model/proto/node.pb.h"
#include "server/scheduler/place.h"

// Placing where others have to make room.
namespace drover::server {

/// Who has to leave a node; nothing when that does not help.
std::optional<std::vector<std::size_t>> GroupPlacer::who_leaves(NodeAt node, Displacing& displacing) const {
  if (ask_.cores > 0 || room_.is_full(node)) return std::nullopt;
  Lack lack{.free = room_.nodes().capacity[node] - room_.used(node), .ask = ask_.capacity, .ports = {}};
  for (const Port& port : ports_) {
    if (port.dynamic || port.asked->ignore_collision()) continue;
    const auto value = static_cast<std::uint16_t>(port.asked->value());
    if (room_.port_taken(node, value)) lack.ports.push_back(value);
  }
  if (dynamic_ports_ > 0) {  // there are thousands of these: nobody has to leave for one
    const auto range = model::dynamic_range(*room_.nodes().nodes[node]);
    const std::size_t size = static_cast<std::size_t>(range.last - range.first) + 1;
    if (size - std::min(size, room_.ports_taken(node, range)) < dynamic_ports_) return std::nullopt;
  }
  auto positions = choose_displaced(lack, displacing.on(node), displacing.counts());
  if (positions && positions->empty()) positions.reset();
  return positions;
}

std::optional<GroupPlacer::Cleared> GroupPlacer::clear(NodeAt node, bool penalized, Displacing& displacing) {
  if (!is_distinct(node)) return std::nullopt;
  const auto known = leaving_.find(node);
  const auto& positions = known != leaving_.end() ? known->second : leaving_.emplace(node, who_leaves(node, displacing)).first->second;
  if (!positions) return std::nullopt;

  const std::vector<Displaceable>& candidates = displacing.on(node);
  model::Capacity gone;
  std::vector<std::int64_t> priorities;
  for (const std::size_t at : *positions) {
    gone += candidates[at].takes;
    priorities.push_back(candidates[at].priority);
  }
  Parts parts = parts_of(node, penalized, gone);
  parts.displacing = displacing_score(priorities);
  parts.sum += *parts.displacing;
  ++parts.terms;
  return Cleared{.node = node, .positions = *positions, .parts = parts};
}

std::optional<GroupPlacer::Placed> GroupPlacer::place_displacing(const std::vector<NodeAt>& avoid, Displacing& displacing) {
  std::optional<Cleared> best;
  for (const NodeAt node : feasible_) {
    auto cleared = clear(node, std::ranges::find(avoid, node) != avoid.end(), displacing);
    if (!cleared) continue;
    const double score = cleared->parts.normalized();
    const bool better = !best || score > best->parts.normalized() ||
                        (score == best->parts.normalized() && luck_of_[node] > luck_of_[best->node]);
    if (better) best = std::move(cleared);
  }
  if (!best) return std::nullopt;
  return take(*best, displacing);
}

std::optional<GroupPlacer::Placed> GroupPlacer::place_displacing_on(NodeAt node, Displacing& displacing) {
  if (!feasibility_.obstacle(group_, node).empty()) return std::nullopt;
  const auto cleared = clear(node, false, displacing);
  if (!cleared) return std::nullopt;
  return take(*cleared, displacing);
}

GroupPlacer::Placed GroupPlacer::take(const Cleared& cleared, Displacing& displacing) {
  auto metrics = std::make_shared<model::AllocMetric>(failure({cleared.node}));
  add_score(*metrics, cleared.node, cleared.parts);
  std::vector<Uuid> displaced;
  for (const Displaceable& one : displacing.displace(cleared.node, cleared.positions)) {
    room_.release(cleared.node, one.takes, one.ports);
    displaced.push_back(one.id);
  }
  Placed placed = take(cleared.node);
  placed.alike = false;
  placed.displaced = std::move(displaced);
  placed.metrics = std::move(metrics);
  return placed;
}

}  // namespace drover::server
