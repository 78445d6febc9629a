#pragma once

#include <array>
#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/loop/random.h"
#include "server/journal/index.h"

namespace drover::server {

/// The number of a row inside the state: 32 bits instead of an id. 0 is "none". Never leaves the state.
using RowNumber = std::uint32_t;

/// A job's name in full.
struct JobKey {
  std::string ns;
  std::string id;
  friend auto operator<=>(const JobKey&, const JobKey&) = default;
};

/// What can change, and be waited for.
enum class Topic : std::uint8_t { jobs, job_summaries, nodes, allocs, evals, deployments, services, scaling };
constexpr std::size_t topic_count = 8;

std::string_view to_text(Topic topic);

/// What kind of command has changed something. The event stream names the change after it.
enum class Cause : std::uint8_t {
  other,
  job_registered,      ///< also dispatched, launched, reverted or scaled
  job_deregistered,
  job_version_changed,  ///< tagged, or marked as stable
  evals_updated,
  allocs_marked,       ///< alloc stop, drain
  plan_applied,
  allocs_updated,      ///< by agents
  node_registered,
  node_status,
  node_eligibility,
  node_drain,
  node_deregistered,
  garbage_collected,
  deployment_status,
  deployment_promoted,
  deployment_health,
};

/// One thing that a command has changed. The payload is looked up in the state of that index.
struct Effect {
  Topic topic = Topic::jobs;
  Index index = 0;
  Uuid id;     ///< of the node, allocation, evaluation or deployment; nil for jobs and summaries
  JobKey job;  ///< of the job, summary, scaling event or service; empty for the others
  Cause cause = Cause::other;
  friend bool operator==(const Effect&, const Effect&) = default;
};
using Effects = std::vector<Effect>;

enum class DesiredStatus : std::uint8_t { run, stop, evict };
enum class ClientStatus : std::uint8_t { pending, running, complete, failed, lost, unknown };

std::string_view to_text(DesiredStatus status);
std::string_view to_text(ClientStatus status);

/// How many allocations of a group are in each state.
struct GroupCounts {
  std::int64_t queued = 0;
  std::int64_t complete = 0;
  std::int64_t failed = 0;
  std::int64_t running = 0;
  std::int64_t starting = 0;
  std::int64_t lost = 0;
  std::int64_t unknown = 0;
  friend bool operator==(const GroupCounts&, const GroupCounts&) = default;
};

}  // namespace drover::server
