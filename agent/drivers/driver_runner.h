#pragma once

#include <drover/result.h>

#include <functional>
#include <memory>
#include <optional>
#include <string>

#include "agent/drivers/driver_settings.h"
#include "agent/drivers/drivers.h"
#include "agent/drivers/plugin_folder.h"
#include "base/log/log.h"
#include "base/loop/async.h"
#include "base/loop/loop.h"
#include "base/loop/scope.h"
#include "base/loop/signal.h"
#include "sdk/host/driver_client.h"
#include "sdk/host/plugin_process.h"

namespace drover::agent {

inline constexpr Duration relaunch_delay_min = std::chrono::seconds(1);
inline constexpr Duration relaunch_delay_max = std::chrono::minutes(2);
inline constexpr Duration stable_after = std::chrono::seconds(10);  ///< a plugin that lived so long is relaunched at once

/// How long to wait before the next launch: not at all after a long life, then doubling.
Duration relaunch_delay(int failures_in_a_row);

/// One plugin file for the whole life of the agent: launched or found again, asked, watched, and launched again when it
/// dies. What it is and how it is doing is its status; every reason for not running is a sentence there. On one loop.
class DriverRunner {
 public:
  struct Callbacks {
    std::function<void(const DriverRunner&)> changed;          ///< the status is another one
    std::function<void(const DriverTaskEvent&)> told;
    /// Empty when this runner may be the driver of that name, else who is.
    std::function<std::string(const DriverRunner&, const std::string& driver)> other_owner;
  };

  DriverRunner(Loop& loop, Log log, const DriverSettings& settings, PluginFile file, Callbacks callbacks);
  DriverRunner(const DriverRunner&) = delete;
  DriverRunner& operator=(const DriverRunner&) = delete;
  ~DriverRunner();

  void start();
  /// Lets the plugin live on, or shuts it down.
  Async<void> stop(bool leave_running);
  /// The plugin folders are looked at again: what failed is tried at once, a replaced program takes over from the old one.
  void look_again();

  const DriverStatus& status() const { return status_; }
  const PluginFile& file() const { return file_; }
  /// It has been fingerprinted once, or failed to.
  bool has_answered() const { return answered_; }
  /// The calls of the driver; null while it is not running.
  std::shared_ptr<host::DriverClient> client() const { return client_; }
  const host::driver_wire::TaskConfigSchemaResponse& schema() const { return schema_; }
  /// A further call of one that died is answered by another process: changes with each launch.
  int generation() const { return generation_; }

 private:
  Async<void> run();
  Async<Result<void>> bring_up();
  Async<Result<void>> find_or_launch();
  Async<Result<void>> launch();
  Async<Result<void>> learn();
  Async<Result<void>> configure();
  Result<void> accept(const host::base_wire::PluginInfoResponse& info);
  Async<std::string> live();
  Async<void> watch_process();
  Async<void> watch_health();
  Async<void> watch_events();
  Async<void> take_down(bool kill);

  const PluginSettings& plugin_settings() const;
  std::string setup() const;
  host::LaunchPlugin what_to_launch() const;
  std::string reattach_path() const;
  Result<void> prepare_folder() const;
  void end_forgotten() const;
  void remove_old_sockets() const;
  void remember(const std::string& setup);
  void heard(const host::PluginLogLine& line) const;
  void update(std::function<void(DriverStatus&)> change);

  Loop& loop_;
  Log log_;
  const DriverSettings& settings_;
  const PluginFile file_;
  const Callbacks callbacks_;

  DriverStatus status_;
  bool answered_ = false;
  bool reattached_ = false;
  int generation_ = 0;
  std::string setup_;                 ///< what the running plugin was started with
  bool replaced_ = false;             ///< another program is to take over from the running one
  std::optional<std::string> ended_;  ///< how the process ended
  Signal again_;                      ///< one of the two above has changed, or the folders are looked at again
  std::unique_ptr<host::PluginProcess> process_;
  std::shared_ptr<host::DriverClient> client_;
  host::driver_wire::TaskConfigSchemaResponse schema_;
  std::unique_ptr<Scope> streams_;  ///< of the running plugin
  Scope scope_;
};

}  // namespace drover::agent
