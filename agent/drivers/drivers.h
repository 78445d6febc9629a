#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include <drover/result.h>

#include "base/loop/async.h"
#include "base/loop/duplex.h"
#include "base/loop/time.h"
#include "base/value/value.h"

/// What the agent needs of task drivers, in our own values.
namespace drover::agent {

using Texts = std::map<std::string, std::string>;

enum class FsIsolation : std::uint8_t { none, chroot, image, unveil };
enum class NetworkMode : std::uint8_t { host, group, task, none };
enum class Health : std::uint8_t { undetected, unhealthy, healthy };
enum class TaskLife : std::uint8_t { unknown, running, exited };

struct DriverCapabilities {
  bool send_signals = false;
  bool exec = false;
  FsIsolation fs_isolation = FsIsolation::none;
  bool must_create_network = false;
  bool any_mounts = true;
  bool disable_log_collection = false;
  std::vector<NetworkMode> network_modes{NetworkMode::host};

  friend bool operator==(const DriverCapabilities&, const DriverCapabilities&) = default;
};

/// What is known of one driver now.
struct DriverStatus {
  std::string name;
  std::string version;
  bool running = false;  ///< launched and shaken hands with: calls reach it
  Health health = Health::undetected;
  std::string description;  ///< "Healthy", or in one sentence why it cannot be used
  Texts attributes;         ///< as fingerprinted: driver.<name>, driver.<name>.version, …
  DriverCapabilities capabilities;
  Instant updated{};

  friend bool operator==(const DriverStatus&, const DriverStatus&) = default;
};

struct PortMapping {
  std::string label;
  std::int64_t value = 0;
  std::int64_t to = 0;
  std::string host_ip;

  friend bool operator==(const PortMapping&, const PortMapping&) = default;
};

struct TaskResources {
  std::int64_t cpu_shares = 0;  ///< MHz asked for
  std::int64_t memory_mb = 0;
  std::int64_t memory_max_mb = 0;      ///< -1: no hard limit
  std::int64_t memory_limit_bytes = 0; ///< the larger of the two
  double percent_ticks = 0;            ///< cpu_shares ÷ the node's usable MHz
  std::string cpuset_cpus;             ///< reserved cores, "3-5,7"
  std::string cpuset_cgroup;           ///< the task's cgroup folder, "" where there is none
  std::vector<PortMapping> ports;

  friend bool operator==(const TaskResources&, const TaskResources&) = default;
};

struct TaskMount {
  std::string task_path;
  std::string host_path;
  bool read_only = false;
  std::string propagation_mode;
  std::string selinux_label;

  friend bool operator==(const TaskMount&, const TaskMount&) = default;
};

struct TaskDevice {
  std::string task_path;
  std::string host_path;
  std::string permissions;

  friend bool operator==(const TaskDevice&, const TaskDevice&) = default;
};

struct TaskDns {
  std::vector<std::string> servers;
  std::vector<std::string> searches;
  std::vector<std::string> options;

  friend bool operator==(const TaskDns&, const TaskDns&) = default;
};

/// The network namespace of an allocation. What a driver made is given back to it as it was.
struct NetworkIsolation {
  NetworkMode mode = NetworkMode::group;
  std::string path;  ///< of the namespace
  Texts labels;      ///< the driver's own
  std::string hosts_hostname;  ///< for the tasks' /etc/hosts; both empty: nothing
  std::string hosts_address;

  friend bool operator==(const NetworkIsolation&, const NetworkIsolation&) = default;
};

struct MadeNetwork {
  std::optional<NetworkIsolation> network;  ///< nothing: nothing is isolated
  bool created = false;                     ///< false: it was there already
};

/// All a driver is told of a task. Kept with its handle, and sent again whole when the task is recovered.
struct TaskConfig {
  std::string id;  ///< "<alloc id>/<task name>/<8 hex digits>": new for every start
  std::string name;
  std::string alloc_id;
  std::string group;
  std::string job_id;
  std::string job_name;
  std::string job_parent_id;
  std::string job_namespace;
  std::string node_id;
  std::string node_name;
  std::string user;
  std::string alloc_dir;    ///< the allocation's folder; the task's own is <alloc_dir>/<name>
  std::string stdout_path;  ///< FIFO, or /dev/null
  std::string stderr_path;
  Value config = Value::map();  ///< the job's `config`, interpolated
  Texts env;
  Texts device_env;
  TaskResources resources;
  std::vector<TaskMount> mounts;
  std::vector<TaskDevice> devices;
  std::optional<TaskDns> dns;
  std::optional<NetworkIsolation> network;  ///< none: the host's

  friend bool operator==(const TaskConfig&, const TaskConfig&) = default;
};

/// What recovers a running task: the driver's opaque state, and the whole configuration.
struct TaskHandle {
  std::int32_t version = 1;
  TaskConfig config;
  TaskLife life = TaskLife::running;
  std::string driver_state;  ///< bytes, the driver's own

  friend bool operator==(const TaskHandle&, const TaskHandle&) = default;
};

struct NetworkOverride {
  std::map<std::string, std::int32_t> port_map;
  std::string address;
  bool auto_advertise = false;
};

struct StartedTask {
  TaskHandle handle;
  std::optional<NetworkOverride> network;
};

struct TaskExit {
  std::int32_t exit_code = 0;
  std::int32_t signal = 0;
  bool oom_killed = false;
  std::string error;  ///< set when the exit itself is in doubt ("exit unknown: its supervisor was killed")

  bool success() const { return exit_code == 0 && signal == 0 && error.empty(); }
  friend bool operator==(const TaskExit&, const TaskExit&) = default;
};

struct TaskInspection {
  TaskLife life = TaskLife::unknown;
  Instant started_at{};
  Instant completed_at{};
  TaskExit exit;
  Texts attributes;  ///< "pid", "container_id", …
};

/// One measurement of a task, or of one of its processes. `measured` names the members that mean something.
struct Usage {
  double cpu_system = 0, cpu_user = 0, cpu_total_ticks = 0, cpu_percent = 0;
  std::uint64_t cpu_throttled_periods = 0, cpu_throttled_time = 0;
  std::uint64_t rss = 0, cache = 0, swap = 0, usage = 0, max_usage = 0, kernel_usage = 0, kernel_max_usage = 0;
  std::vector<std::string> cpu_measured;     ///< as the API names them: "System Mode", "Percent", …
  std::vector<std::string> memory_measured;  ///< "RSS", "Cache", …
};

struct TaskUsage {
  Instant at{};
  Usage total;
  std::map<std::string, Usage> by_pid;
};

struct ExecOutput {
  std::string standard_output;
  std::string standard_error;
  TaskExit exit;
};

struct TerminalSize {
  std::int32_t height = 0;
  std::int32_t width = 0;
};

/// A session of an interactive command: what goes in, what comes out.
struct ExecInput {
  std::string data;
  bool close = false;  ///< end of standard input
  std::optional<TerminalSize> size;
};
struct ExecEvent {
  enum class From : std::uint8_t { standard_output, standard_error, exited } from = From::standard_output;
  std::string data;
  bool close = false;
  TaskExit exit;  ///< with From::exited, the last event
};
using ExecSession = Duplex<ExecInput, ExecEvent>;

/// Something a driver tells about a task ("Downloading image").
struct DriverTaskEvent {
  std::string task_id;
  std::string alloc_id;
  std::string task_name;
  Instant at{};
  std::string message;
  Texts annotations;
};

/// The drivers of this machine: separate programs behind gRPC in production, scripted lives on virtual time in tests.
///
/// Launching, health, and respawning after a crash are its own business; what changes is told through the watchers.
/// Each call has a named deadline inside, except wait() and stop() (which the driver bounds by its timeout).
/// Errors: `not_found`: no such driver, or the driver does not know the task · `unavailable`: the driver process is
/// not there, died during the call, or says that the start may succeed later: worth another try · `cancelled` · any
/// other: final. On the agent's loop only.
class Drivers {
 public:
  virtual ~Drivers() = default;

  /// Scans, launches, starts watching. Completes when every driver found has answered once or failed to, at most
  /// after its launch deadline; a bad driver is a DriverStatus with the reason, never an error.
  virtual Async<void> start() = 0;
  /// Lets go of the drivers: they and their tasks live on when `leave_running`, else drivers are shut down.
  virtual Async<void> stop(bool leave_running) = 0;

  /// All known drivers by name, sorted; those that could not be launched as well.
  virtual std::vector<DriverStatus> list() const = 0;

  /// Called after any DriverStatus has changed, and for each event of a task. Set before start().
  virtual void watch(std::function<void(const DriverStatus&)> changed,
                     std::function<void(const DriverTaskEvent&)> told) = 0;

  virtual Async<Result<StartedTask>> start_task(std::string driver, TaskConfig config) = 0;
  /// Makes the driver know the task again. Idempotent.
  virtual Async<Result<void>> recover_task(std::string driver, TaskHandle handle) = 0;
  /// Completes when the task has exited, at once if it has; may be called several times. `unavailable` when the
  /// driver process died meanwhile: recover the task, then wait again.
  virtual Async<Result<TaskExit>> wait_task(std::string driver, std::string task_id) = 0;
  /// Asks with `signal` ("" = the driver's default), and kills after `timeout`. Completes when it has ended.
  virtual Async<Result<void>> stop_task(std::string driver, std::string task_id, Duration timeout,
                                        std::string signal) = 0;
  virtual Async<Result<void>> destroy_task(std::string driver, std::string task_id, bool force) = 0;
  virtual Async<Result<void>> signal_task(std::string driver, std::string task_id, std::string signal) = 0;
  virtual Async<Result<TaskInspection>> inspect_task(std::string driver, std::string task_id) = 0;
  /// The newest measurement.
  virtual Async<Result<TaskUsage>> task_usage(std::string driver, std::string task_id) = 0;
  virtual Async<Result<ExecOutput>> exec_task(std::string driver, std::string task_id,
                                              std::vector<std::string> command, Duration timeout) = 0;
  virtual Async<Result<std::unique_ptr<ExecSession>>> exec_session(std::string driver, std::string task_id,
                                                                   std::vector<std::string> command, bool tty) = 0;
  /// Of a driver with must_create_network: the network of an allocation, before its tasks start; after a restart of the
  /// agent again, which finds the one that is there.
  virtual Async<Result<MadeNetwork>> create_network(std::string driver, std::string alloc_id, std::string hostname) = 0;
  /// After its tasks have ended. Idempotent.
  virtual Async<Result<void>> destroy_network(std::string driver, std::string alloc_id, NetworkIsolation network) = 0;
};

}  // namespace drover::agent
