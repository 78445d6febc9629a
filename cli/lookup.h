#pragma once

#include <string>

#include "cli/command.h"

/// From what a person types (a name, or the start of an id) to one object.
namespace drover::cli {

/// A job by id or prefix: its stub {ID, Namespace, …}. Several matches are listed in the error.
Result<Value> find_job(Context& context, const std::string& name);

/// The full id of an allocation, node, evaluation by id or prefix (at least 2 characters). `path` is the list, e.g.
/// "/v1/allocations"; `what` is how errors call it, e.g. "allocation".
Result<std::string> find_id(Context& context, const std::string& prefix, const std::string& path, const std::string& what);

/// An allocation by id or prefix; or, when that names none, the newest running allocation of the job of that name.
Result<std::string> find_alloc(Context& context, const std::string& name);

/// A node by id or prefix, or by its name.
Result<std::string> find_node(Context& context, const std::string& name);

}  // namespace drover::cli
