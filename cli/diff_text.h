#pragma once

#include <string>

#include "base/value/value.h"
#include "cli/output.h"

namespace drover::cli {

/// A job diff of the API as people read it: "+" added, "-" deleted, "+/-" edited, a level of indentation for each of
/// job, group, task and block. What is as before stays out unless `verbose`. Pure; no final newline.
std::string job_diff_text(const Value& diff, bool verbose, const Paint& paint);

}  // namespace drover::cli
