#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/loop/time.h"
#include "model/fwd.h"
#include "server/state/service.h"
#include "server/state/types.h"

namespace drover::server {

// What may be asked of the server, and what it answers. Jobs and other messages travel as shared constants.

struct RegisterJob {
  std::shared_ptr<const model::Job> job;  ///< with its namespace; not yet canonicalized
  bool enforce_index = false;
  Index job_modify_index = 0;  ///< with enforce_index: what the caller has seen; 0 = the job must not exist
  bool preserve_counts = false;
  bool preserve_resources = false;
  std::int64_t eval_priority = 0;  ///< 0: the job's
};

struct JobRegistered {
  std::string eval_id;  ///< "" for periodic and parameterized jobs
  Index eval_create_index = 0;
  Index job_modify_index = 0;
  std::string warnings;
  Index index = 0;
};

struct EvaluateJob {
  JobKey job;
  bool force_reschedule = false;
};

struct DeregisterJob {
  JobKey job;
  bool purge = false;
  bool no_shutdown_delay = false;
  std::int64_t eval_priority = 0;
};

/// All zero when there is no such job.
struct JobDeregistered {
  std::string eval_id;
  Index eval_create_index = 0;
  Index job_modify_index = 0;
  Index index = 0;
};

struct StopAlloc {
  Uuid alloc;
  bool reschedule = false;
  bool no_shutdown_delay = false;
};

struct AllocStopped {
  std::string eval_id;
  Index index = 0;
};

struct RemoveService {
  ServiceKey service;
};

struct ServiceRemoved {
  Index index = 0;
};

struct SetEligibility {
  Uuid node;
  std::string eligibility;  ///< "eligible" or "ineligible"; anything else is refused
};

struct DrainNode {
  Uuid node;
  bool drain = false;            ///< false: end it
  Duration deadline{};           ///< 0: none; negative: at once
  bool ignore_system_jobs = false;
  bool mark_eligible = false;    ///< when ending it
  std::map<std::string, std::string> meta;
};

/// Evaluates every job that has to do with the node.
struct EvaluateNode {
  Uuid node;
};

struct PurgeNode {
  Uuid node;
};

struct NodeUpdated {
  Index node_modify_index = 0;
  std::vector<std::string> eval_ids;
  Index eval_create_index = 0;
  Duration heartbeat_ttl{};
  Index index = 0;
};

struct PlanJob {
  std::shared_ptr<const model::Job> job;  ///< with its namespace
  bool diff = false;
};

/// What a plan would do: the parts of JobPlanResponse that the scheduler knows. `old_job` is null for a new job.
struct JobPlanned {
  std::shared_ptr<const model::JobPlanResponse> response;  ///< without Diff
  std::shared_ptr<const model::Job> old_job;
  std::shared_ptr<const model::Job> new_job;  ///< canonicalized
};

}  // namespace drover::server
