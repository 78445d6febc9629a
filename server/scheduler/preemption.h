#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "model/fit.h"
#include "server/scheduler/node_table.h"
#include "server/state/types.h"

/// Who has to make room for something more urgent, where nothing else gives room. Pure.
namespace drover::server {

/// An allocation of another job that lives on a node.
struct Displaceable {
  Uuid id;
  JobKey job;
  std::string group;
  std::int64_t priority = 0;      ///< of its job
  std::int64_t parallel_max = 0;  ///< how many of its group should move at once; 0: any number
  model::Capacity takes;
  std::vector<std::uint16_t> ports;
};

/// How much more urgent a job has to be than what it displaces.
constexpr std::int64_t priority_gap_min = 10;

/// How many of each group of each job a plan has displaced.
using DisplacedCounts = std::map<std::pair<JobKey, std::string>, std::int64_t>;

struct Lack {
  model::Capacity free;              ///< on the node; may be negative
  model::Capacity ask;
  std::vector<std::uint16_t> ports;  ///< that are asked for and taken
};

/// Positions of those candidates that have to leave: the least urgent, and of these the ones that are nearest to what is
/// lacking. Nothing when it would not suffice, or a port is held by none of them.
std::optional<std::vector<std::size_t>> choose_displaced(const Lack& lack, const std::vector<Displaceable>& candidates, const DisplacedCounts& counts);

/// How well a node does that has to displace these priorities, in (0, 1): the fewer and the less urgent, the better.
double displacing_score(const std::vector<std::int64_t>& priorities);

/// Who may be displaced where, as a plan comes into being: looked up once a node, each displaced once.
class Displacing {
 public:
  /// The allocations of other jobs on a node that are to run and do.
  using Find = std::function<std::vector<Displaceable>(NodeAt node)>;

  Displacing(Find find, std::int64_t priority) : find_(std::move(find)), priority_(priority) {}

  const std::vector<Displaceable>& on(NodeAt node);
  const DisplacedCounts& counts() const { return counts_; }
  /// Takes these positions of on(node) out, in ascending order.
  std::vector<Displaceable> displace(NodeAt node, const std::vector<std::size_t>& positions);

 private:
  Find find_;
  std::int64_t priority_;
  std::map<NodeAt, std::vector<Displaceable>> known_;
  DisplacedCounts counts_;
};

}  // namespace drover::server
