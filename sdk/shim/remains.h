#pragma once

#include <chrono>
#include <set>

#include "base/process/process_id.h"
#include "sdk/shim/prepare.h"

/// Finding and ending what belongs to a process tree, when its shim cannot do it any more.
namespace drover::sdk::shim {

/// All processes below `pid`, itself not among them.
std::set<int> descendants(int pid);

/// Kills the main process (if it is still this one), what descends from it or shares its session, and all of an owned
/// group. Returns when nothing is left alive; `timeout` otherwise.
Result<void> kill_remains(const ProcessId& main, const Placement& placement, std::chrono::milliseconds limit);

/// Removes an owned group, and its parents when they are empty.
Result<void> remove_group(const Placement& placement);

}  // namespace drover::sdk::shim
