#pragma once

#include "model/fwd.h"
#include "server/scheduler/scheduler.h"

namespace drover::server {

/// System and sysbatch jobs: one allocation (or `count`) of each group on every node that can take it.
Scheduled schedule_system(const ScheduleRequest& request, Random& random);

/// How long what failed on a node is left alone there, longer each time. System jobs have no policy of their own for it;
/// without one, whatever touches a node would start a broken allocation on it anew.
const model::ReschedulePolicy& system_reschedule_policy();

}  // namespace drover::server
