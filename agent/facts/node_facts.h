#pragma once

#include <drover/task_config.h>

#include "agent/host_facts.h"
#include "agent/settings.h"

namespace drover::agent {

/// What drivers are told of the machine: its cores, and how much of them the settings give to tasks.
sdk::NodeFacts node_facts(const HostReport& host, const Settings& settings);

}  // namespace drover::agent
