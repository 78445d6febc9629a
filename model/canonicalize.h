#pragma once

#include <cstdint>
#include <string>

#include "model/fwd.h"

/// Filling in what the author of a job left out. Pure, any thread; never fails: what is wrong stays wrong for validate().
namespace drover::model {

/// What a server knows that a job may leave to it.
struct JobDefaults {
  std::string region = "global";
  std::string ns = "default";
  std::string node_pool = "default";
  std::int64_t priority = 50;
  bool consul = false;  ///< services of provider "consul" need Consul on the node only where there is one
};

/// All defaults of the job specification, by job type; job-level policies flow into the groups and tasks. What
/// `/v1/jobs/parse` answers with Canonicalize. Doing it twice changes nothing.
void canonicalize(Job& job, const JobDefaults& defaults = {});

/// What a registration adds to a canonical job: the form that is stored. Members that only carry input (job-level
/// reschedule and migrate, most of the job-level update) are gone, checks are named, ports have a host network, and
/// constraints that follow from what is used (signals, secrets, service discovery, bridge networking) stand in the
/// groups. Doing it twice changes nothing.
void complete_for_store(Job& job, const JobDefaults& defaults = {});

}  // namespace drover::model
