#pragma once

#include <string>
#include <vector>

#include <drover/result.h>

#include "agent/alloc/environment.h"
#include "agent/drivers/drivers.h"
#include "agent/files/task_files.h"

namespace drover::agent {

/// What a driver is told of a task for one start of it. `invalid` when the job's `config` is no object or refers to
/// something unknown.
Result<TaskConfig> make_task_config(const EnvironmentInput& input, std::string task_id, LogPaths logs);

/// The secrets ("NOMAD_SECRET_x") that it still refers to, because nobody has them. Sorted.
std::vector<std::string> unknown_secrets(const TaskConfig& config);

/// A block of the task or its group that this agent cannot carry out yet, "artifact"; empty when it can all.
std::string unsupported_part(const model::TaskGroup& group, const model::Task& task);

/// "<alloc id>/<task>/<8 hex digits>".
std::string make_task_id(const std::string& alloc_id, const std::string& task, std::uint64_t random);

}  // namespace drover::agent
