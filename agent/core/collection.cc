#include "agent/core/collection.h"

#include <algorithm>
#include <tuple>

namespace drover::agent {

std::vector<std::string> choose_garbage(std::vector<CollectCandidate> candidates, std::size_t allocs_max, bool all) {
  const std::size_t present = candidates.size();
  std::erase_if(candidates, [](const CollectCandidate& candidate) { return !candidate.ended || !candidate.told; });
  std::sort(candidates.begin(), candidates.end(), [](const CollectCandidate& a, const CollectCandidate& b) {
    return std::tie(a.ended_at, a.id) < std::tie(b.ended_at, b.id);
  });
  const std::size_t excess = present > allocs_max ? present - allocs_max : 0;
  if (!all && candidates.size() > excess) candidates.resize(excess);
  std::vector<std::string> out;
  for (CollectCandidate& candidate : candidates) out.push_back(std::move(candidate.id));
  return out;
}

}  // namespace drover::agent
