#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "agent/drivers/drivers.h"
#include "base/loop/loop.h"
#include "base/loop/signal.h"
#include "base/loop/virtual_loop.h"

namespace drover::agent {

/// One start of a task on a simulated machine; a value of the clock.
struct SimTask {
  TaskConfig config;
  std::string driver;
  Duration started{};
  std::optional<Duration> ends;  ///< nothing: runs until it is stopped
  TaskExit exit;
  bool known = true;  ///< the driver process that runs now knows it
  bool stopped = false;

  bool runs(Duration now) const { return !ends || *ends > now; }
};

class SimDrivers;

/// A machine with its drivers and tasks: what goes on when an agent crashes. Tasks live by their `config`:
/// run_for ("10s"; none: until stopped), exit_code, exit_signal, exit_err_msg, start_error, start_error_recoverable,
/// kill_after (how long it takes to end when asked to).
class SimMachine {
 public:
  explicit SimMachine(VirtualTime& time) : time_(time) {}

  /// Kills a driver's process: it forgets its tasks (which go on), and is back after `back_after`.
  void kill_driver(const std::string& driver, Duration back_after);
  /// Takes a driver away for good, or brings it back.
  void set_driver_present(const std::string& driver, bool present);
  /// As a reboot: every task and everything that drivers know is gone.
  void reboot();

  bool driver_runs(const std::string& driver) const;
  Duration now() const { return time_.elapsed(); }
  /// Starts of this task of this allocation that run now.
  std::size_t running(const std::string& alloc_id, const std::string& task) const;
  std::size_t running() const;

  std::map<std::string, SimTask> tasks;  ///< by task id; destroyed ones are gone
  std::set<std::string> drivers = {"mock_driver", "raw_exec"};
  std::map<std::string, Duration> down_until;
  std::vector<std::string> starts;   ///< "<alloc id>/<task>" of every start there ever was, in order
  std::vector<std::string> ends;     ///< the same for stops that were asked for
  std::vector<std::string> signals;  ///< "<task>:<signal>"
  Duration call_time = std::chrono::microseconds(300);

 private:
  friend class SimDrivers;
  void tell_waiters();

  VirtualTime& time_;
  std::set<SimDrivers*> attached_;  ///< of the agent that lives now; each wakes its waiters
};

/// The Drivers of one agent on that machine.
class SimDrivers final : public Drivers {
 public:
  SimDrivers(Loop& loop, SimMachine& machine);
  ~SimDrivers() override;
  SimDrivers(const SimDrivers&) = delete;
  SimDrivers& operator=(const SimDrivers&) = delete;

  Async<void> start() override;
  Async<void> stop(bool leave_running) override;
  std::vector<DriverStatus> list() const override;
  void watch(std::function<void(const DriverStatus&)> changed,
             std::function<void(const DriverTaskEvent&)> told) override;
  Async<Result<StartedTask>> start_task(std::string driver, TaskConfig config) override;
  Async<Result<void>> recover_task(std::string driver, TaskHandle handle) override;
  Async<Result<TaskExit>> wait_task(std::string driver, std::string task_id) override;
  Async<Result<void>> stop_task(std::string driver, std::string task_id, Duration timeout, std::string signal) override;
  Async<Result<void>> destroy_task(std::string driver, std::string task_id, bool force) override;
  Async<Result<void>> signal_task(std::string driver, std::string task_id, std::string signal) override;
  Async<Result<TaskInspection>> inspect_task(std::string driver, std::string task_id) override;
  Async<Result<TaskUsage>> task_usage(std::string driver, std::string task_id) override;
  Async<Result<ExecOutput>> exec_task(std::string driver, std::string task_id, std::vector<std::string> command,
                                      Duration timeout) override;
  Async<Result<std::unique_ptr<ExecSession>>> exec_session(std::string driver, std::string task_id,
                                                           std::vector<std::string> command, bool tty) override;
  Async<Result<MadeNetwork>> create_network(std::string driver, std::string alloc_id, std::string hostname) override;
  Async<Result<void>> destroy_network(std::string driver, std::string alloc_id, NetworkIsolation network) override;

  /// Tells of changed statuses as if a fingerprint had come.
  void fingerprint_again();

 private:
  Async<Result<void>> call(std::string driver);
  Result<SimTask*> find(const std::string& task_id);
  friend class SimMachine;
  DriverStatus status_of(const std::string& driver) const;

  Loop& loop_;
  SimMachine& machine_;
  Signal changed_;
  std::function<void(const DriverStatus&)> on_change_;
};

}  // namespace drover::agent
