#pragma once

#include "model/fwd.h"
#include "server/scheduler/scheduler.h"

namespace drover::server {

/// System and sysbatch jobs: one allocation (or `count`) of each group on every node that can take it.
Scheduled schedule_system(const ScheduleRequest& request, Random& random);

}  // namespace drover::server
