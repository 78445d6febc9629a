#pragma once

#include "model/fwd.h"

namespace drover::model {

/// Fills in Resources, SharedResources and TaskResources, which old clients (and the command line of Nomad) still read,
/// from what the allocation was given. Pure.
void add_old_resources(Allocation& alloc);

}  // namespace drover::model
