#pragma once

#include <functional>
#include <string>
#include <string_view>

#include <drover/result.h>

#include "agent/drivers/drivers.h"
#include "base/value/value.h"
#include "model/fwd.h"

/// Replacing "${name}" in what a job says: client text replacement, and the evaluation of a driver's `config`.
namespace drover::agent {

/// node.unique.id, node.datacenter, …, attr.<name>, meta.<name> of a node.
Texts node_references(const model::Node& node, const std::string& region);

/// Replaces each `${` [A-Za-z0-9_.-]+ `}` that is in `first`, else in `second`; what is in neither stays as it is.
std::string replace_references(std::string_view text, const Texts& first, const Texts& second);

/// Evaluates every string in `config` (keys too) as a template over the environment and the node. An unknown
/// reference is an error that names it and the place.
Result<Value> evaluate_config(const Value& config, const Texts& env, const Texts& node);

}  // namespace drover::agent
