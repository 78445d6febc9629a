#pragma once

#include <vector>

#include "base/loop/async.h"
#include "base/loop/loop.h"

namespace drover {

/// Waits until the process gets one of these signals (SIGINT, SIGTERM, SIGHUP, …), and says which; 0 when cancelled.
/// From its first wait on, the process no longer dies of them. On the loop of `main`.
Async<int> wait_for_os_signal(std::vector<int> signals);

}  // namespace drover
