#pragma once

#include <drover/result.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "conformance/driver.h"
#include "conformance/fixture.h"

namespace drover::conformance {

class Bench;

/// One start of a task with its folders and the FIFOs that its output goes to. The destructor destroys the task in the
/// bench's driver and removes the folders.
class Task {
 public:
  Task(Bench& bench, std::string name);
  Task(const Task&) = delete;
  Task& operator=(const Task&) = delete;
  ~Task();

  pb::TaskConfig config;  ///< changed by checks before the start
  pb::TaskHandle handle;  ///< after the start
  const std::string& id() const { return config.id(); }
  std::string folder() const { return config.alloc_dir() + "/" + config.name(); }

  /// Starts it in the driver given, or in the bench's; keeps the handle.
  Result<void> start(Driver& driver);
  Result<void> start();

  std::string output() const;
  std::string errors() const;
  /// Whether the output holds the text within the limit.
  bool prints(const std::string& text, Duration limit = std::chrono::seconds(10)) const;
  /// Whether every writer of both FIFOs has closed them.
  bool output_ends_within(Duration limit) const;
  /// We stop reading the output, and read on.
  void pause_reading();
  void read_on();
  void new_start_id();

 private:
  struct Pipes;
  Bench& bench_;
  std::unique_ptr<Pipes> pipes_;
};

/// What checks work with: a driver that runs, is configured, and is shared by those that leave it as they found it.
class Bench {
 public:
  struct Setup {
    std::string program;
    std::vector<std::string> args;
    std::map<std::string, std::string> env;  ///< added to the handshake's
    Fixture fixture;
    std::string folder;  ///< for tasks, sockets; ours alone and short
    std::string alloc_prefix = "a110c000-0000-4000-8000-0000";  ///< of allocation ids: ours alone too, where judges run beside each other
  };

  explicit Bench(Setup setup) : setup_(std::move(setup)) {}

  const Fixture& fixture() const { return setup_.fixture; }
  const Setup& setup() const { return setup_; }
  LaunchHow how() const;

  /// The shared driver; launched anew when it is not alive.
  Result<Driver*> driver();
  /// From now on that one is the shared driver.
  void use(std::unique_ptr<Driver> driver) { driver_ = std::move(driver); }
  /// One for this check alone, configured.
  Result<std::unique_ptr<Driver>> fresh();
  /// The same, not configured.
  Result<std::unique_ptr<Driver>> unconfigured();
  Result<void> configure(Driver& driver);
  /// Ends the shared driver.
  void drop_driver() { driver_ = nullptr; }
  bool has_driver() const { return driver_ != nullptr; }

  /// As an agent gives a configuration its form by the driver's schema.
  Result<std::string> encoded(const Value& config);
  std::string encoded_driver_config(Driver& driver);

  std::unique_ptr<Task> task(const Value& config);
  /// Started in the shared driver.
  Result<std::unique_ptr<Task>> started(const Value& config);
  std::string unique(const std::string& prefix);

 private:
  friend class Task;
  Setup setup_;
  std::unique_ptr<Driver> driver_;
  std::string schema_;  ///< of tasks, as bytes
  int number_ = 0;
};

}  // namespace drover::conformance
