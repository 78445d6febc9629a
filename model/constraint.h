#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <drover/result.h>

#include "model/fwd.h"

/// Constraints on nodes: what they refer to, and whether they hold. Pure, any thread.
namespace drover::model {

/// What a side of a constraint stands for on one node; nothing when the node does not have it.
/// "${node.unique.id}", "${node.unique.name}", "${node.datacenter}", "${node.class}", "${node.pool}", "${attr.x}",
/// "${meta.x}"; text without "${" stands for itself.
std::optional<std::string> resolve_target(std::string_view target, const Node& node);

/// A constraint (or the condition of an affinity) with its expression, version list or set prepared once, because one
/// constraint is asked of thousands of nodes. Copies share what is prepared.
class Condition {
 public:
  Condition(std::string_view l_target, std::string_view operand, std::string_view r_target);
  explicit Condition(const Constraint& constraint);
  explicit Condition(const Affinity& affinity);

  bool holds_on(const Node& node) const;
  /// With both sides resolved; nothing = not found. Unknown operands never hold; distinct_* always do.
  bool holds(std::optional<std::string_view> left, std::optional<std::string_view> right) const;

  /// "${attr.kernel.name} = linux": as filtered nodes are explained.
  std::string text() const;
  const std::string& l_target() const { return l_target_; }
  const std::string& r_target() const { return r_target_; }

 private:
  struct Prepared;

  std::string l_target_;
  std::string operand_;
  std::string r_target_;
  std::shared_ptr<const Prepared> prepared_;  ///< for a literal right side
};

enum class ConstraintKind : std::uint8_t { node, distinct_hosts, distinct_property };
ConstraintKind kind_of(const Constraint& constraint);

/// Whether distinct_hosts is on: "", "true" and what is no boolean are.
bool is_on(const Constraint& distinct_hosts);
/// How many allocations may share a value of the property; 1 unless given.
std::uint64_t property_limit(const Constraint& distinct_property);

/// Whether it looks at what differs between nodes of one computed class.
bool escapes_class(const Constraint& constraint);

/// What is wrong with a constraint itself; empty when nothing is.
std::vector<std::string> problems_of(const Constraint& constraint);

}  // namespace drover::model
