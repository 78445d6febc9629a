#pragma once

#include <map>
#include <string>

#include "agent/drivers/drivers.h"
#include "agent/host_facts.h"
#include "base/loop/time.h"
#include "model/fwd.h"

namespace drover::agent {

/// Measurements as the API shows them: of an allocation the sum over its tasks, all zero when there is none.
std::string alloc_usage_json(const std::map<std::string, TaskUsage>& tasks);
std::string host_use_json(const HostUse& use, Instant now);

}  // namespace drover::agent
