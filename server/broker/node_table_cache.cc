#include "server/broker/node_table_cache.h"

#include <algorithm>

#include "server/scheduler/scheduler.h"

namespace drover::server {
namespace {

/// Each once.
std::vector<Uuid> changed_ids(const Effects& effects, Topic topic) {
  std::vector<Uuid> ids;
  for (const Effect& effect : effects) {
    if (effect.topic == topic) ids.push_back(effect.id);
  }
  std::ranges::sort(ids);
  ids.erase(std::ranges::unique(ids).begin(), ids.end());
  return ids;
}

}  // namespace

void NodeTableCache::published(const SnapshotPtr& state, const Effects& effects, bool anew) {
  const SnapshotPtr before = std::exchange(state_, state);
  if (anew) table_ = nullptr;
  if (!table_) return;
  const std::vector<Uuid> nodes = changed_ids(effects, Topic::nodes);
  for (const Uuid& node : nodes) change(*before, node);
  for (const Uuid& alloc : changed_ids(effects, Topic::allocs)) {
    count(*before, alloc, false);
    count(*state, alloc, true);
  }
}

std::shared_ptr<const NodeTable> NodeTableCache::get() {
  if (!table_) table_ = std::make_shared<NodeTable>(node_table(*state_));
  return table_;
}

/// The table to be changed: a copy of it, if a pass still reads the old one.
NodeTable& NodeTableCache::own() {
  if (table_.use_count() > 1) table_ = std::make_shared<NodeTable>(*table_);
  return *table_;
}

/// The new form of a node; what was on it before stays counted, what comes or goes with it is counted after.
void NodeTableCache::change(const Snapshot& before, const Uuid& id) {
  const auto known = table_->find(id);
  const auto node = state_->shared_node(id);
  if (!node) {
    if (known) own().erase(*known);
    return;
  }
  const NodeAt at = own().put(node);
  if (known) return;
  before.each_alloc_on_node(id, [&](const AllocRow& row) {
    if (!row.client_terminal()) own().take(at, row.shape ? row.shape->capacity : model::Capacity{}, ports_of(row));
    return true;
  });
}

/// Adds what an allocation takes in that state, or takes it away again.
void NodeTableCache::count(const Snapshot& state, const Uuid& id, bool taken) {
  const AllocRow* row = state.alloc(id);
  if (!row || row->client_terminal()) return;
  const auto at = table_->find(state.node_of(*row));
  if (!at) return;
  const model::Capacity capacity = row->shape ? row->shape->capacity : model::Capacity{};
  if (taken) {
    own().take(*at, capacity, ports_of(*row));
  } else {
    own().give_back(*at, capacity, ports_of(*row));
  }
}

}  // namespace drover::server
