#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "model/fwd.h"

/// In which order the tasks of an allocation start and end: decisions over values.
namespace drover::agent {

enum class TaskKind : std::uint8_t { prestart, prestart_sidecar, main, poststart, poststart_sidecar, poststop };
enum class TaskPhase : std::uint8_t { pending, running, dead };

/// What the decisions know of a task.
struct TaskView {
  std::string name;
  TaskKind kind = TaskKind::main;
  TaskPhase phase = TaskPhase::pending;
  bool failed = false;
  bool leader = false;

  friend bool operator==(const TaskView&, const TaskView&) = default;
};

TaskKind kind_of(const model::Task& task);
bool is_sidecar(TaskKind kind);

/// May a task of this kind start now? prestart: at once · main: every one-shot prestart has ended well and every
/// prestart sidecar runs · poststart: every main task has been started · poststop: all others are dead.
bool may_start(TaskKind kind, const std::vector<TaskView>& tasks);

/// Why the tasks that are left must end now.
struct KillCause {
  enum class Kind : std::uint8_t { leader_dead, sibling_failed, main_tasks_dead } kind;
  std::string task;  ///< the sibling that failed

  friend bool operator==(const KillCause&, const KillCause&) = default;
};

/// Nothing while the tasks may go on. A dead leader wins over a failed sibling. poststop tasks never cause it.
std::optional<KillCause> why_kill(const std::vector<TaskView>& tasks);

/// Who is killed, wave by wave; each wave has ended before the next begins: the leader, the other tasks, sidecars.
/// Dead tasks and poststop tasks are in none.
std::vector<std::vector<std::string>> kill_waves(const std::vector<TaskView>& tasks);

}  // namespace drover::agent
