#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "model/fwd.h"

/// What groups ask for, what nodes have, and whether one fits into the other. Pure, any thread.
namespace drover::model {

/// What placement counts. Sums and differences by member.
struct Capacity {
  std::int64_t cpu = 0;  ///< MHz
  std::int64_t memory_mb = 0;
  std::int64_t disk_mb = 0;

  Capacity& operator+=(const Capacity& other);
  Capacity& operator-=(const Capacity& other);
  friend Capacity operator+(Capacity a, const Capacity& b) { return a += b; }
  friend Capacity operator-(Capacity a, const Capacity& b) { return a -= b; }
  friend bool operator==(const Capacity&, const Capacity&) = default;
};

/// The first dimension in which `wanted` is more than `free`: "cpu", "memory" or "disk"; empty when it fits.
std::string_view exhausted_dimension(const Capacity& free, const Capacity& wanted);

/// What a node can give away: all it has minus what it keeps for itself.
Capacity capacity_of(const Node& node);

/// What an allocation takes: its tasks by life cycle (the most that runs at the same time), and its disk.
Capacity capacity_of(const AllocatedResources& given);

/// What a group will take. `cores` are counted apart: their MHz depend on the node.
struct GroupAsk {
  Capacity capacity;
  std::int64_t cores = 0;
};
GroupAsk ask_of(const TaskGroup& group);

/// How well a node is used with the allocation on it, in [0, 1]: 1 is full. The base of all placement scores.
double binpack_score(const Capacity& node, const Capacity& used);
/// The same for the spread algorithm: 1 is empty.
double spread_score(const Capacity& node, const Capacity& used);

/// "22,80,8000-8002" as ports; nothing when it is no such list.
std::optional<std::vector<std::uint16_t>> parse_ports(std::string_view list);

/// Ports of one address in use: a set of 65,536 bits.
class PortSet {
 public:
  PortSet() : words_(1024) {}
  bool has(std::uint16_t port) const { return words_[port / 64] >> (port % 64) & 1; }
  void add(std::uint16_t port) { words_[port / 64] |= std::uint64_t{1} << (port % 64); }
  void remove(std::uint16_t port) { words_[port / 64] &= ~(std::uint64_t{1} << (port % 64)); }
  std::size_t count_in(std::uint16_t first, std::uint16_t last) const;
  /// A free port in [first, last] that `pick` (any number) decides on; nothing when all are taken.
  std::optional<std::uint16_t> free_port(std::uint16_t first, std::uint16_t last, std::uint64_t pick) const;

 private:
  std::vector<std::uint64_t> words_;
};

struct PortRange {
  std::uint16_t first = 20000;
  std::uint16_t last = 32000;
};
/// Where the node's dynamic ports are.
PortRange dynamic_range(const Node& node);

}  // namespace drover::model
