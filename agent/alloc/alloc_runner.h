#pragma once

#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include <drover/result.h>

#include "agent/alloc/client_status.h"
#include "agent/alloc/health.h"
#include "agent/alloc/task_runner.h"
#include "agent/services/alloc_services.h"

namespace drover::agent {

/// Runs one allocation: its folder, its tasks in the order of their life cycle, its services, and their end.
///
/// stop() detaches, leaving tasks running; remove() ends and deletes everything.
class AllocRunner final : public TaskOwner, private AllocServices::Owner {
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
  Async<Result<void>> restart(std::string task, bool all_tasks);
  /// One task, or all that run ("").
  Async<Result<void>> signal(std::string task, std::string signal);
  void add_driver_event(const DriverTaskEvent& event);

  const std::string& id() const { return id_; }
  std::shared_ptr<const model::Allocation> alloc() const override { return alloc_; }
  ClientStatus client_status() const;
  /// All tasks are dead.
  bool ended() const;
  Instant ended_at() const { return ended_at_; }
  /// Without what it says of services.
  std::shared_ptr<const model::AllocStatus> status() const;
  const AllocServices& services() const { return services_; }
  /// False until it is known what it offers: before that, nothing is to be said of it.
  bool services_known() const { return services_known_; }
  /// Another one whenever something about its services or health has changed.
  std::uint64_t services_version() const { return services_version_; }
  const TaskRunner* task(const std::string& name) const;
  /// All tasks, sorted by name.
  std::vector<const TaskRunner*> tasks() const;

 private:
  bool gate_open(const std::string& task) const override;
  void task_changed(const std::string& task) override;
  bool skip_shutdown_delay() const override;

  // alloc_offers.cc
  void services_changed() override;
  void restart_unhealthy(const std::string& task, const std::string& reason) override;
  std::optional<RunningTask> running_task(const std::string& task) const override;
  void update_services();
  OfferInput offer_input(const std::string& task) const;
  void tell_problems(const std::string& task, const std::vector<std::string>& problems);
  bool group_runs() const;
  bool is_resumed(const std::string& task) const;
  Async<void> left_services();
  void begin_judging();
  Async<void> judge_health();
  void decide_health(const HealthVerdict& verdict);
  std::vector<TaskHealth> task_healths() const;

  Async<void> run();
  Async<bool> set_up();
  void take(std::shared_ptr<const model::Allocation> newer);
  Async<void> save_alloc();
  Async<void> kill_in_waves(bool was_ready);
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
  Instant began_{};
  Instant ended_at_{};
  AllocServices services_;
  std::set<std::string> told_problems_;
  std::uint64_t services_version_ = 0;
  bool services_known_ = false;
  std::optional<HealthWatch> watch_;
  Signal tasks_changed_;
  Scope scope_;
};

}  // namespace drover::agent
