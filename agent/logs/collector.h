#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <drover/result.h>

#include "agent/logs/fifos.h"
#include "agent/logs/protocol.h"
#include "agent/logs/stream.h"
#include "base/loop/loop.h"
#include "base/loop/scope.h"
#include "base/loop/signal.h"

namespace drover {
class WatchedProcess;
}

namespace drover::agent::logs {

/// The agent's end of drover-logs: starts the collector or finds the one that runs, and starts it again when it dies.
///
/// What was added stays wanted: a new collector is told of it by itself. Lives on the agent's loop.
class Collector {
 public:
  struct Settings {
    std::string program;      ///< absolute path of drover-logs
    std::string socket_path;  ///< in a folder of ours with mode 0700; at most 107 bytes
    std::function<void(const std::string& what)> warn;  ///< for the agent's log; may be empty
  };

  Collector(Loop& loop, Settings settings);
  Collector(const Collector&) = delete;
  Collector& operator=(const Collector&) = delete;
  ~Collector();

  /// Begins to keep a collector running, and completes when one answers; the error says why none does (it goes on trying).
  Async<Result<void>> start();

  /// Where a task writes to.
  struct Paths {
    std::string stdout_path;
    std::string stderr_path;
  };
  /// Makes the FIFOs of a task in `log_folder`, keeps a read end of each, and has what is written moved into
  /// `<task>.stdout.<n>` and `<task>.stderr.<n>` there. May be repeated.
  Async<Result<Paths>> add(std::string alloc_id, std::string task, std::string log_folder, Limits limits);

  /// The task has ended: completes when what it wrote is in the files. Fine for one that was never added. The FIFOs stay.
  Async<Result<void>> remove(std::string alloc_id, std::string task);

  /// Lets go of the collector, which goes on without us.
  Async<void> stop();
  /// Has the collector move what is there and end, then as stop(). For an agent that leaves nothing running.
  Async<void> end();

 private:
  using Key = std::pair<std::string, std::string>;  // allocation, task
  struct Wanted {
    Fifos fifos;
    Limits limits;
  };
  struct Call {
    std::optional<Answer> answer;
    bool lost = false;  ///< the connection ended first
  };
  struct Connection;

  Async<void> keep_connected();
  Async<Result<void>> connect_or_launch();
  Async<void> tell_all_again();
  Async<Result<void>> call(Request request, std::vector<int> descriptors);
  Async<Result<void>> call_until_answered(Operation operation, Key key);
  Result<void> try_connect();
  Result<void> launch_program();
  void await_answers();
  void take_answers();
  void disconnect();
  void warn(const std::string& what) const;

  Loop& loop_;
  const Settings settings_;
  std::map<Key, std::shared_ptr<const Wanted>> wanted_;
  std::map<std::uint64_t, std::shared_ptr<Call>> calls_;
  std::uint64_t next_number_ = 1;
  std::shared_ptr<Connection> connection_;
  std::unique_ptr<WatchedProcess> child_;  ///< a collector that we launched, to be reaped
  std::string last_failure_;
  std::uint64_t attempts_ = 0;
  Signal changed_;
  Scope background_;
};

}  // namespace drover::agent::logs
