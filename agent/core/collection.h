#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "base/loop/time.h"

namespace drover::agent {

/// An allocation as the collector of garbage sees it.
struct CollectCandidate {
  std::string id;
  bool ended = false;
  bool told = false;  ///< the server has stored its last status
  Instant ended_at{};
};

/// Which ended allocations go so that at most `allocs_max` are left: exactly as many as needed, oldest first, none
/// whose end the server does not know. `all`: every one that may go.
std::vector<std::string> choose_garbage(std::vector<CollectCandidate> candidates, std::size_t allocs_max, bool all);

}  // namespace drover::agent
