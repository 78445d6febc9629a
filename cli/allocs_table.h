#pragma once

#include <string>

#include "cli/command.h"

namespace drover::cli {

/// Which columns a list of allocations has.
enum class AllocColumns { of_job, of_node, of_eval };

/// A table of allocation stubs, in the order given; "No allocations placed" when there are none.
std::string allocs_table(const Context& context, const Value::List& allocs, AllocColumns columns);

/// The same for evaluations of a job.
std::string failures_text(const Value& eval);

}  // namespace drover::cli
