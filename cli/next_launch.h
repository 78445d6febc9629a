#pragma once

#include <optional>
#include <string>

#include "base/loop/time.h"
#include "base/value/value.h"

namespace drover::cli {

/// When a job with this Periodic block of the API is launched next; nothing when it is not enabled or never again.
std::optional<Instant> next_launch(const Value& periodic, Instant now);

/// "2026-12-01T00:00:00Z (6d4h from now)".
std::string launch_text(Instant launch, Instant now);

}  // namespace drover::cli
