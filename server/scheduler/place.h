#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "model/fit.h"
#include "model/fwd.h"
#include "model/proto/alloc_resources.pb.h"
#include "model/proto/metric.pb.h"
#include "server/scheduler/existing.h"
#include "server/scheduler/feasible.h"
#include "server/scheduler/node_table.h"
#include "server/scheduler/preemption.h"
#include "server/scheduler/rank.h"
#include "server/scheduler/spread.h"

namespace drover::server {

/// Room on the nodes as it would be after what has been decided so far. Starts from the table, which stays as it is.
class Room {
 public:
  explicit Room(const NodeTable& nodes) : nodes_(nodes), used_(nodes.used), allocs_(nodes.allocs) {}

  const NodeTable& nodes() const { return nodes_; }
  const model::Capacity& used(NodeAt node) const { return used_[node]; }
  void take(NodeAt node, const model::Capacity& capacity);
  /// Gives back what an allocation of the table (or one placed here) held.
  void release(NodeAt node, const model::Capacity& capacity, const std::vector<std::uint16_t>& ports);
  /// Whether it holds as many allocations as it may.
  bool is_full(NodeAt node) const;

  bool port_taken(NodeAt node, std::uint16_t port) const;
  std::size_t ports_taken(NodeAt node, const model::PortRange& range) const;
  /// A copy of the node's ports, made the first time one of them changes.
  model::PortSet& ports(NodeAt node);

 private:
  const NodeTable& nodes_;
  std::vector<model::Capacity> used_;
  std::vector<std::uint32_t> allocs_;
  std::map<NodeAt, model::PortSet> ports_;
};

/// How many allocations of the job, and of each of its groups, live on each node: for anti-affinity and what has to be
/// distinct. Holds what stays and what has been placed so far.
struct Occupancy {
  Occupancy(std::size_t nodes, int groups) : job(nodes), group(static_cast<std::size_t>(groups), std::vector<std::uint32_t>(nodes)) {}
  void add(int group_index, NodeAt node);
  void remove(int group_index, NodeAt node);

  std::vector<std::uint32_t> job;
  std::vector<std::vector<std::uint32_t>> group;
};

struct PlaceOptions {
  bool spread_algorithm = false;
  bool memory_oversubscription = false;
  std::uint64_t luck = 0;  ///< drawn once an evaluation: who wins among equals
};

/// Finds places for the allocations of one group, the best first. Groups of a job use one Room one after the other:
/// what others change in it while this one is at work is not seen.
class GroupPlacer {
 public:
  GroupPlacer(Room& room, Feasibility& feasibility, Occupancy& occupancy, const model::Job& job, int group, const PlaceOptions& options);

  struct Placed {
    NodeAt node = 0;
    std::shared_ptr<const model::AllocatedResources> resources;
    bool alike = false;  ///< all that is placed of the group gets the same resources
    std::vector<Uuid> displaced;                             ///< who has to leave for it
    std::shared_ptr<const model::AllocMetric> metrics = {};  ///< of this one alone; null: those of the group
  };

  /// The best node, taken; nothing when none fits: failure() says why. `avoid` are nodes that it failed on.
  std::optional<Placed> place(const std::vector<NodeAt>& avoid);
  /// The same for one given node, which has to be a candidate.
  std::optional<Placed> place_on(NodeAt node);

  /// Where nothing fits: the best node on which others make room, taken. Nothing where that does not help either.
  std::optional<Placed> place_displacing(const std::vector<NodeAt>& avoid, Displacing& displacing);
  std::optional<Placed> place_displacing_on(NodeAt node, Displacing& displacing);

  /// An allocation of this group leaves the node, or stays after all.
  void release(NodeAt node, const ExistingAlloc& alloc);
  void take_back(NodeAt node, const ExistingAlloc& alloc);

  /// How the group was placed: counts, and the best five scores, as they were before its first placement.
  const model::AllocMetric& metrics();
  /// Why nothing fits now. Of the given nodes only, if there are any.
  model::AllocMetric failure(const std::vector<NodeAt>& only = {}) const;

 private:
  struct Port {
    const model::Port* asked;
    int network;  ///< position in the group's networks
    bool dynamic;
  };
  struct Property {  ///< distinct_property
    std::string text;
    std::vector<int> value_of;  ///< by node; -1: it has none
    std::vector<std::uint64_t> uses;
    std::uint64_t limit;
  };
  struct Parts {  ///< what a score is made of
    double binpack = 0;
    double anti_affinity = 0;
    double penalty = 0;
    double affinity = 0;
    std::optional<double> spread;
    std::optional<double> displacing;
    double sum = 0;
    int terms = 0;
    double normalized() const { return sum / terms; }
  };

  void prepare_ports();
  void prepare_distinct();
  void add_property(const model::Constraint& constraint, const std::vector<std::uint32_t>& on_node);
  void prepare_resources();
  void rank_all();
  void rerank(NodeAt node);
  /// Nodes whose spread and distinct values are the same are of one class: what these do to a score, or forbid, they do
  /// to all of them. By position in feasible_; gives how many classes there are.
  std::uint32_t classify(std::vector<std::uint32_t>& class_of) const;
  /// The best of all classes, as they stand now.
  std::optional<ClassRanking::Best> best_of_all() const;
  /// "" when the group fits on the node now, else the dimension that is exhausted.
  std::string exhausted(NodeAt node) const;
  bool fits(NodeAt node) const;
  /// "" unless another allocation there forbids this one.
  std::string indistinct(NodeAt node) const;
  bool is_distinct(NodeAt node) const;
  /// The part of that which only looks at what lives on the node itself.
  bool has_host_to_itself(NodeAt node) const;
  /// Whether the node's properties are used as often as they may be.
  bool is_used_up(NodeAt node) const;
  /// `gone`: what leaves the node before.
  Parts parts_of(NodeAt node, bool penalized, const model::Capacity& gone = {}) const;
  /// Without what depends on other nodes.
  Parts own_parts_of(NodeAt node, bool penalized, const model::Capacity& gone = {}) const;
  double score_of(NodeAt node, bool penalized) const;
  /// Of which list of its class the node is, and with what score there.
  std::pair<int, double> standing_of(NodeAt node) const;
  Placed take(NodeAt node);
  /// How a node would do if others made room there.
  struct Cleared {
    NodeAt node = 0;
    std::vector<std::size_t> positions;  ///< of those who leave
    Parts parts;
  };
  std::optional<std::vector<std::size_t>> who_leaves(NodeAt node, Displacing& displacing) const;
  std::optional<Cleared> clear(NodeAt node, bool penalized, Displacing& displacing);
  Placed take(const Cleared& cleared, Displacing& displacing);
  /// Keeps what depends on all nodes in step after an allocation has come to a node or left it.
  void count_uses(NodeAt node, bool more);
  void give_ports(NodeAt node, model::AllocatedResources& resources);
  void add_scores(model::AllocMetric& metric, std::vector<std::pair<double, NodeAt>> scores) const;
  void add_score(model::AllocMetric& metric, NodeAt node, const Parts& parts) const;
  model::AllocMetric counts_only() const;

  Room& room_;
  Feasibility& feasibility_;
  Occupancy& occupancy_;
  const model::Job& job_;
  const model::TaskGroup& wanted_;
  const int group_;
  const PlaceOptions options_;
  model::GroupAsk ask_;
  std::vector<Port> ports_;
  std::size_t dynamic_ports_ = 0;
  std::uint64_t luck_;
  bool distinct_job_ = false;
  bool distinct_group_ = false;
  std::vector<Property> properties_;
  Spreading spreading_;
  std::optional<ClassRanking> ranking_;
  std::vector<std::uint32_t> luck_of_;  ///< by node
  int terms_ = 1;  ///< of a score, where nothing of the group lives on the node and spreads add nothing
  std::vector<NodeAt> feasible_;
  std::map<NodeAt, std::optional<std::vector<std::size_t>>> leaving_;  ///< who_leaves() as long as the node stays as it is
  std::optional<model::AllocMetric> metrics_;
  std::shared_ptr<const model::AllocatedResources> resources_;  ///< what each placement gets, without ports
};

}  // namespace drover::server
