#pragma once

#include <concepts>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include <drover/config.h>
#include <drover/exec.h>
#include <drover/result.h>
#include <drover/task_config.h>

/// What the author of a task driver writes: a task, and a driver that starts or recovers one.
///
/// The SDK does the rest: handshake, streams, task table, repeated calls, events, the statistics loop, signal names,
/// exec plumbing, configuration. Every call comes on a thread of a pool and may block as long as it likes; calls for
/// one task may come at the same time from several threads, so a task guards its own state.
namespace drover::sdk {

/// A running task of a driver. The SDK destroys it after destroy().
class Task {
 public:
  virtual ~Task() = default;

  /// Blocks until the task has ended, and says how. Called once, from a thread of its own.
  virtual Exit wait() = 0;

  /// Cheaper than a thread that waits: a task that learns of its end by itself keeps `handler`, calls it once, from any
  /// thread (also from within this call), and returns true; wait() is not called then.
  virtual bool on_exit(std::function<void(const Exit&)> handler) { return static_cast<void>(handler), false; }

  /// Asks the task to end with `signal` (0 = the driver's own choice), waits up to `grace`, then kills all of it.
  /// Returns when it has ended; success when it had ended before. Grace 0 kills at once.
  virtual Result<void> stop(int signal, Duration grace) = 0;

  /// All that recover() needs to find this very task again from a new process: ids, paths, start times. Asked once,
  /// right after the start. Opaque to everyone else.
  virtual std::string checkpoint() const = 0;

  /// Removes what the task leaves behind on the machine. Called after it has ended, and never twice.
  virtual Result<void> destroy() { return {}; }

  /// Facts for operators: pid, container id.
  virtual std::map<std::string, std::string> attributes() const { return {}; }

  /// Addresses that the driver gave the task itself. Asked once, right after the start.
  virtual std::optional<NetworkOverride> network() const { return std::nullopt; }
};

/// A task that takes signals implements this too.
class TakesSignals {
 public:
  virtual ~TakesSignals() = default;
  virtual Result<void> signal(int number) = 0;
};

/// A task that can tell what it uses.
class HasUsage {
 public:
  virtual ~HasUsage() = default;
  /// One sample. Percentages are those since the sample before.
  virtual Result<TaskUsage> usage() = 0;
};

/// A task that can run further commands in its own surroundings.
class RunsCommands {
 public:
  virtual ~RunsCommands() = default;
  /// Starts a command; the SDK moves its bytes and enforces the time limit. An error means that it could not be started.
  virtual Result<std::unique_ptr<ExecSession>> exec(const ExecSpec& spec, ExecSession::Handlers handlers) = 0;
};

/// A driver (not a task) that makes the network namespaces of allocations itself implements this too; the agent then makes
/// none. Calls of one allocation come one after another, also from another process of the driver than the one before.
class MakesNetworks {
 public:
  virtual ~MakesNetworks() = default;
  struct Made {
    std::optional<NetworkIsolation> network;  ///< nothing: there is nothing to isolate
    bool created = false;                     ///< false: it was there already
  };

  /// Before any task of the allocation starts, and again after a restart of the agent: then the network that is there.
  /// `hostname` is what the group asks for; may be empty.
  virtual Result<Made> create_network(const std::string& alloc_id, const std::string& hostname) = 0;
  /// After all its tasks have ended. That it is gone, or never was, is no error.
  virtual Result<void> destroy_network(const std::string& alloc_id, const NetworkIsolation& network) = 0;
};

/// Tells people what a driver is doing for a task ("Downloading image"). May be called from any thread, never blocks;
/// valid as long as the driver is.
class Events {
 public:
  virtual ~Events() = default;
  virtual void emit(const TaskConfig& task, std::string message, std::map<std::string, std::string> details = {}) = 0;
};

/// A start that failed and may be tried again: `return retryable(fail(Code::unavailable, "pull {}: …"))`. The restart
/// policy of the task decides how often. Any other error of start() ends the task.
inline Error retryable(Error error) {
  error.code = Code::unavailable;
  return error;
}

/// Who a driver is, and those of its properties that do not follow from its task's type.
struct DriverInfo {
  std::string name;     ///< as jobs write it: driver = "…"
  std::string version;  ///< "1.2.3"
  FsIsolation fs_isolation = FsIsolation::none;
  std::vector<NetworkMode> network_modes{NetworkMode::host};
  bool mounts = false;  ///< start() honours TaskConfig::mounts
  bool collects_logs = false;
  bool dynamic_users = false;
  Duration fingerprint_interval = std::chrono::seconds(30);
};

/// A driver as the SDK sees it. Authors derive from DriverOf instead.
class Driver {
 public:
  virtual ~Driver() = default;

  virtual DriverInfo info() const = 0;
  virtual Capabilities capabilities() const = 0;
  virtual const ConfigSchema& plugin_schema() const = 0;
  virtual const ConfigSchema& task_schema() const = 0;

  /// May be called several times; the last one counts.
  virtual Result<void> set_config(const ConfigValue& config, const NodeFacts& node) = 0;
  virtual Fingerprint fingerprint() = 0;
  virtual Result<std::unique_ptr<Task>> start_task(const TaskConfig& task, const ConfigValue& config,
                                                   Events& events) = 0;
  virtual Result<std::unique_ptr<Task>> recover_task(const TaskConfig& task, const ConfigValue& config,
                                                     const std::string& checkpoint) = 0;
};

/// The base of a driver: its task type T, the struct of a task's `config`, and that of the plugin's own `config`.
template <class T, class Config, class PluginConfig = NoConfig>
  requires std::derived_from<T, Task>
class DriverOf : public Driver {
 public:
  /// Takes the plugin's configuration. Called before any task, and again when it changes. A refusal says what to
  /// change.
  virtual Result<void> configure(const PluginConfig& config, const NodeFacts& node) {
    static_cast<void>(config), static_cast<void>(node);
    return {};
  }

  /// Can tasks run here now? Asked at once and then every fingerprint_interval.
  Fingerprint fingerprint() override { return {}; }

  /// Starts a task and returns when it really runs; a failure leaves nothing behind. What an earlier attempt of the
  /// same task id left (the driver may have died half-way) is no obstacle.
  virtual Result<std::unique_ptr<T>> start(const TaskConfig& task, const Config& config, Events& events) = 0;

  /// Finds a task again that another process of this driver started. Succeeds for an ended task whose exit is known;
  /// never starts anything, and never takes another process for it.
  virtual Result<std::unique_ptr<T>> recover(const TaskConfig& task, const Config& config,
                                             const std::string& checkpoint) = 0;

  Capabilities capabilities() const final {
    const DriverInfo what = info();
    return {.send_signals = std::is_base_of_v<TakesSignals, T>,
            .exec = std::is_base_of_v<RunsCommands, T>,
            .fs_isolation = what.fs_isolation,
            .network_modes = what.network_modes,
            .must_create_network = dynamic_cast<const MakesNetworks*>(this) != nullptr,
            .mounts = what.mounts,
            .collects_logs = what.collects_logs,
            .dynamic_users = what.dynamic_users};
  }
  const ConfigSchema& plugin_schema() const final { return schema_of<PluginConfig>(); }
  const ConfigSchema& task_schema() const final { return schema_of<Config>(); }

  Result<void> set_config(const ConfigValue& value, const NodeFacts& node) final {
    PluginConfig config;
    DROVER_TRY(decode(value, config));
    return configure(config, node);
  }

  Result<std::unique_ptr<Task>> start_task(const TaskConfig& task, const ConfigValue& value, Events& events) final {
    Config config;
    DROVER_TRY(decode(value, config));
    DROVER_LET(std::unique_ptr<Task> started, start(task, config, events));
    return started;
  }

  Result<std::unique_ptr<Task>> recover_task(const TaskConfig& task, const ConfigValue& value,
                                             const std::string& checkpoint) final {
    Config config;
    DROVER_TRY(decode(value, config));
    DROVER_LET(std::unique_ptr<Task> found, recover(task, config, checkpoint));
    return found;
  }
};

}  // namespace drover::sdk
