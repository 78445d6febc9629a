#include "server/state/types.h"

#include "server/state/snapshot.h"

namespace drover::server {

std::string_view to_text(Topic topic) {
  constexpr std::string_view names[topic_count] = {"jobs", "job_summaries", "nodes", "allocs", "evals", "deployments", "services", "scaling"};
  return names[static_cast<std::size_t>(topic)];
}

std::string_view to_text(DesiredStatus status) {
  constexpr std::string_view names[] = {"run", "stop", "evict"};
  return names[static_cast<std::size_t>(status)];
}

std::string_view to_text(ClientStatus status) {
  constexpr std::string_view names[] = {"pending", "running", "complete", "failed", "lost", "unknown"};
  return names[static_cast<std::size_t>(status)];
}

}  // namespace drover::server
