#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include <drover/driver.h>

/// A driver in a unit test: in the test's own process, without agent, gRPC or plugin folder.
///
///   const auto driver = testing::make_driver();                     // or an object of your class
///   testing::Host host(*driver);
///   const auto task = host.start({{"script", "echo hello; exit 3"}});
///   REQUIRE(task);
///   CHECK((*task)->wait().code == 3);
///   CHECK((*task)->output() == "hello\n");
///
/// What the wire adds, drover-conformance proves. Standard library only; a Host is used from one thread.
namespace drover::sdk::testing {

class Option;
using Options = std::vector<std::pair<std::string, Option>>;

/// A value of a configuration, as a job writes it.
class Option {
 public:
  Option(const char* value) : data(std::string(value)) {}                // NOLINT: conversions are the point
  Option(std::string value) : data(std::move(value)) {}                  // NOLINT
  Option(bool value) : data(value) {}                                    // NOLINT
  Option(int value) : data(static_cast<std::int64_t>(value)) {}          // NOLINT
  Option(std::int64_t value) : data(value) {}                            // NOLINT
  Option(double value) : data(value) {}                                  // NOLINT
  static Option list(std::vector<Option> items) { return Option(Data(std::move(items))); }
  /// A block or a map; blocks that may come several times are a list of them.
  static Option map(Options members) { return Option(Data(std::move(members))); }

  using Data = std::variant<bool, std::int64_t, double, std::string, std::vector<Option>, Options>;
  Data data;

 private:
  explicit Option(Data value) : data(std::move(value)) {}
};

/// What a command in a task gave.
struct ExecResult {
  int code = 0;
  int signal = 0;
  std::string output, errors;
};

/// A task that was started. Owned by its host.
class Running {
 public:
  virtual ~Running() = default;

  virtual const TaskConfig& config() const = 0;
  /// The author's object; another one after a restart of the driver.
  virtual Task& task() = 0;

  /// Until the task has ended.
  virtual Exit wait() = 0;
  /// Nothing when it runs longer.
  virtual std::optional<Exit> wait_for(Duration limit) = 0;
  /// As the agent stops: returns when it has ended.
  virtual Result<void> stop(int signal = 15, Duration grace = std::chrono::seconds(5)) = 0;
  /// Ends it if need be, and has the driver remove its traces. Nothing else may be asked afterwards but output().
  virtual Result<void> destroy() = 0;

  // `unsupported` where the task does not derive from TakesSignals, HasUsage, RunsCommands.
  virtual Result<void> signal(int number) = 0;
  virtual Result<TaskUsage> usage() = 0;
  /// Until the command has ended.
  virtual Result<ExecResult> exec(std::vector<std::string> argv) = 0;

  /// What it has printed so far.
  virtual std::string output() const = 0;
  virtual std::string errors() const = 0;
  /// The messages that the driver emitted for it, in order.
  virtual std::vector<std::string> events() const = 0;
};

/// Plays the agent for one driver. What it started is ended and removed with it.
class Host {
 public:
  /// The driver outlives the host.
  explicit Host(Driver& driver);
  Host(const Host&) = delete;
  Host& operator=(const Host&) = delete;
  ~Host();

  /// The plugin's own configuration; without it the driver has none.
  Result<void> configure(const Options& options, const NodeFacts& node = {});

  /// A task with folders, environment and files for its output, to be changed before start().
  TaskConfig task_config(const std::string& name = "task");
  /// Checks the options as an agent does, unknown ones too, and starts the task.
  Result<Running*> start(const Options& options);
  Result<Running*> start(const TaskConfig& config, const Options& options);

  /// As when the driver's process was killed and another one started: `next` finds all tasks again by their checkpoints, and serves
  /// them from now on. Give it its configuration first where it needs one: with next.set_config, or a host of its own.
  Result<void> restart(Driver& next);

  /// A folder for the test's own files, gone with the host.
  const std::string& folder() const;

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// The driver of the source that says DROVER_DRIVER(…), compiled with DROVER_TEST defined (drover_driver_test() of
/// find_package(DroverSDK) does that).
std::unique_ptr<Driver> make_driver();

}  // namespace drover::sdk::testing
