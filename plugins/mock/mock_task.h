#pragma once

#include <drover/driver.h>

#include <condition_variable>
#include <memory>
#include <mutex>
#include <string>

#include "plugins/mock/script.h"

namespace drover::mock {

/// A task without a process: it lives through its script. Another driver process goes on with it, because what it does
/// follows from the script and the time of its start.
class MockTask final : public sdk::Task, public sdk::TakesSignals, public sdk::HasUsage {
 public:
  using Clock = std::chrono::system_clock;  // comparable across processes

  MockTask(const sdk::TaskConfig& config, Script script, Clock::time_point started, bool print);

  sdk::Exit wait() override;
  Result<void> stop(int signal, sdk::Duration grace) override;
  std::string checkpoint() const override;
  std::map<std::string, std::string> attributes() const override;
  std::optional<sdk::NetworkOverride> network() const override;
  Result<void> signal(int number) override;
  Result<sdk::TaskUsage> usage() override;

 private:
  struct Printer {
    std::string path;
    Output output;
    Clock::time_point next;
    int left;
  };
  void print_due(Printer& printer, Clock::time_point now);
  sdk::Exit scripted_exit() const;

  const Script script_;
  const Clock::time_point started_;
  Printer out_;
  Printer err_;

  std::mutex mutex_;
  std::condition_variable changed_;
  Clock::time_point end_;   ///< may come earlier by stop()
  sdk::Exit exit_;          ///< how it will end
  bool ended_ = false;
};

}  // namespace drover::mock
