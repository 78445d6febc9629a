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

/// Host ports that the node keeps for itself.
std::vector<std::uint16_t> kept_ports(const model::Node& node) {
  return model::parse_ports(node.reserved_resources().networks().reserved_host_ports()).value_or(std::vector<std::uint16_t>{});
}

template <class Visit>
void each_column(NodeTable& table, Visit&& visit) {
  visit(table.ids);
  visit(table.nodes);
  visit(table.ready);
  visit(table.datacenter);
  visit(table.pool);
  visit(table.node_class);
  visit(table.computed_class);
  visit(table.drivers);
  visit(table.capacity);
  visit(table.used);
  visit(table.allocs);
  visit(table.ports);
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
  const Uuid id = parse_uuid(node->id());
  DROVER_ASSERT(ids.empty() || ids.back() < id);
  const auto at = static_cast<NodeAt>(size());
  insert_row(at);
  ids[at] = id;
  describe(at, std::move(node));
}

NodeAt NodeTable::put(std::shared_ptr<const model::Node> node) {
  const Uuid id = parse_uuid(node->id());
  const auto at = static_cast<NodeAt>(std::ranges::lower_bound(ids, id) - ids.begin());
  if (at == size() || ids[at] != id) {
    insert_row(at);
    ids[at] = id;
  } else {
    remove_ports(at, kept_ports(*nodes[at]));
  }
  describe(at, std::move(node));
  return at;
}

void NodeTable::insert_row(NodeAt at) {
  each_column(*this, [at](auto& column) { column.emplace(column.begin() + at); });
}

void NodeTable::erase(NodeAt at) {
  each_column(*this, [at](auto& column) { column.erase(column.begin() + at); });
}

/// Everything but what is on it.
void NodeTable::describe(NodeAt at, std::shared_ptr<const model::Node> node) {
  ready[at] = takes_allocations(*node);
  datacenter[at] = datacenters.number(node->datacenter());
  pool[at] = pools.number(node->node_pool().empty() ? "default" : node->node_pool());
  node_class[at] = node_classes.number(node->node_class());
  computed_class[at] = computed_classes.number(node->computed_class().empty() ? model::computed_class(*node) : node->computed_class());
  drivers[at] = driver_set(*node, driver_names);
  capacity[at] = model::capacity_of(*node);
  add_ports(at, kept_ports(*node));
  nodes[at] = std::move(node);
}

void NodeTable::take(NodeAt at, const model::Capacity& taken, const std::vector<std::uint16_t>& more_ports) {
  used[at] += taken;
  ++allocs[at];
  add_ports(at, more_ports);
}

void NodeTable::give_back(NodeAt at, const model::Capacity& taken, const std::vector<std::uint16_t>& freed_ports) {
  used[at] -= taken;
  --allocs[at];
  remove_ports(at, freed_ports);
}

void NodeTable::add_ports(NodeAt at, const std::vector<std::uint16_t>& more) {
  if (more.empty()) return;
  auto& list = ports[at];
  list.insert(list.end(), more.begin(), more.end());
  std::ranges::sort(list);
}

/// A port may stand there more than once; one of them goes.
void NodeTable::remove_ports(NodeAt at, const std::vector<std::uint16_t>& gone) {
  auto& list = ports[at];
  for (const std::uint16_t port : gone) {
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
