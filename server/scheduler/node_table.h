#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/loop/random.h"
#include "model/fit.h"
#include "model/fwd.h"

namespace drover::server {

/// Position of a node in a NodeTable.
using NodeAt = std::uint32_t;

/// Texts by number, so that columns hold numbers. Numbers count from 0 in the order of first sight.
class Texts {
 public:
  std::uint32_t number(const std::string& text);
  std::optional<std::uint32_t> find(const std::string& text) const;
  const std::string& text(std::uint32_t number) const { return texts_[number]; }
  std::uint32_t size() const { return static_cast<std::uint32_t>(texts_.size()); }

 private:
  std::vector<std::string> texts_;
  std::unordered_map<std::string, std::uint32_t> numbers_;
};

/// All nodes of the cluster, one column for each thing that placement looks at: what it does for each node and each
/// allocation touches a few arrays of numbers, and no message. A value; built once for many evaluations.
struct NodeTable {
  std::vector<Uuid> ids;  ///< ascending
  std::vector<std::shared_ptr<const model::Node>> nodes;
  std::vector<char> ready;  ///< takes new allocations: ready, eligible, not draining
  std::vector<std::uint32_t> datacenter;
  std::vector<std::uint32_t> pool;
  std::vector<std::uint32_t> node_class;
  std::vector<std::uint32_t> computed_class;
  std::vector<std::uint64_t> drivers;  ///< bit n: the driver with that number is detected and healthy
  std::vector<model::Capacity> capacity;
  std::vector<model::Capacity> used;                ///< by allocations whose client side has not ended
  std::vector<std::uint32_t> allocs;                ///< how many those are
  std::vector<std::vector<std::uint16_t>> ports;    ///< host ports taken or kept, ascending

  Texts datacenters;
  Texts pools;
  Texts node_classes;
  Texts computed_classes;
  Texts driver_names;  ///< the first 64 have a bit

  std::size_t size() const { return ids.size(); }
  std::optional<NodeAt> find(const Uuid& id) const;

  /// Ids must come in ascending order.
  void add(std::shared_ptr<const model::Node> node);
  /// A new node, with nothing on it, or the new form of one, which keeps what is on it.
  NodeAt put(std::shared_ptr<const model::Node> node);
  void erase(NodeAt at);
  void take(NodeAt at, const model::Capacity& capacity, const std::vector<std::uint16_t>& ports);
  /// The opposite of take() with the same arguments.
  void give_back(NodeAt at, const model::Capacity& capacity, const std::vector<std::uint16_t>& ports);

 private:
  void insert_row(NodeAt at);
  void describe(NodeAt at, std::shared_ptr<const model::Node> node);
  void add_ports(NodeAt at, const std::vector<std::uint16_t>& more);
  void remove_ports(NodeAt at, const std::vector<std::uint16_t>& gone);
};

/// Whether the node has the driver in working order.
bool has_driver(const model::Node& node, const std::string& driver);

}  // namespace drover::server
