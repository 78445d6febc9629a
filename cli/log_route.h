#pragma once

#include <memory>

#include "api/route.h"
#include "base/log/log.h"
#include "base/loop/loop.h"

namespace drover::cli {

/// GET /v1/agent/monitor: the log of this process as it is written, from a level on that the caller chooses. `loop` is
/// the HTTP server's; what a slow reader cannot take in time is dropped and counted.
api::Route log_route(Loop& loop, std::shared_ptr<LogHub> hub);

}  // namespace drover::cli
