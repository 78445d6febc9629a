#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>

#include "base/loop/time.h"

namespace drover::model {
class SchedulerConfiguration;
}

namespace drover::server {

/// What the operator may set. Times are those of scheduler.md unless the configuration says otherwise.
struct ServerConfig {
  std::string region = "global";
  std::string name = "server";               ///< of this server, for members and logs
  std::string rpc_address = "127.0.0.1:4647";  ///< what agents are told and status/leader says
  Duration heartbeat_ttl_min = 10s;
  Duration heartbeat_grace = 10s;
  Duration failover_ttl = 300s;              ///< how long a node may stay silent after the server has started
  Duration gc_interval = 5min;
  Duration eval_gc_threshold = 1h;
  Duration batch_eval_gc_threshold = 24h;
  Duration job_gc_threshold = 4h;
  Duration node_gc_threshold = 24h;
  std::int64_t job_priority_max = 100;
  std::int64_t job_count_max = 50000;
  std::size_t job_versions_max = 6;
  /// How the scheduler works until an operator says so by the API; null: as without a configuration.
  std::shared_ptr<const model::SchedulerConfiguration> scheduler;
};

}  // namespace drover::server
