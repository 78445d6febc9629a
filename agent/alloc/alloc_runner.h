#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include <drover/result.h>

#include "agent/alloc/client_status.h"
#include "agent/alloc/task_runner.h"

namespace drover::agent {

/// Runs one allocation: its folder, its tasks in the order of their life cycle, and their end.
///
/// stop() detaches, leaving tasks running; remove() ends and deletes everything.
class AllocRunner final : public TaskOwner {
 public:
  /// `changed` is called (on the loop, from within any of this object's doings) when status() is to be told.
  AllocRunner(World& world, std::shared_ptr<const model::Allocation> alloc,
              std::function<void(const AllocRunner&)> changed);
  ~AllocRunner() override;

  void restore(std::map<std::string, StoredTask> tasks);
  void start();
  Async<void> stop();
  /// Every restored task is looked after again, or known to be gone.
  Async<bool> adopted();

  /// A newer version: in-place changes apply at once; a stop ends the tasks.
  void update(std::shared_ptr<const model::Allocation> newer);
  /// Begins what remove() does, without waiting.
  void begin_removing();
  /// Kills all (poststop tasks too), waits for their end, deletes the folder and what is stored.
  Async<Result<void>> remove();

  /// One running task, or all that run ("" ), or all including dead ones.
  Result<void> restart(std::string task, bool all_tasks);
  /// One task, or all that run ("").
  Async<Result<void>> signal(std::string task, std::string signal);
  void add_driver_event(const DriverTaskEvent& event);

  const std::string& id() const { return id_; }
  std::shared_ptr<const model::Allocation> alloc() const override { return alloc_; }
  ClientStatus client_status() const;
  /// All tasks are dead.
  bool ended() const;
  Instant ended_at() const { return ended_at_; }
  std::shared_ptr<const model::AllocStatus> status() const;
  const TaskRunner* task(const std::string& name) const;
  /// All tasks, sorted by name.
  std::vector<const TaskRunner*> tasks() const;

 private:
  bool gate_open(const std::string& task) const override;
  void task_changed(const std::string& task) override;
  bool skip_shutdown_delay() const override;

  Async<void> run();
  Async<bool> set_up();
  Async<void> save_alloc();
  Async<void> kill_in_waves();
  Async<bool> wait_dead(std::vector<std::string> names);
  void react();
  void begin_killing();
  void kill_for(const KillCause& cause);
  void make_runners();
  bool wanted() const;
  std::vector<TaskView> views() const;
  const model::TaskGroup* group() const;

  World& world_;
  const std::string id_;
  std::shared_ptr<const model::Allocation> alloc_;
  std::function<void(const AllocRunner&)> changed_;
  std::map<std::string, std::unique_ptr<TaskRunner>> tasks_;
  std::string failure_;  ///< why nothing of it could be started
  bool restored_ = false;
  bool killing_ = false;
  bool removing_ = false;
  bool stopped_ = false;
  Instant ended_at_{};
  Signal tasks_changed_;
  Scope scope_;
};

}  // namespace drover::agent
