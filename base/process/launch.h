#pragma once

#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include <drover/result.h>

#include "base/loop/async.h"
#include "base/loop/loop.h"
#include "base/process/process_id.h"
#include "base/process/program.h"

/// Starts programs that are not tasks (plugins, helpers) and watches them. Tasks are born in the shim.
namespace drover {

/// What to run. Nothing is inherited but what stands here: no environment, no descriptor.
struct LaunchSpec {
  std::string program;              ///< absolute path
  std::vector<std::string> args;    ///< without the program's name
  std::vector<std::string> env;     ///< "NAME=value"
  std::string cwd;                  ///< empty: ours
  int stdin_fd = -1;                ///< -1: /dev/null; else a descriptor of ours, which stays ours
  int stdout_fd = -1;
  int stderr_fd = -1;
  std::vector<std::pair<int, int>> descriptors;  ///< further ones: ours → number in the child (3 and up)
  bool own_session = true;          ///< setsid: signals to our terminal or group do not reach it
};

/// How a process ended: by exit (`signal` 0), or by a signal.
struct ExitStatus {
  int code = 0;
  int signal = 0;
  bool known = true;  ///< false for a process that is not our child: it is gone, nobody told us how

  friend bool operator==(const ExitStatus&, const ExitStatus&) = default;
};

std::string to_text(const ExitStatus& status);  ///< "exited with 3", "killed by signal 9", "ended (status unknown)"

/// A process that is watched through its pidfd: our child, or one found again after a restart of ours.
///
/// The destructor lets go and kills nothing: a child goes on (and is reaped by init once we are gone). Lives on one
/// loop and is destroyed there.
class WatchedProcess {
 public:
  virtual ~WatchedProcess() = default;

  virtual const ProcessId& id() const = 0;
  /// Until it has ended (at once when it has); a child is reaped. `cancelled` when the waiter was. Any number of waiters.
  virtual Async<Result<ExitStatus>> wait() = 0;
  /// Runs once, on the loop, when it has ended. Replaces the one set before.
  virtual void on_exit(std::function<void(ExitStatus)> handler) = 0;
  virtual bool has_ended() const = 0;
  /// `not_found` when it has ended.
  virtual Result<void> signal(int number) = 0;
};

/// Starts a program. Refuses clearly what cannot be started (missing, not executable, another architecture).
Result<std::unique_ptr<WatchedProcess>> launch(Loop& loop, const LaunchSpec& spec);

/// Watches a process that an earlier life of ours started; `not_found` when it is gone.
Result<std::unique_ptr<WatchedProcess>> watch(Loop& loop, const ProcessId& id);

}  // namespace drover
