#pragma once

#include <string>
#include <utility>
#include <vector>

#include "base/loop/time.h"

namespace drover::api {

/// A figure as it is now. Labels in the order in which they are shown.
struct Gauge {
  std::string name;  ///< "nomad.nomad.job_status.running"
  double value = 0;
  std::vector<std::pair<std::string, std::string>> labels;
};

/// The body of /v1/metrics.
std::string metrics_json(std::vector<Gauge> gauges, Instant now);
/// The same for Prometheus: names with "_", in order, each with its type.
std::string metrics_prometheus(std::vector<Gauge> gauges);

}  // namespace drover::api
