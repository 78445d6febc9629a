#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <vector>

/// What a driver is told of a task: plain values, the standard library only.
///
/// The same structs serve both ends of the wire: the SDK hands them to the author of a driver, the agent fills them.
namespace drover::sdk {

using Duration = std::chrono::nanoseconds;
using Instant = std::chrono::sys_time<std::chrono::nanoseconds>;

/// How a driver keeps a task's files apart from the host's.
enum class FsIsolation : std::uint8_t { none, chroot, image, unveil };

/// Whose network a task uses: the host's, its group's namespace, one of its own made by the driver, or none at all.
enum class NetworkMode : std::uint8_t { host, group, task, none };

/// A port given to the allocation.
struct Port {
  std::string label;
  int value = 0;  ///< on the host
  int to = 0;     ///< inside the network namespace; 0 = the same
  std::string host_ip;

  friend bool operator==(const Port&, const Port&) = default;
};

/// A network of the task itself (the old `resources { network {} }`).
struct TaskNetwork {
  std::string device;
  std::string cidr;
  std::string ip;
  int mbits = 0;
  std::vector<Port> reserved_ports;  ///< label and value only
  std::vector<Port> dynamic_ports;   ///< label and value only

  friend bool operator==(const TaskNetwork&, const TaskNetwork&) = default;
};

struct Resources {
  std::int64_t cpu_mhz = 0;             ///< the share asked for
  std::int64_t memory_mb = 0;           ///< reserved
  std::int64_t memory_max_mb = 0;       ///< 0 = memory_mb is the limit, -1 = no limit
  std::int64_t memory_limit_bytes = 0;  ///< the hard limit that follows from the two; 0 or less = none
  double cpu_fraction = 0;              ///< cpu_mhz of the node's usable MHz, 0..1
  std::string cpuset_cpus;              ///< reserved cores as "0,1,4"; empty = none reserved
  std::string cpuset_cgroup;            ///< the cgroup folder that the agent made for the task; may be empty
  std::int64_t oom_score_adj = 0;
  std::vector<TaskNetwork> networks;
  std::vector<Port> ports;  ///< of the task's group

  friend bool operator==(const Resources&, const Resources&) = default;
};

/// Host volumes and mounts of devices; the task's own folders are not among them.
struct Mount {
  std::string task_path;
  std::string host_path;
  bool readonly = false;
  std::string propagation_mode;  ///< private, host-to-task, bidirectional; empty = private
  std::string selinux_label;
  std::string request_name;  ///< the volume request it answers

  friend bool operator==(const Mount&, const Mount&) = default;
};

struct Device {
  std::string task_path;
  std::string host_path;
  std::string cgroup_permissions;  ///< of "rwm"

  friend bool operator==(const Device&, const Device&) = default;
};

struct Dns {
  std::vector<std::string> servers;
  std::vector<std::string> searches;
  std::vector<std::string> options;

  bool empty() const { return servers.empty() && searches.empty() && options.empty(); }
  friend bool operator==(const Dns&, const Dns&) = default;
};

/// The network namespace a task is to join.
struct NetworkIsolation {
  NetworkMode mode = NetworkMode::host;
  std::string path;                           ///< of the namespace; empty = the host's network
  std::map<std::string, std::string> labels;  ///< private to the driver that made it
  std::string hosts_hostname;                 ///< for /etc/hosts, both empty = nothing to add
  std::string hosts_address;

  friend bool operator==(const NetworkIsolation&, const NetworkIsolation&) = default;
};

/// One start of one task. `id` is new for every start and contains '/': not a file name.
struct TaskConfig {
  std::string id;
  std::string name;
  std::string alloc_id;
  std::string job_id;
  std::string job_name;
  std::string group_name;
  std::string namespace_name;
  std::string node_id;
  std::string node_name;
  std::string parent_job_id;

  std::string config_msgpack;                     ///< the `config` block as on the wire; authors get it decoded instead
  std::map<std::string, std::string> env;         ///< the whole environment
  std::map<std::string, std::string> device_env;  ///< the part of it that devices set
  std::string user;                               ///< may be empty

  Resources resources;
  std::vector<Mount> mounts;
  std::vector<Device> devices;
  NetworkIsolation network;
  Dns dns;

  std::string alloc_dir;    ///< of the allocation, on the host
  std::string stdout_path;  ///< a FIFO that exists and has a reader, or /dev/null
  std::string stderr_path;

  /// <alloc_dir>/<name>: holds local, secrets, tmp.
  std::string task_dir() const { return alloc_dir + "/" + name; }
  /// <alloc_dir>/alloc: shared by the tasks of the group; holds logs, tmp, data.
  std::string shared_dir() const { return alloc_dir + "/alloc"; }

  friend bool operator==(const TaskConfig&, const TaskConfig&) = default;
};

/// How a task ended. Death by a signal n is code 128+n and signal n.
struct Exit {
  int code = 0;
  int signal = 0;
  bool oom_killed = false;
  std::string error;  ///< why the status is not known or not a success, in one sentence; may be empty

  bool success() const { return code == 0 && signal == 0 && error.empty(); }
  static Exit of_code(int code) { return Exit{code, 0, false, {}}; }
  static Exit of_signal(int signal) { return Exit{128 + signal, signal, false, {}}; }
  static Exit unknown(std::string why) { return Exit{-1, 0, false, std::move(why)}; }

  friend bool operator==(const Exit&, const Exit&) = default;
};

/// Addresses that the driver gave a task itself.
struct NetworkOverride {
  std::map<std::string, int> port_map;
  std::string address;
  bool auto_advertise = false;

  friend bool operator==(const NetworkOverride&, const NetworkOverride&) = default;
};

/// What a running task uses. A field counts only when its name is in the list of measured fields.
struct CpuUsage {
  double system_percent = 0;
  double user_percent = 0;
  double percent = 0;  ///< of one core: two busy cores are 200
  double ticks_mhz = 0;
  std::uint64_t throttled_periods = 0;
  std::uint64_t throttled_ns = 0;
  std::vector<std::string>
      measured;  ///< "System Mode", "User Mode", "Total Ticks", "Throttled Periods", "Throttled Time", "Percent"

  friend bool operator==(const CpuUsage&, const CpuUsage&) = default;
};

struct MemoryUsage {
  std::uint64_t rss = 0;  ///< bytes, as all below
  std::uint64_t cache = 0;
  std::uint64_t swap = 0;
  std::uint64_t usage = 0;
  std::uint64_t max_usage = 0;
  std::uint64_t kernel_usage = 0;
  std::uint64_t kernel_max_usage = 0;
  std::vector<std::string>
      measured;  ///< "RSS", "Cache", "Swap", "Usage", "Max Usage", "Kernel Usage", "Kernel Max Usage"

  friend bool operator==(const MemoryUsage&, const MemoryUsage&) = default;
};

struct Usage {
  CpuUsage cpu;
  MemoryUsage memory;

  friend bool operator==(const Usage&, const Usage&) = default;
};

struct TaskUsage {
  Instant at{};  ///< filled by the SDK
  Usage total;
  std::map<std::string, Usage> by_pid;  ///< may be empty

  friend bool operator==(const TaskUsage&, const TaskUsage&) = default;
};

enum class Health : std::uint8_t { undetected, unhealthy, healthy };

/// A value of a node attribute; `unit` goes with numbers ("MiB", "MHz", …).
struct Attribute {
  enum class Kind : std::uint8_t { text, integer, real, boolean };
  Kind kind = Kind::text;
  std::string text;
  std::int64_t integer = 0;
  double real = 0;
  bool boolean = false;
  std::string unit;

  Attribute() = default;
  Attribute(std::string value) : text(std::move(value)) {}        // NOLINT: conversions are the point
  Attribute(const char* value) : text(value) {}                   // NOLINT
  Attribute(bool value) : kind(Kind::boolean), boolean(value) {}  // NOLINT
  Attribute(int value) : kind(Kind::integer), integer(value) {}   // NOLINT
  Attribute(std::int64_t value, std::string its_unit = {})        // NOLINT
      : kind(Kind::integer), integer(value), unit(std::move(its_unit)) {}
  Attribute(double value, std::string its_unit = {})  // NOLINT
      : kind(Kind::real), real(value), unit(std::move(its_unit)) {}

  friend bool operator==(const Attribute&, const Attribute&) = default;
};

/// Whether a driver can run tasks here, and what it found. Attributes are named "driver.<name>.<what>".
struct Fingerprint {
  Health health = Health::healthy;
  std::string description = "Healthy";
  std::map<std::string, Attribute> attributes;

  static Fingerprint undetected(std::string why) { return {Health::undetected, std::move(why), {}}; }
  static Fingerprint unhealthy(std::string why) { return {Health::unhealthy, std::move(why), {}}; }

  friend bool operator==(const Fingerprint&, const Fingerprint&) = default;
};

/// What a driver can do.
struct Capabilities {
  bool send_signals = false;
  bool exec = false;
  FsIsolation fs_isolation = FsIsolation::none;
  std::vector<NetworkMode> network_modes{NetworkMode::host};
  bool must_create_network = false;
  bool mounts = true;          ///< volumes can be mounted into tasks
  bool collects_logs = false;  ///< the driver keeps the logs itself: no FIFO is made
  bool dynamic_users = false;

  friend bool operator==(const Capabilities&, const Capabilities&) = default;
};

/// A core of the node, for turning percent of a core into MHz.
struct Core {
  unsigned id = 0;
  unsigned socket = 0;
  unsigned numa_node = 0;
  bool efficiency = false;
  bool disabled = false;  ///< kept from tasks
  std::uint64_t base_mhz = 0;
  std::uint64_t max_mhz = 0;
  std::uint64_t guessed_mhz = 0;

  friend bool operator==(const Core&, const Core&) = default;
};

/// What the agent tells a driver of the machine.
struct NodeFacts {
  int min_port = 14000;  ///< loopback ports that parts of a driver may listen on
  int max_port = 14512;
  std::vector<Core> cores;
  std::vector<unsigned> numa_nodes;
  std::vector<unsigned> numa_distances;  ///< n × n, row by row
  std::uint64_t override_total_mhz = 0;  ///< 0 = the sum of the cores
  std::uint64_t withheld_mhz = 0;

  /// MHz of all enabled cores at their best known speed, or what the agent says instead; 0 = not known.
  std::uint64_t total_mhz() const;
  /// The same less what is withheld from tasks.
  std::uint64_t usable_mhz() const { return total_mhz() > withheld_mhz ? total_mhz() - withheld_mhz : 0; }
  /// Of an average core; what "100 percent" is in MHz. 0 = not known.
  double mhz_of_core() const;

  friend bool operator==(const NodeFacts&, const NodeFacts&) = default;
};

inline std::uint64_t NodeFacts::total_mhz() const {
  if (override_total_mhz != 0) return override_total_mhz;
  std::uint64_t total = 0;
  for (const Core& core : cores) {
    if (core.disabled) continue;
    const std::uint64_t best = core.max_mhz != 0 ? core.max_mhz : core.base_mhz;
    total += best != 0 ? best : core.guessed_mhz;
  }
  return total;
}

inline double NodeFacts::mhz_of_core() const {
  std::size_t enabled = 0;
  for (const Core& core : cores) enabled += core.disabled ? 0 : 1;
  return enabled == 0 ? 0 : static_cast<double>(total_mhz()) / static_cast<double>(enabled);
}

}  // namespace drover::sdk
