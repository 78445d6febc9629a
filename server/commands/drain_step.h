#pragma once

#include <optional>
#include <vector>

#include "base/loop/time.h"
#include "server/state/snapshot.h"

namespace drover::server {

/// What draining nodes need next.
struct DrainStep {
  struct Mark {
    Uuid alloc;
    JobKey job;
    bool no_replacement = false;  ///< batch work that the deadline ends is not done elsewhere by the drain
  };
  std::vector<Mark> marks;         ///< in the order of their ids; empty: nothing is to move now
  std::vector<Uuid> completed;     ///< nodes that have nothing left to drain
  std::optional<Instant> next;     ///< the next deadline that will pass
};

/// Works out the next step of all drains (scheduler.md §18). Allocations of services move a few at a time, as the
/// migrate block of their group allows and as long as enough others are healthy; batch work is left alone until the
/// deadline; system jobs go last. A drain is complete when the tasks have ended on the node, not when they were asked
/// to. Pure.
DrainStep drain_step(const Snapshot& state, Instant now);

}  // namespace drover::server
