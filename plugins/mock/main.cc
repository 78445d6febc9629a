// The driver `mock_driver`: tasks that live through a script, for tests of everything above a driver.
#include <drover/serve.h>

#include <unistd.h>

#include <atomic>
#include <charconv>
#include <thread>

#include "plugins/mock/mock_task.h"

namespace drover::mock {
namespace {

struct PluginConfig {
  bool enabled = true;

  static void describe(sdk::Fields<PluginConfig>& fields) {
    fields.field("enabled", &PluginConfig::enabled).fallback(true).doc("false: the driver reports itself as undetected");
  }
};

class MockDriver final : public sdk::DriverOf<MockTask, Script, PluginConfig> {
 public:
  sdk::DriverInfo info() const override {
    return {.name = "mock_driver", .version = "0.1.0", .network_modes = {sdk::NetworkMode::host, sdk::NetworkMode::group}};
  }

  Result<void> configure(const PluginConfig& config, const sdk::NodeFacts&) override {
    enabled_ = config.enabled;
    return {};
  }

  sdk::Fingerprint fingerprint() override {
    if (!enabled_) return sdk::Fingerprint::undetected("disabled");
    return {sdk::Health::healthy, "Healthy", {{"driver.mock_driver", true}}};
  }

  Result<std::unique_ptr<MockTask>> start(const sdk::TaskConfig& task, const Script& script, sdk::Events&) override {
    std::this_thread::sleep_for(script.start_delay());
    if (!script.start_error.empty()) {
      const Error error = fail(Code::invalid, "{}", script.start_error);
      return script.start_error_recoverable ? sdk::retryable(error) : error;
    }
    crash_later(script);
    return std::make_unique<MockTask>(task, script, MockTask::Clock::now(), true);
  }

  Result<std::unique_ptr<MockTask>> recover(const sdk::TaskConfig& task, const Script& script,
                                            const std::string& checkpoint) override {
    long long started = 0;
    const char* end = checkpoint.data() + checkpoint.size();
    if (std::from_chars(checkpoint.data(), end, started).ptr != end) {
      return fail(Code::invalid, "the checkpoint of the task cannot be read");
    }
    const auto since_epoch = std::chrono::duration_cast<MockTask::Clock::duration>(sdk::Duration(started));
    return std::make_unique<MockTask>(task, script, MockTask::Clock::time_point(since_epoch), false);
  }

 private:
  static void crash_later(const Script& script) {
    if (script.plugin_exit_after.empty()) return;
    std::thread([after = *parse_duration(script.plugin_exit_after)] {
      std::this_thread::sleep_for(after);
      _exit(1);
    }).detach();
  }

  std::atomic<bool> enabled_ = true;
};

}  // namespace
}  // namespace drover::mock

int main() {
  drover::mock::MockDriver driver;
  return drover::serve(driver);
}
