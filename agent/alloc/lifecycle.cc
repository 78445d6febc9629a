#include "agent/alloc/lifecycle.h"

#include <algorithm>

#include "model/proto/task.pb.h"

namespace drover::agent {
namespace {

template <class Condition>
bool all_of(const std::vector<TaskView>& tasks, Condition condition) {
  return std::all_of(tasks.begin(), tasks.end(), condition);
}

bool allows_main(const TaskView& task) {
  if (task.kind == TaskKind::prestart) return task.phase == TaskPhase::dead && !task.failed;
  if (task.kind == TaskKind::prestart_sidecar) return task.phase == TaskPhase::running;
  return true;
}

}  // namespace

TaskKind kind_of(const model::Task& task) {
  if (!task.has_lifecycle()) return TaskKind::main;
  const bool sidecar = task.lifecycle().sidecar();
  const std::string& hook = task.lifecycle().hook();
  if (hook == "prestart") return sidecar ? TaskKind::prestart_sidecar : TaskKind::prestart;
  if (hook == "poststart") return sidecar ? TaskKind::poststart_sidecar : TaskKind::poststart;
  if (hook == "poststop") return TaskKind::poststop;
  return TaskKind::main;
}

bool is_sidecar(TaskKind kind) { return kind == TaskKind::prestart_sidecar || kind == TaskKind::poststart_sidecar; }

bool may_start(TaskKind kind, const std::vector<TaskView>& tasks) {
  switch (kind) {
    case TaskKind::prestart:
    case TaskKind::prestart_sidecar:
      return true;
    case TaskKind::main:
      return all_of(tasks, allows_main);
    case TaskKind::poststart:
    case TaskKind::poststart_sidecar:
      return all_of(
          tasks, [](const TaskView& task) { return task.kind != TaskKind::main || task.phase != TaskPhase::pending; });
    case TaskKind::poststop:
      return all_of(
          tasks, [](const TaskView& task) { return task.kind == TaskKind::poststop || task.phase == TaskPhase::dead; });
  }
  return false;
}

std::optional<KillCause> why_kill(const std::vector<TaskView>& tasks) {
  const auto ended = [](const TaskView& task) {
    return task.kind != TaskKind::poststop && task.phase == TaskPhase::dead;
  };
  for (const TaskView& task : tasks) {
    if (ended(task) && task.leader) return KillCause{KillCause::Kind::leader_dead, task.name};
  }
  for (const TaskView& task : tasks) {
    if (ended(task) && task.failed) return KillCause{KillCause::Kind::sibling_failed, task.name};
  }
  const bool mains_dead =
      all_of(tasks, [](const TaskView& task) { return task.kind != TaskKind::main || task.phase == TaskPhase::dead; });
  const bool only_sidecars_left = all_of(tasks, [](const TaskView& task) {
    return task.kind == TaskKind::poststop || is_sidecar(task.kind) || task.phase == TaskPhase::dead;
  });
  const bool sidecar_left = std::any_of(tasks.begin(), tasks.end(), [](const TaskView& task) {
    return is_sidecar(task.kind) && task.phase != TaskPhase::dead;
  });
  if (mains_dead && only_sidecars_left && sidecar_left) return KillCause{KillCause::Kind::main_tasks_dead, ""};
  return std::nullopt;
}

std::vector<std::vector<std::string>> kill_waves(const std::vector<TaskView>& tasks) {
  std::vector<std::string> leader, others, sidecars;
  for (const TaskView& task : tasks) {
    if (task.phase == TaskPhase::dead || task.kind == TaskKind::poststop) continue;
    if (task.leader)
      leader.push_back(task.name);
    else if (is_sidecar(task.kind))
      sidecars.push_back(task.name);
    else
      others.push_back(task.name);
  }
  std::vector<std::vector<std::string>> waves;
  for (std::vector<std::string>* wave : {&leader, &others, &sidecars}) {
    if (!wave->empty()) waves.push_back(std::move(*wave));
  }
  return waves;
}

}  // namespace drover::agent
