#include "server/scheduler/node_table.h"

#include <algorithm>

#include <drover/result.h>

#include "model/node_class.h"
#include "model/proto/node.pb.h"

namespace drover::server {
namespace {

constexpr std::uint32_t driver_bits = 64;

bool takes_allocations(const model::Node& node) {
  return node.status() == "ready" && node.scheduling_eligibility() == "eligible" && !node.has_drain_strategy();
}

bool is_true(std::string_view text) { return text == "1" || text == "true" || text == "t" || text == "T" || text == "True" || text == "TRUE"; }

std::uint64_t driver_set(const model::Node& node, Texts& names) {
  // Bits of a set: the order of the map does not matter, only numbers given for the first time do, and they are
  // never compared across tables.
  std::uint64_t bits = 0;
  std::vector<std::string> sorted;
  for (const auto& [name, info] : node.drivers()) sorted.push_back(name);
  for (const auto& [name, value] : node.attributes()) {
    if (name.starts_with("driver.") && name.find('.', 7) == std::string::npos) sorted.push_back(name.substr(7));
  }
  std::ranges::sort(sorted);
  for (const std::string& name : sorted) {
    const std::uint32_t number = names.number(name);
    if (number < driver_bits && has_driver(node, name)) bits |= std::uint64_t{1} << number;
  }
  return bits;
}

}  // namespace

std::uint32_t Texts::number(const std::string& text) {
  const auto [at, is_new] = numbers_.try_emplace(text, size());
  if (is_new) texts_.push_back(text);
  return at->second;
}

std::optional<std::uint32_t> Texts::find(const std::string& text) const {
  const auto at = numbers_.find(text);
  if (at == numbers_.end()) return {};
  return at->second;
}

std::optional<NodeAt> NodeTable::find(const Uuid& id) const {
  const auto at = std::ranges::lower_bound(ids, id);
  if (at == ids.end() || *at != id) return {};
  return static_cast<NodeAt>(at - ids.begin());
}

void NodeTable::add(std::shared_ptr<const model::Node> node) {
  ids.push_back(parse_uuid(node->id()));
  DROVER_ASSERT(ids.size() < 2 || ids[ids.size() - 2] < ids.back());
  ready.push_back(takes_allocations(*node));
  datacenter.push_back(datacenters.number(node->datacenter()));
  pool.push_back(pools.number(node->node_pool().empty() ? "default" : node->node_pool()));
  node_class.push_back(node_classes.number(node->node_class()));
  computed_class.push_back(computed_classes.number(node->computed_class().empty() ? model::computed_class(*node) : node->computed_class()));
  drivers.push_back(driver_set(*node, driver_names));
  capacity.push_back(model::capacity_of(*node));
  used.emplace_back();
  allocs.push_back(0);
  ports.push_back(model::parse_ports(node->reserved_resources().networks().reserved_host_ports()).value_or(std::vector<std::uint16_t>{}));
  nodes.push_back(std::move(node));
}

void NodeTable::take(NodeAt at, const model::Capacity& taken, const std::vector<std::uint16_t>& more_ports) {
  used[at] += taken;
  ++allocs[at];
  if (more_ports.empty()) return;
  auto& list = ports[at];
  list.insert(list.end(), more_ports.begin(), more_ports.end());
  std::ranges::sort(list);
}

void NodeTable::give_back(NodeAt at, const model::Capacity& taken, const std::vector<std::uint16_t>& freed_ports) {
  used[at] -= taken;
  --allocs[at];
  auto& list = ports[at];
  for (const std::uint16_t port : freed_ports) {
    const auto found = std::ranges::lower_bound(list, port);
    if (found != list.end() && *found == port) list.erase(found);
  }
}

bool has_driver(const model::Node& node, const std::string& driver) {
  const auto info = node.drivers().find(driver);
  if (info != node.drivers().end()) return info->second.detected() && info->second.healthy();
  const auto attribute = node.attributes().find("driver." + driver);
  return attribute != node.attributes().end() && is_true(attribute->second);
}

}  // namespace drover::server
