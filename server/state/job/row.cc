#include "server/state/job/row.h"

#include "model/proto/job.pb.h"

namespace drover::server {

std::string_view to_text(JobStatus status) {
  constexpr std::string_view names[] = {"pending", "running", "dead"};
  return names[static_cast<std::size_t>(status)];
}

model::Job to_message(const JobVersionRow& row) {
  model::Job job = *row.spec;
  job.set_status(std::string(to_text(row.status)));
  job.set_modify_index(row.modify_index);
  job.set_stable(row.stable);
  if (row.tag) *job.mutable_version_tag() = *row.tag;
  return job;
}

}  // namespace drover::server
