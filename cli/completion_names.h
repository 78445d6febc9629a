#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "cli/api.h"

namespace drover::cli {

/// Names of a kind that an agent knows: jobs, allocs (and jobs, which stand for theirs), nodes, evals, deployments, services,
/// namespaces. Asks for a moment only; without an answer there are none.
std::vector<std::string> agent_names(Api& api, std::string_view kind, const std::string& prefix);

}  // namespace drover::cli
