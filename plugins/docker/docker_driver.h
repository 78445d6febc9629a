#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>

#include <drover/driver.h>

#include "plugins/docker/auth.h"
#include "plugins/docker/chores.h"
#include "plugins/docker/create.h"
#include "plugins/docker/docker_task.h"
#include "plugins/docker/images.h"
#include "plugins/docker/options.h"

namespace drover::docker {

/// Runs tasks as containers of a Docker engine. Containers survive this program and, where the engine allows it, the
/// engine's own restarts.
class DockerDriver final : public sdk::DriverOf<DockerTask, Options, PluginOptions> {
 public:
  struct Settings {
    std::map<std::string, std::string> env;  ///< ours: DOCKER_HOST and the like
    unsigned cpus = 1;                       ///< of this machine
  };
  explicit DockerDriver(Settings settings);

  sdk::DriverInfo info() const override;
  Result<void> configure(const PluginOptions& options, const sdk::NodeFacts& node) override;
  sdk::Fingerprint fingerprint() override;
  Result<std::unique_ptr<DockerTask>> start(const sdk::TaskConfig& task, const Options& options, sdk::Events& events) override;
  Result<std::unique_ptr<DockerTask>> recover(const sdk::TaskConfig& task, const Options& options, const std::string& checkpoint) override;

 private:
  /// One engine with what belongs to it. Tasks keep theirs when the configuration names another.
  struct Site {
    explicit Site(const Endpoint& endpoint) : engine(std::make_shared<Engine>(endpoint)), images(*engine) {}
    const std::shared_ptr<Engine> engine;
    Images images;
  };
  struct Configured {
    PluginOptions options;
    sdk::NodeFacts node;
    std::shared_ptr<Site> site;
    double mhz_of_core = 0;
  };
  using Say = std::function<void(const std::string&)>;

  Result<Endpoint> endpoint_for(const PluginOptions& options) const;
  Configured configured() const;
  Result<Images::Got> fetch_image(const Configured& now, const Options& options, const ImageRef& ref, const Say& say);
  Result<std::string> create(const Configured& now, const CreateInput& input);
  /// Has what a failed start may have left removed, when the engine is there to do it.
  void remove_later(const std::shared_ptr<Site>& site, const std::string& container_or_name, const std::string& task, int tries_left);
  Result<void> clear_name(const Configured& now, const sdk::TaskConfig& task, const std::string& name);
  std::unique_ptr<DockerTask> make_task(const Configured& now, const sdk::TaskConfig& task, const Checkpoint& checkpoint, Say say);
  Result<void> released(const std::shared_ptr<Site>& site, const Checkpoint& checkpoint, const std::string& task);
  void know(const std::string& container, const sdk::TaskConfig& task);
  void reap_later();
  void reap();

  const Settings settings_;
  mutable std::mutex mutex_;  ///< guards what follows
  Configured configured_;
  std::map<std::string, std::string> containers_;  ///< id → task id, of all that this process looks after
  std::string node_id_;                            ///< ours, as tasks name it
  std::optional<sdk::Fingerprint> found_;          ///< of an engine that answered
  std::chrono::steady_clock::time_point found_at_;
  bool seen_ = false;                              ///< the engine has answered once
  bool reaping_ = false;
  Chores chores_;
};

}  // namespace drover::docker
