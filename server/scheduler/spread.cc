#include "server/scheduler/spread.h"

#include <algorithm>
#include <limits>
#include <map>

#include "model/constraint.h"
#include "model/proto/job.pb.h"

namespace drover::server {

Spreading::Spreading(const NodeTable& nodes, const model::Job& job, const model::TaskGroup& group, const std::vector<std::uint32_t>& on_node) {
  for (const auto& spread : job.spreads()) add_block(nodes, spread, group.count(), on_node);
  for (const auto& spread : group.spreads()) add_block(nodes, spread, group.count(), on_node);
  double sum = 0;
  for (const Block& block : blocks_) sum += block.weight;
  for (Block& block : blocks_) block.weight = sum > 0 ? block.weight / sum : 0;
}

void Spreading::add_block(const NodeTable& nodes, const model::Spread& spread, std::int64_t count, const std::vector<std::uint32_t>& on_node) {
  Block block{.value_of = std::vector<int>(nodes.size(), -1), .uses = {}, .desired = {}, .weight = static_cast<double>(spread.weight())};
  Texts values;
  for (NodeAt node = 0; node < nodes.size(); ++node) {
    const auto value = model::resolve_target(spread.attribute(), *nodes.nodes[node]);
    if (!value) continue;
    const std::uint32_t number = values.number(*value);
    block.value_of[node] = static_cast<int>(number);
    block.uses.resize(values.size());
    block.uses[number] += on_node[node];
  }
  if (spread.spread_target_size() > 0) {
    // What the targets leave over goes to "*", which stands for all values that are not listed.
    double left = static_cast<double>(count);
    std::map<std::string, double> wanted;
    for (const auto& target : spread.spread_target()) {
      wanted[target.value()] = static_cast<double>(target.percent()) / 100.0 * static_cast<double>(count);
      left -= wanted[target.value()];
    }
    if (left > 0 && !wanted.contains("*")) wanted["*"] = left;
    const auto rest = wanted.find("*");
    for (std::uint32_t number = 0; number < values.size(); ++number) {
      const auto own = wanted.find(values.text(number));
      block.desired.push_back(own != wanted.end() ? own->second : rest != wanted.end() ? rest->second : -1);
    }
  }
  count_range(block);
  blocks_.push_back(std::move(block));
}

std::vector<const std::vector<int>*> Spreading::values() const {
  std::vector<const std::vector<int>*> all;
  for (const Block& block : blocks_) all.push_back(&block.value_of);
  return all;
}

void Spreading::count_range(Block& block) {
  block.least = std::numeric_limits<std::uint32_t>::max();
  block.most = 0;
  for (const std::uint32_t uses : block.uses) {
    if (uses > 0) block.least = std::min(block.least, uses);
    block.most = std::max(block.most, uses);
  }
}

/// Towards what the targets ask for.
double Spreading::target_boost(const Block& block, std::size_t value) {
  const double desired = block.desired[value];
  if (desired <= 0) return -1;
  return (desired - (block.uses[value] + 1)) / desired * block.weight;
}

/// Towards the value that is used least, of those in use.
double Spreading::even_boost(const Block& block, std::size_t value) {
  if (block.most == 0) return 0;
  const double now = block.uses[value];
  if (block.uses[value] != block.least) return (block.least - now) / block.least;
  return block.least == block.most ? -1 : static_cast<double>(block.most - block.least) / block.least;
}

std::optional<double> Spreading::score(NodeAt node) const {
  double total = 0;
  for (const Block& block : blocks_) {
    const int value = block.value_of[node];
    if (value < 0) {
      total -= 1;
    } else {
      total += block.desired.empty() ? even_boost(block, static_cast<std::size_t>(value)) : target_boost(block, static_cast<std::size_t>(value));
    }
  }
  if (total == 0) return {};
  return total;
}

void Spreading::add(NodeAt node) {
  for (Block& block : blocks_) {
    if (block.value_of[node] < 0) continue;
    ++block.uses[static_cast<std::size_t>(block.value_of[node])];
    count_range(block);
  }
}

void Spreading::remove(NodeAt node) {
  for (Block& block : blocks_) {
    if (block.value_of[node] < 0) continue;
    --block.uses[static_cast<std::size_t>(block.value_of[node])];
    count_range(block);
  }
}

}  // namespace drover::server
