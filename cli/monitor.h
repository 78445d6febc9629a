#pragma once

#include <string>

#include "cli/command.h"

namespace drover::cli {

/// Follows an evaluation to its end, and then what it started: prints what happens, ends when the allocations of the job
/// have started or ended, or it is clear why not. 0, 1 on errors, 2 when something was not placed.
int monitor_evaluation(Context& context, const std::string& id, bool follow_allocations);

/// One sentence for each reason why (part of) a job is not running, and the next step; "" when all runs.
Result<std::string> explain_job(Context& context, const std::string& job_id);

}  // namespace drover::cli
