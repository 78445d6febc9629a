#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/fwd.h"
#include "server/commands/command.h"

namespace drover::server {

/// A pending evaluation of a job. `priority` 0 is the job's own.
model::Evaluation job_eval(const Deciding& deciding, const model::Job& job, std::string_view triggered_by, std::int64_t priority);

/// One evaluation for each job with an allocation on the node that still matters, and for each system job that could
/// run there (scheduler.md §2, "Node transitions").
std::vector<model::Evaluation> node_evals(const Deciding& deciding, const Uuid& node, std::string_view triggered_by);

}  // namespace drover::server
