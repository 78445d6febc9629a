#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include <drover/process.h>

#include "base/process/process_id.h"
#include "sdk/shim/prepare.h"
#include "sdk/shim/watcher.h"

namespace drover::sdk::shim {

/// What of one supervised process must survive the driver: its text is the saved state.
struct Identity {
  std::string boot_id;
  std::string state_dir;
  ProcessId shim;
  ProcessId main;
  std::int64_t started_ns = 0;
};

std::string to_text(const Identity& identity);
Result<Identity> parse_identity(std::string_view saved);

/// How one process ended, shared by its object and the watcher.
class Ending {
 public:
  void finish(Exit exit);
  std::optional<Exit> get() const;
  Exit wait();
  std::optional<Exit> wait_for(Duration limit);
  void on_exit(std::function<void(const Exit&)> handler);

 private:
  mutable std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<Exit> exit_;
  std::function<void(const Exit&)> handler_;
};

/// What the record of the shim says, if it has written one.
std::optional<Exit> read_exit_record(const std::string& state_dir);

class SupervisedProcess final : public Process {
 public:
  SupervisedProcess(std::string shim_path, Identity identity, Placement placement);
  ~SupervisedProcess() override { ending_->on_exit({}); }

  /// Reads the outcome when the shim behind this pidfd has ended; a shim that was killed leaves the rest to us.
  static void conclude(const Identity& identity, const Placement& placement, Ending& ending);

  const std::shared_ptr<Ending>& ending() const { return ending_; }

  int pid() const override { return identity_.main.pid; }
  Instant started_at() const override { return Instant(Duration(identity_.started_ns)); }
  const std::vector<std::string>& warnings() const override { return placement_.warnings; }
  std::string saved_state() const override { return to_text(identity_); }
  Exit wait() override { return ending_->wait(); }
  std::optional<Exit> wait_for(Duration limit) override { return ending_->wait_for(limit); }
  void on_exit(std::function<void(const Exit&)> handler) override { ending_->on_exit(std::move(handler)); }
  Result<void> signal(int number) override;
  Result<void> stop(int number, Duration grace) override;
  Result<void> destroy() override;
  Result<TaskUsage> usage(double mhz_of_core) override;
  Result<std::unique_ptr<ExecSession>> exec(const ExecSpec& spec, ExecSession::Handlers handlers) override;

 private:
  struct CpuTimes {
    std::uint64_t user_ns = 0, system_ns = 0, total_ns = 0;
  };
  struct Sample {
    std::chrono::steady_clock::time_point at;
    CpuTimes total;
    std::map<int, CpuTimes> by_pid;
  };
  Sample sample(TaskUsage& usage) const;

  const std::string shim_path_;
  const Identity identity_;
  const Placement placement_;
  const std::shared_ptr<Ending> ending_ = std::make_shared<Ending>();
  std::mutex usage_mutex_;
  std::optional<Sample> last_sample_;
};

/// Starts a shim with this spec on descriptor 3; its stdio is /dev/null or the three given. Gives its pid, and the end
/// of the pipe that it reports through.
struct SpawnedShim {
  int pid = 0;
  Fd report;
};
struct ShimStdio {
  int in = -1, out = -1, err = -1;
  int lifeline = -1;
};
Result<SpawnedShim> spawn_shim(const std::string& shim_path, const std::string& name, int spec_fd, const ShimStdio& stdio);

/// Waits for the start report; what failed is explained as an error about `what`.
struct Started {
  ProcessId main;
  std::int64_t started_ns = 0;
};
Result<Started> read_start_report(const Fd& report, const std::string& what);

Result<std::unique_ptr<ExecSession>> start_exec(const std::string& shim_path, const SpecText& spec, const ExecSpec& exec, ExecSession::Handlers handlers);

}  // namespace drover::sdk::shim
