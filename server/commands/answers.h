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

namespace drover::model {
class JobSubmission;
class SchedulerConfiguration;
}

namespace drover::server {

// What may be asked of the server, and what it answers. Jobs and other messages travel as shared constants.

struct RegisterJob {
  std::shared_ptr<const model::Job> job;  ///< with its namespace; not yet canonicalized
  bool enforce_index = false;
  Index job_modify_index = 0;  ///< with enforce_index: what the caller has seen; 0 = the job must not exist
  bool preserve_counts = false;
  bool preserve_resources = false;
  std::int64_t eval_priority = 0;  ///< 0: the job's
  std::shared_ptr<const model::JobSubmission> submission;  ///< the source the job was made from; null: not known
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

/// The same errors as registering; "can't revert to current version", "job "x" in namespace "y" at version n not found",
/// "Current job has version n; enforcing version m". The new version has the source of the one it is made from.
struct RevertJob {
  JobKey job;
  std::uint64_t version = 0;
  std::optional<std::uint64_t> enforce_prior_version;
};

/// Gives a version a name, or takes it away (`remove`, by name). Tagged versions are kept.
struct TagVersion {
  JobKey job;
  std::string name;
  std::string description;
  std::optional<std::uint64_t> version;  ///< nothing: the current one
  bool remove = false;
};
struct VersionTagged {
  std::string name;
  std::string description;
  std::int64_t tagged_time = 0;  ///< ns since 1970
  Index index = 0;
};

struct SetStability {
  JobKey job;
  std::uint64_t version = 0;
  bool stable = false;
};
struct StabilitySet {
  Index index = 0;
};

/// Changes the count of a group, or only notes an event (no `count`). `not_found`: no such job; `invalid`: the request is
/// wrong (HTTP 400); `conflict`: anything else (HTTP 500).
struct ScaleJob {
  JobKey job;
  std::string group;
  std::optional<std::int64_t> count;
  std::string message;
  bool error = false;
  std::string meta;  ///< JSON, or ""
  Index job_modify_index = 0;  ///< if not 0: what the caller has seen
};

/// Runs a parameterized job once, as a child of its own. All errors are `invalid`.
struct DispatchJob {
  JobKey job;
  std::string payload;
  std::map<std::string, std::string> meta;
  std::string id_prefix;
  std::int64_t priority = 0;      ///< 0: the parent's
  std::string idempotency_token;  ///< "": none. With the token of a child that there is: that child, and no evaluation
};
struct JobDispatched {
  std::string job_id;
  std::string eval_id;
  Index eval_create_index = 0;
  Index job_create_index = 0;
  Index index = 0;
};

/// Launches a periodic job now, whatever its schedule says. All errors are `invalid`.
struct ForcePeriodic {
  JobKey job;
};
struct PeriodicForced {
  std::string job_id;
  std::string eval_id;
  Index eval_create_index = 0;
  Index index = 0;
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

// Deployments. Errors are `invalid`, with the texts that clients know; "deployment not found" too.

struct FailDeployment {
  Uuid deployment;
};
struct PauseDeployment {
  Uuid deployment;
  bool pause = false;  ///< false: it goes on
};
struct PromoteDeployment {
  Uuid deployment;
  bool all = false;
  std::vector<std::string> groups;  ///< without `all`; those that have no canaries are passed over
};
/// Only deployments of several regions can be blocked: nothing changes, and the answer is all zero.
struct UnblockDeployment {
  Uuid deployment;
};
/// What somebody knows of allocations whose health is checked by hand.
struct SetDeploymentHealth {
  Uuid deployment;
  std::vector<std::string> healthy;  ///< ids of allocations
  std::vector<std::string> unhealthy;
};
struct DeploymentUpdated {
  std::string eval_id;
  Index eval_create_index = 0;
  Index deployment_modify_index = 0;
  std::optional<std::uint64_t> reverted_job_version;
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
  std::string accessor_id = "token:acls-disabled";  ///< who asks
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

/// How the scheduler works from now on, whole. With `only_if` nothing happens unless that is the present one's modify
/// index. "invalid scheduler algorithm: x".
struct SetSchedulerConfiguration {
  std::shared_ptr<const model::SchedulerConfiguration> configuration;
  std::optional<Index> only_if;
};

struct SchedulerConfigurationSet {
  bool updated = false;
  Index index = 0;
};

}  // namespace drover::server
