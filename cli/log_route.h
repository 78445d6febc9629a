#pragma once

#include <functional>
#include <memory>
#include <string>

#include "api/route.h"
#include "base/log/log.h"
#include "base/loop/loop.h"

namespace drover::cli {

/// Whose log is told here: callers may ask for that of a node or of a server by name.
struct LogOwner {
  std::string node_id;                                ///< "" when this process is no node
  std::string server_name;                            ///< "name.region"; "" when it is no server
  std::function<bool(const std::string&)> knows_node;  ///< whether there is such a node; null: not known
};

/// GET /v1/agent/monitor: the log of this process as it is written, from a level on that the caller chooses. `loop` is
/// the HTTP server's; what a slow reader cannot take in time is dropped and counted.
api::Route log_route(Loop& loop, std::shared_ptr<LogHub> hub, LogOwner owner);

}  // namespace drover::cli
