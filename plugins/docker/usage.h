#pragma once

#include <string>

#include <drover/result.h>
#include <drover/task_config.h>

namespace drover::docker {

/// The engine's statistics of one container (two samples in one) as drover tells them. `mhz_of_core` 0: not known.
Result<sdk::TaskUsage> parse_usage(const std::string& json_text, double mhz_of_core);

}  // namespace drover::docker
