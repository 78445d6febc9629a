#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>

#include <drover/result.h>

#include "agent/alloc/lifecycle.h"
#include "agent/alloc/world.h"
#include "base/loop/scope.h"
#include "base/loop/signal.h"
#include "model/fwd.h"
#include "model/policy.h"

namespace drover::agent {

/// What a task's runner asks of its allocation, and tells it. Outlives the runner.
class TaskOwner {
 public:
  virtual ~TaskOwner() = default;
  /// The newest version of the allocation, with its job.
  virtual std::shared_ptr<const model::Allocation> alloc() const = 0;
  /// Does the order of the group's tasks let this one start now?
  virtual bool gate_open(const std::string& task) const = 0;
  /// The state of the task has changed.
  virtual void task_changed(const std::string& task) = 0;
  /// Stop without waiting for the task's shutdown_delay.
  virtual bool skip_shutdown_delay() const = 0;
};

/// Runs one task of an allocation from its first start to its last end: gate, folders, driver, restarts, kills.
///
/// Persistent state is written before what it says is told: the handle before "Started", the exit before "Terminated".
/// stop() lets go of a running task without touching it; a later runner with the same StoredTask adopts it.
class TaskRunner {
 public:
  TaskRunner(World& world, TaskOwner& owner, std::string name);
  ~TaskRunner();
  TaskRunner(const TaskRunner&) = delete;
  TaskRunner& operator=(const TaskRunner&) = delete;

  /// What an earlier agent knew; before start().
  void restore(StoredTask stored);
  void start();
  /// Detaches: ends the coroutines, not the task.
  Async<void> stop();

  /// Completes when a restored task is looked after again, or known to be gone or out of reach for now.
  Async<bool> adopted();

  /// Ends the task for good. Harmless when it is dead.
  void kill();
  /// Ends it, and starts it again; `conflict` "Task not running" unless it runs. What completes outlives the agent.
  Async<Result<void>> restart(std::string reason);
  /// As restart(), but as if it had failed: the restart policy decides.
  void restart_failed(std::string reason);
  /// Starts a dead task again; nothing for others.
  void revive(std::string reason);
  Async<Result<void>> signal(std::string signal, std::string reason);

  /// The gate may have opened, or delays are to be skipped: look again.
  void look_again();
  void add_event(model::TaskEvent event);
  /// Marks a task that never runs as dead, with the event that says why.
  void fail_unstarted(model::TaskEvent event);

  TaskView view() const;
  const model::TaskState& state() const { return *state_; }
  bool is_dead() const { return view().phase == TaskPhase::dead; }
  /// The id under which the driver knows the running task; "" when it does not run.
  std::string task_id() const;
  const std::string& driver() const { return driver_; }
  /// The environment it was started with; null when it does not run.
  const Texts* environment() const;
  /// The address that the driver gave it, if any.
  const std::optional<NetworkOverride>& network() const { return network_; }
  /// The job wants no log collection for it.
  bool logs_disabled() const;
  /// The driver knows, or may know, a start of this task.
  bool has_handle() const { return handle_.has_value(); }
  StoredTask stored() const;

 private:
  enum class Wait : std::uint8_t { go, killed, cancelled };

  Async<void> run();
  Async<Wait> adopt();
  Async<void> reopen_logs();
  Async<Result<void>> reach_driver();
  Async<Wait> give_up_restoring(Error error);
  Async<Wait> pass_gate();
  Async<Wait> wait_for_driver();
  Async<Result<void>> launch();
  Async<Result<TaskConfig>> prepare(std::string task_id);
  Async<Result<void>> start_in_driver(TaskConfig config);
  Async<std::optional<TaskExit>> until_exit();
  Async<Wait> end_running();
  Async<Wait> wait_shutdown_delay();
  Async<Wait> stop_in_driver();
  Async<void> watch_exit(TaskHandle handle);
  Async<Result<void>> recover_when_possible(TaskHandle handle);
  Async<Wait> settle(TaskExit exit);
  Async<Wait> destroy_in_driver();
  void tell_of_secrets(const TaskConfig& config);
  Async<Wait> after_failed_start(Error error);
  Async<Wait> pause(Duration delay);
  /// What follows from the end of a run, written into the state; the delay when it is started again.
  std::optional<Duration> conclude(model::Ended ended, bool asked);
  std::optional<Duration> plan_restart(Duration delay, const std::string& reason);
  void plan_finish();

  void finish();
  void set_phase(TaskPhase phase);
  void changed();
  Async<Result<void>> save();
  Async<void> save_later();

  const model::TaskGroup* group() const;
  const model::Task* task() const;
  const DriverStatus* find_driver(const std::vector<DriverStatus>& all) const;

  World& world_;
  TaskOwner& owner_;
  const std::string name_;
  std::string driver_;
  std::unique_ptr<model::TaskState> state_;
  std::optional<TaskHandle> handle_;
  std::optional<NetworkOverride> network_;  ///< of the start that runs
  model::RestartHistory history_;
  std::optional<TaskExit> exit_;
  bool adopted_ = false;
  bool kill_wanted_ = false;
  bool restart_wanted_ = false;
  bool restart_counts_ = false;  ///< the wanted restart is one of a failed task
  bool save_planned_ = false;
  bool stopped_ = false;
  Signal wake_;
  Scope scope_;
};

}  // namespace drover::agent
