#pragma once

#include <set>
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

/// Secrets are written ${NOMAD_SECRET_<name>}. One that nobody has stays as it is written.
constexpr std::string_view secret_prefix = "NOMAD_SECRET_";

/// Adds to `names` each "NOMAD_SECRET_x" that `text` still refers to.
void find_secrets(std::string_view text, std::set<std::string>& names);
void find_all_secrets(const Value& value, std::set<std::string>& names);

/// Evaluates every string in `config` (keys too) as a template over the environment and the node. An unknown
/// reference is an error that names it and the place, unless it is a secret.
Result<Value> evaluate_config(const Value& config, const Texts& env, const Texts& node);

}  // namespace drover::agent
