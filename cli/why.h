#pragma once

#include <drover/result.h>

#include <string>

#include "cli/command.h"

namespace drover::cli {

/// Asks the server for what is known of a job and says why (part of) it is not running: one line a reason, each with the
/// next step, from model/why.h; "" when all runs or has ended well. With `at_rest` also why a job has nothing to run.
Result<std::string> explain_job(Context& context, const std::string& job_id, bool at_rest = true);

}  // namespace drover::cli
