#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <google/protobuf/repeated_ptr_field.h>

#include "model/constraint.h"
#include "model/fwd.h"
#include "server/scheduler/node_table.h"

namespace drover::server {

/// Which nodes may run a group, and why the others may not. Constraints that look at nothing unique are asked once a
/// computed class. Keeps what it has found out for the whole evaluation. One thread.
class Feasibility {
 public:
  Feasibility(const NodeTable& nodes, const model::Job& job);

  /// The nodes that a job is looked for on: ready, of its pool and datacenters. Ascending.
  const std::vector<NodeAt>& candidates() const { return candidates_; }
  bool is_candidate(NodeAt node) const { return in_pool(node) && in_datacenter(node) && nodes_.ready[node]; }
  /// Of its pool and datacenters, whatever its state.
  bool is_targeted(NodeAt node) const { return in_pool(node) && in_datacenter(node); }
  std::int64_t nodes_in_pool() const { return nodes_in_pool_; }
  /// Ready nodes of the pool, by datacenter the job may use.
  std::map<std::string, std::int64_t> available() const;

  /// "" when the group may run there, else the reason: a constraint, "missing drivers", ….
  const std::string& obstacle(int group, NodeAt node);

  /// Affinities of job, group and tasks: in [-1, 1]. Nothing when there are none.
  std::optional<double> affinity(int group, NodeAt node);

  /// For a blocked evaluation: which classes were found able to run at least one group.
  const std::map<std::string, bool>& class_eligibility() const { return eligibility_; }
  bool escaped() const { return escaped_; }

 private:
  struct Weighted {
    model::Condition condition;
    double weight;
  };
  struct Group {
    std::vector<model::Condition> by_class;  ///< asked once a class
    std::vector<model::Condition> by_node;   ///< look at unique attributes
    std::vector<std::string> drivers;
    std::uint64_t driver_bits = 0;           ///< of those that have one
    std::vector<std::string> other_drivers;  ///< the others
    bool is_plain = true;                    ///< no devices, volumes or special network: only drivers matter
    std::vector<Weighted> affinities;
    double weight_sum = 0;
    bool affinity_by_class = true;
    std::vector<std::optional<std::string>> verdicts;  ///< by computed class
    std::vector<std::optional<double>> class_affinity;
  };

  bool in_pool(NodeAt node) const;
  bool in_datacenter(NodeAt node) const { return datacenter_fits_[nodes_.datacenter[node]]; }
  Group make_group(const model::TaskGroup& group);
  void add_conditions(const google::protobuf::RepeatedPtrField<model::Constraint>& constraints, Group& group);
  void add_affinities(const google::protobuf::RepeatedPtrField<model::Affinity>& affinities, Group& group);
  const std::string& class_verdict(Group& group, NodeAt node);
  const std::string* node_obstacle(const Group& group, int index, NodeAt node);
  double weigh(const Group& group, const model::Node& node) const;

  const NodeTable& nodes_;
  const model::Job& job_;
  std::vector<char> datacenter_fits_;
  std::optional<std::uint32_t> pool_;  ///< nothing: all pools
  bool pool_known_ = true;
  std::int64_t nodes_in_pool_ = 0;
  std::vector<NodeAt> candidates_;
  std::vector<Group> groups_;
  std::map<std::string, bool> eligibility_;
  bool escaped_ = false;
  std::map<std::string, int> texts_;  ///< what obstacle() has returned by reference
};

}  // namespace drover::server
