#pragma once

#include <memory>
#include <mutex>
#include <set>
#include <string>

#include <drover/driver.h>
#include <drover/process.h>

#include "plugins/raw_exec/options.h"
#include "plugins/raw_exec/spec.h"
#include "plugins/raw_exec/users.h"

namespace drover::raw_exec {

/// State folders of the tasks that this process of the driver knows.
class KnownStates {
 public:
  void add(const std::string& state_dir);
  void remove(const std::string& state_dir);
  std::vector<std::string> all() const;

 private:
  mutable std::mutex mutex_;
  std::set<std::string> states_;
};

class RawExecTask final : public sdk::Task, public sdk::TakesSignals, public sdk::HasUsage, public sdk::RunsCommands {
 public:
  RawExecTask(std::unique_ptr<sdk::Process> process, std::shared_ptr<KnownStates> known, std::string state_dir, double mhz_of_core);
  ~RawExecTask() override;

  sdk::Exit wait() override { return process_->wait(); }
  bool on_exit(std::function<void(const sdk::Exit&)> handler) override;
  Result<void> stop(int signal, sdk::Duration grace) override;
  std::string checkpoint() const override { return process_->saved_state(); }
  Result<void> destroy() override;
  std::map<std::string, std::string> attributes() const override;
  Result<void> signal(int number) override { return process_->signal(number); }
  Result<sdk::TaskUsage> usage() override { return process_->usage(mhz_of_core_); }
  Result<std::unique_ptr<sdk::ExecSession>> exec(const sdk::ExecSpec& spec, sdk::ExecSession::Handlers handlers) override;

 private:
  const std::unique_ptr<sdk::Process> process_;
  const std::shared_ptr<KnownStates> known_;
  const std::string state_dir_;
  const double mhz_of_core_;
};

/// Runs commands of the host without isolation. Tasks survive this program: see drover/process.h.
class RawExecDriver : public sdk::DriverOf<RawExecTask, Options, PluginOptions> {
 public:
  struct Settings {
    std::string path;  ///< our PATH
    sdk::Supervisor::Settings supervisor;
  };
  explicit RawExecDriver(Settings settings);

  sdk::DriverInfo info() const override;
  Result<void> configure(const PluginOptions& options, const sdk::NodeFacts& node) override;
  sdk::Fingerprint fingerprint() override;
  Result<std::unique_ptr<RawExecTask>> start(const sdk::TaskConfig& task, const Options& options, sdk::Events& events) override;
  Result<std::unique_ptr<RawExecTask>> recover(const sdk::TaskConfig& task, const Options& options, const std::string& checkpoint) override;

 private:
  struct Configured {
    PluginOptions options;
    DeniedIds denied;
    double mhz_of_core = 0;
  };
  Configured configured() const;
  std::unique_ptr<RawExecTask> know(std::unique_ptr<sdk::Process> process, const std::string& state_dir, const Configured& configured);

  const Settings settings_;
  sdk::Supervisor supervisor_;
  const std::shared_ptr<KnownStates> known_ = std::make_shared<KnownStates>();
  mutable std::mutex mutex_;
  Configured configured_;
};

}  // namespace drover::raw_exec
