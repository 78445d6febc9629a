#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agent/drivers/driver_settings.h"
#include "agent/drivers/drivers.h"
#include "base/log/log.h"
#include "base/loop/loop.h"
#include "base/loop/signal.h"

namespace drover::agent {

struct PluginFile;
class DriverRunner;
class UsageWatch;

inline constexpr Duration first_answers_max = std::chrono::seconds(5);  ///< start() waits no longer for slow drivers

/// The drivers of a machine as programs in plugin folders, one process each, spoken to over gRPC.
class PluginDrivers final : public Drivers {
 public:
  PluginDrivers(Loop& loop, Log log, DriverSettings settings);
  ~PluginDrivers() override;

  Async<void> start() override;
  Async<void> stop(bool leave_running) override;
  std::vector<DriverStatus> list() const override;
  void watch(std::function<void(const DriverStatus&)> changed, std::function<void(const DriverTaskEvent&)> told) override;

  Async<Result<StartedTask>> start_task(std::string driver, TaskConfig config) override;
  Async<Result<void>> recover_task(std::string driver, TaskHandle handle) override;
  Async<Result<TaskExit>> wait_task(std::string driver, std::string task_id) override;
  Async<Result<void>> stop_task(std::string driver, std::string task_id, Duration timeout, std::string signal) override;
  Async<Result<void>> destroy_task(std::string driver, std::string task_id, bool force) override;
  Async<Result<void>> signal_task(std::string driver, std::string task_id, std::string signal) override;
  Async<Result<TaskInspection>> inspect_task(std::string driver, std::string task_id) override;
  Async<Result<TaskUsage>> task_usage(std::string driver, std::string task_id) override;
  Async<Result<ExecOutput>> exec_task(std::string driver, std::string task_id, std::vector<std::string> command, Duration timeout) override;
  Async<Result<std::unique_ptr<ExecSession>>> exec_session(std::string driver, std::string task_id, std::vector<std::string> command, bool tty) override;
  Async<Result<MadeNetwork>> create_network(std::string driver, std::string alloc_id, std::string hostname) override;
  Async<Result<void>> destroy_network(std::string driver, std::string alloc_id, NetworkIsolation network) override;

  /// Looks into the plugin folders again: new files are launched, replaced ones launched anew (their tasks are found again),
  /// and what did not run is tried at once. A file that is gone stays known as long as its process lives.
  Async<void> rescan();

 private:
  Result<std::shared_ptr<DriverRunner>> running(const std::string& driver) const;
  std::string owner_of(const DriverRunner& asking, const std::string& driver) const;
  bool all_have_answered() const;
  void add(PluginFile file);

  Loop& loop_;
  Log log_;
  const DriverSettings settings_;
  std::function<void(const DriverStatus&)> changed_;
  std::function<void(const DriverTaskEvent&)> told_;
  Signal answered_;
  std::vector<std::shared_ptr<DriverRunner>> runners_;
  std::map<std::string, std::shared_ptr<UsageWatch>> usage_;  ///< by task
};

}  // namespace drover::agent
