#include "agent/alloc/client_status.h"

#include <algorithm>

namespace drover::agent {
namespace {

/// Has the allocation done anything beyond preparing?
bool is_under_way(const TaskView& task) {
  return task.phase == TaskPhase::running || task.failed ||
         (task.kind == TaskKind::main && task.phase == TaskPhase::dead);
}

}  // namespace

ClientStatus client_status(const std::vector<TaskView>& tasks) {
  const auto any = [&tasks](auto condition) { return std::any_of(tasks.begin(), tasks.end(), condition); };
  if (any([](const TaskView& task) { return task.phase != TaskPhase::dead; })) {
    return any(is_under_way) ? ClientStatus{"running", "Tasks are running"}
                             : ClientStatus{"pending", "No tasks have started"};
  }
  return any([](const TaskView& task) { return task.failed; }) ? ClientStatus{"failed", "Failed tasks"}
                                                               : ClientStatus{"complete", "All tasks have completed"};
}

}  // namespace drover::agent
