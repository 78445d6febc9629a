#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "model/fwd.h"
#include "server/state/types.h"

namespace drover::model {
class JobSubmission;
class JobVersionTag;
class ScalingEvent;
}  // namespace drover::model

namespace drover::server {

enum class JobStatus : std::uint8_t { pending, running, dead };
std::string_view to_text(JobStatus status);

/// How many scaling events a group remembers, the newest.
constexpr std::size_t scaling_events_max = 20;

/// One version of a job. Stays as long as it is listed under its job, or an allocation belongs to it.
struct JobVersionRow {
  RowNumber job = 0;                        ///< the job's name
  std::shared_ptr<const model::Job> spec;   ///< status, modify index and stable are those of the row, not of this
  std::uint64_t version = 0;
  Index create_index = 0;                   ///< of the job
  JobStatus status = JobStatus::pending;    ///< the last one it had as the current version
  Index modify_index = 0;
  bool stable = false;
  bool listed = true;                       ///< false once its job is purged or it is too old to be listed
  std::uint32_t allocs = 0;                 ///< how many belong to it
  std::shared_ptr<const model::JobVersionTag> tag;         ///< null: none
  std::shared_ptr<const model::JobSubmission> submission;  ///< the source it was made from; null: not known
};

/// What has scaled a job's groups, or wanted to. Shared by the rows of all snapshots that have the same.
struct ScalingRow {
  std::map<std::string, std::vector<std::shared_ptr<const model::ScalingEvent>>> groups;  ///< newest first
  Index modify_index = 0;
};

/// A registered job: which versions it has.
struct JobRow {
  RowNumber name = 0;
  std::vector<RowNumber> versions;  ///< newest first, never empty; the first is the current one
  Index create_index = 0;
  Index job_modify_index = 0;       ///< the last registration
  std::int64_t submit_time = 0;     ///< of the current version
  std::int64_t last_launch = 0;     ///< of a periodic job: up to when its launches are dealt with, ns since 1970
  std::shared_ptr<const ScalingRow> scaling;  ///< null: no events yet
};

/// The counts of a job's groups.
struct SummaryRow {
  std::map<std::string, GroupCounts> groups;
  Index create_index = 0;
  Index modify_index = 0;
};

/// The only functions between row and message.
model::Job to_message(const JobVersionRow& row);

}  // namespace drover::server
