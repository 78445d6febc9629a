#pragma once

#include <string>

#include "agent/drivers/drivers.h"
#include "agent/files/task_files.h"
#include "agent/settings.h"
#include "model/fwd.h"

namespace drover::agent {

/// What the environment of a task is made from.
struct EnvironmentInput {
  const model::Allocation& alloc;  ///< with its job
  const model::TaskGroup& group;
  const model::Task& task;
  const model::Node& node;
  const Settings& settings;
  AllocDirs alloc_dirs;
  TaskDirs task_dirs;
  FsIsolation isolation = FsIsolation::none;
};

/// NOMAD_* variables, the agent's allow-listed environment (not for images), and the task's own `env` last.
Texts task_environment(const EnvironmentInput& input);

/// What the services of the group itself are written with: NOMAD_* variables that belong to no task, and meta.
Texts group_environment(const model::Allocation& alloc, const model::TaskGroup& group, const model::Node& node,
                        const Settings& settings);

/// A variable's name as tasks get it: in the NOMAD_ families that carry a user's label, other characters than letters,
/// digits, "_" and "." become "_".
std::string clean_variable(std::string name);

/// Meta of a task: its own over its group's over its job's.
Texts merged_meta(const model::Job& job, const model::TaskGroup& group, const model::Task& task);

}  // namespace drover::agent
