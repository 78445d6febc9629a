#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include <drover/driver.h>

#include "plugins/docker/container_watch.h"
#include "plugins/docker/engine.h"
#include "plugins/docker/log_pump.h"

namespace drover::docker {

/// What must be known to find a container again from a new process.
struct Checkpoint {
  std::string container;
  std::string image;
  std::string image_reference;
  bool image_pulled = false;  ///< by us: ours to remove
  bool terminal = false;
  std::string stop_signal;  ///< the image's or the job's; empty = SIGTERM
  std::string address;      ///< what the driver told of its network
  bool advertise = false;

  std::string encode() const;
  static Result<Checkpoint> decode(const std::string& text);
  friend bool operator==(const Checkpoint&, const Checkpoint&) = default;
};

/// A container, followed to its end. What it prints goes to the task's FIFOs.
class DockerTask final : public sdk::Task, public sdk::TakesSignals, public sdk::HasUsage, public sdk::RunsCommands {
 public:
  /// Those that outlive the task, and what the driver does about its end.
  struct Surroundings {
    std::shared_ptr<Engine> engine;
    std::function<void(const std::string& message)> say;  ///< an event of the task
    std::function<Result<void>()> release;                ///< once, by destroy()
    std::function<void()> remove_later;                   ///< by destroy(), when the engine did not remove the container
    bool remove_container = true;
    bool collect_logs = true;
    double mhz_of_core = 0;
  };
  DockerTask(const sdk::TaskConfig& config, Checkpoint checkpoint, Surroundings surroundings);
  ~DockerTask() override;

  void follow();  ///< begins to watch the container and its log

  sdk::Exit wait() override;
  bool on_exit(std::function<void(const sdk::Exit&)> handler) override;
  Result<void> stop(int signal, sdk::Duration grace) override;
  std::string checkpoint() const override { return checkpoint_.encode(); }
  Result<void> destroy() override;
  std::map<std::string, std::string> attributes() const override;
  std::optional<sdk::NetworkOverride> network() const override;
  Result<void> signal(int number) override;
  Result<sdk::TaskUsage> usage() override;
  Result<std::unique_ptr<sdk::ExecSession>> exec(const sdk::ExecSpec& spec, sdk::ExecSession::Handlers handlers) override;

 private:
  struct Ending;

  Result<void> send(const std::string& signal, sdk::Duration patience);
  bool wait_ended(sdk::Duration limit);

  const Checkpoint checkpoint_;
  const Surroundings around_;
  const std::string position_path_;
  std::shared_ptr<ContainerWatch> watch_;
  std::shared_ptr<LogPump> pump_;
  const std::shared_ptr<Ending> ending_;
};

}  // namespace drover::docker
