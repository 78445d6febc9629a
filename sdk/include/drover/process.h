#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <drover/exec.h>
#include <drover/result.h>
#include <drover/task_config.h>

/// Processes for drivers: started under drover-shim, so that they survive the driver and the agent, and their exit
/// status is never lost. Linux. Standard library only.
///
///   Supervisor supervisor({});
///   DROVER_LET(auto process, supervisor.start(spec));
///   save(process->saved_state());            // what recover() needs after a restart of the driver
///   const Exit exit = process->wait();
namespace drover::sdk {

/// Limits of the process tree; 0 or empty: none. What the host cannot limit is told by `Process::warnings()`.
struct ProcessLimits {
  std::int64_t memory_bytes = 0;
  std::int64_t memory_reserve_bytes = 0;
  bool swap = false;
  bool oom_group = false;
  std::uint64_t cpu_shares = 0;
  std::int64_t cpu_quota_us = 0;  ///< of each 100 ms
  std::int64_t pids_max = 0;
  std::string cpuset_cpus;
};

/// Which control groups a host has: "mixed" is controllers of version 1 beside a version 2 that only kills.
enum class CgroupLayout : std::uint8_t { none, v1, mixed, v2 };

/// The control group of the process. Without any path the process stays in the driver's own group.
struct ProcessCgroup {
  /// Relative to the hierarchies ("nomad/ALLOC.TASK"): made, limited, killed and removed by us, its parents with it when
  /// they are empty.
  std::string path;
  /// On hosts of version 2: an existing folder to start in instead (relative to the root, or absolute). Limits are written
  /// into it; it is never killed or removed.
  std::string v2_existing;
  /// On hosts of version 1 and mixed ones: controller → existing folder (relative to the controller's, or absolute) to be
  /// in instead. Nothing is written into it.
  std::map<std::string, std::string> v1_existing;
  bool required = false;  ///< true: what cannot be entered is an error; false: a warning
};

/// What to run and how.
struct ProcessSpec {
  std::string id;         ///< for messages: who this is
  std::string state_dir;  ///< absolute; made by start(), 0700, its own for this start; removed by destroy()

  std::string command;            ///< absolute path, or a name searched in `search_path`
  std::vector<std::string> args;  ///< without the command itself
  std::vector<std::string> search_path;  ///< folders, in order, for a command that is not absolute
  std::vector<std::pair<std::string, std::string>> env;  ///< exact; names appear once
  std::string cwd;    ///< absolute
  std::string user;   ///< name, or empty: the driver's own. HOME, USER, LOGNAME are set unless `env` has them
  std::string group;  ///< name or number, empty: the user's
  std::string stdout_path;  ///< FIFO, file or device; empty: /dev/null
  std::string stderr_path;
  std::string netns_path;   ///< network namespace to enter, empty: none

  ProcessCgroup cgroup;
  ProcessLimits limits;
  std::optional<int> oom_score_adj;
  std::map<std::string, std::pair<std::uint64_t, std::uint64_t>> rlimits;  ///< "nofile" → soft, hard
  std::optional<unsigned> umask;  ///< 022 when not given, whatever the driver's own is
  bool no_new_privs = false;
};

/// One supervised process tree. Destroying the object leaves the process alone. Thread-safe.
class Process {
 public:
  virtual ~Process() = default;

  virtual int pid() const = 0;
  virtual Instant started_at() const = 0;
  /// What could not be done as asked (limits, groups), one sentence each. Empty after recover().
  virtual const std::vector<std::string>& warnings() const = 0;
  /// Text for the task handle; recover() takes it. Holds no secrets: those are in the state folder.
  virtual std::string saved_state() const = 0;

  /// Until the main process has ended and what it left behind is killed. Exit::error tells when its end is not known:
  /// "exit unknown: its supervisor was killed".
  virtual Exit wait() = 0;
  virtual std::optional<Exit> wait_for(Duration limit) = 0;
  /// Runs once, on the supervisor's thread, when it has ended (at once, on the caller's, when it has).
  virtual void on_exit(std::function<void(const Exit&)> handler) = 0;

  /// To the main process; `not_found` when it has ended.
  virtual Result<void> signal(int number) = 0;
  /// `number`, then after `grace` SIGKILL to the whole tree; returns when all has ended, `timeout` when something does
  /// not die even so. Grace 0: SIGKILL at once.
  virtual Result<void> stop(int number, Duration grace) = 0;
  /// Kills what runs, removes the group and the state folder.
  virtual Result<void> destroy() = 0;

  /// One sample of the whole tree; percentages are those since the sample before (the first: since the start).
  virtual Result<TaskUsage> usage(double mhz_of_core) = 0;
  /// Runs a command in the task's folder, environment, user, namespace and group. What it leaves behind ends with it.
  virtual Result<std::unique_ptr<ExecSession>> exec(const ExecSpec& spec, ExecSession::Handlers handlers) = 0;
};

/// Starts and finds supervised processes; owns one thread that watches them all. Outlives its processes.
class Supervisor {
 public:
  struct Settings {
    std::string shim_path;                        ///< empty: libexec/drover/drover-shim of our installation
    std::string cgroup_root = "/sys/fs/cgroup";
  };

  explicit Supervisor(Settings settings);
  Supervisor(const Supervisor&) = delete;
  Supervisor& operator=(const Supervisor&) = delete;
  ~Supervisor();

  CgroupLayout cgroups() const;

  /// Returns when the command has been executed. `not_found`: no such command, user or folder; `denied`: not permitted;
  /// `invalid`: anything else in the spec.
  Result<std::unique_ptr<Process>> start(const ProcessSpec& spec);

  /// Finds a process again, running or ended meanwhile. `not_found` when nothing is known of it any more.
  Result<std::unique_ptr<Process>> recover(std::string_view saved_state);

  /// Ends and removes every process that was started in a subfolder of `dir`, except those named: leftovers of starts
  /// whose answer never reached the one who asked.
  Result<void> end_leftovers(const std::string& dir, const std::vector<std::string>& keep_state_dirs);

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

/// "SIGTERM", "TERM", "15", "SIGRTMIN+3" → number; `invalid` names the text.
Result<int> parse_signal(std::string_view name);
std::string signal_name(int number);

}  // namespace drover::sdk
