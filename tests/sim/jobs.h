#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/loop/random.h"
#include "model/fwd.h"

namespace drover::sim {

/// What a simulated job is for.
enum class JobKind : std::uint8_t {
  service,  ///< runs until it is stopped; a dynamic port each
  pinned,   ///< the same, with a static port: one an agent at most
  system,   ///< one on every agent
  batch,    ///< ends by itself with exit code 0
  flaky,    ///< fails again and again
  risky,    ///< a service whose versions come with canaries and go back by themselves; some of them do not work
};

/// One registration of a simulated job.
struct JobPlan {
  std::string id;
  JobKind kind = JobKind::service;
  std::uint64_t revision = 0;  ///< also in the job's meta
  std::int64_t count = 1;
  std::int64_t cpu = 100;
  std::int64_t memory_mb = 64;
  bool destructive = false;    ///< the revision changes the task, so that running ones are replaced
  std::int64_t max_parallel = 1;
  std::int64_t canaries = 0;   ///< they promote themselves
  bool broken = false;         ///< its tasks end badly at once
};

constexpr std::int64_t pinned_port = 8080;

/// The jobs of a run, by name; each keeps its kind.
const std::vector<std::pair<std::string, JobKind>>& simulated_jobs();
/// A next revision of a job, drawn at random.
JobPlan draw(const std::string& id, JobKind kind, std::uint64_t revision, Random& random);
std::shared_ptr<const model::Job> make_job(const JobPlan& plan);
/// The revision that a job says it is; 0: none.
std::uint64_t revision_of(const model::Job& job);

}  // namespace drover::sim
