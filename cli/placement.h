#pragma once

#include <string>
#include <vector>

#include "base/value/value.h"

/// What placement metrics of the API say, line by line. Pure.
namespace drover::cli {

/// The reasons in one group's metrics: "Constraint \"…\": 2 nodes excluded by filter". Without indentation.
std::vector<std::string> placement_reasons(const Value& metric);

/// Task Group "web" (failed to place 2 allocations): and the reasons below it, each line indented by `indent` blanks (the
/// reasons by two more, with a star).
std::string failed_group(const std::string& group, const Value& metric, std::size_t indent);

}  // namespace drover::cli
