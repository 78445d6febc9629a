#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <drover/result.h>

/// Control groups, version 1, version 2, or both beside each other ("mixed": v1 controllers, and a v2 mount without
/// them, which still kills and freezes a whole group). Plain functions over files below a root path; no thread.
namespace drover::cgroup {

enum class Layout { none, v1, mixed, v2 };

std::string_view to_text(Layout layout);

/// What a host offers, found by looking at the files below one path.
struct Hierarchy {
  Layout layout = Layout::none;
  std::string v2;                         ///< folder of the v2 hierarchy, empty without one
  std::map<std::string, std::string> v1;  ///< controller → folder of its hierarchy (real path)
  std::vector<std::string> v2_controllers;

  bool has(std::string_view controller) const;
};

/// Looks at `root` (on a real host /sys/fs/cgroup). Never fails: what is not there is not used.
Hierarchy detect(const std::string& root);

/// 0, empty or absent: not limited.
struct Limits {
  std::int64_t memory_bytes = 0;          ///< hard limit
  std::int64_t memory_reserve_bytes = 0;  ///< v2 memory.low, v1 soft limit
  bool swap = false;                      ///< false: no swap beyond the memory limit
  bool oom_group = false;                 ///< v2: an OOM kills the group as a whole
  std::uint64_t cpu_shares = 0;           ///< v1 scale (1024 = one usual weight); converted for v2
  std::int64_t cpu_quota_us = 0;          ///< of each period of cpu_period_us
  std::int64_t cpu_period_us = 100'000;
  std::int64_t pids_max = 0;
  std::string cpuset_cpus;
  std::string cpuset_mems;

  friend bool operator==(const Limits&, const Limits&) = default;
};

/// The v2 weight (1–10000) of v1 shares, as Nomad 2 converts them; 0 for 0.
std::uint64_t weight_of_shares(std::uint64_t shares);

/// What a group used. Absent: the host does not count it.
struct Stats {
  std::optional<std::uint64_t> memory_usage, memory_max_usage, memory_rss, memory_cache, memory_swap, memory_mapped_file,
      memory_kernel, memory_kernel_max;
  std::optional<std::uint64_t> cpu_total_ns, cpu_user_ns, cpu_system_ns, cpu_throttled_periods, cpu_throttled_ns;
  std::optional<std::uint64_t> pids;
};

/// One group: a folder in each hierarchy that it uses. A value: copies name the same group.
struct Group {
  std::string v2;                         ///< absolute folder, empty when not used
  std::map<std::string, std::string> v1;  ///< controller → absolute folder

  bool empty() const { return v2.empty() && v1.empty(); }
  friend bool operator==(const Group&, const Group&) = default;
};

/// Where the group `path` ("drover/a.b") lies, without creating it: freezer, memory, cpu, cpuacct, pids (and cpuset
/// when `with_cpuset`) of v1 as far as the host has them, and the v2 folder where there is one.
Group locate(const Hierarchy& host, std::string_view path, bool with_cpuset);

/// Creates the folders with their parents; on v2 the controllers of the parents are switched on as far as possible.
Result<void> create(const Hierarchy& host, const Group& group);

/// Writes the limits. A limit that the host has no controller for, or refuses, is told in the error (the rest is written).
Result<void> apply(const Group& group, const Limits& limits);

/// The processes in it and below, in no order. Empty when it does not exist.
std::vector<int> processes(const Group& group);

/// Kills all processes in it and below with SIGKILL (cgroup.kill; else frozen, killed one by one and thawed; else in a
/// loop) and returns when none is left alive; `timeout` when some still are after `limit`.
Result<void> kill_all(const Group& group, std::chrono::milliseconds limit);

/// Removes its folders and those below. Processes in it must be gone. Fine when it does not exist.
Result<void> remove(const Group& group, std::chrono::milliseconds limit);

/// Removes the folders above the group that `path` (as for locate) names, as far as they are empty.
void remove_parents(const Group& group, std::string_view path);

Stats stats(const Group& group);

/// How many processes in it and below were killed for want of memory, ever. 0 when the host does not count them.
std::uint64_t oom_kills(const Group& group);

/// Moves a process into the group.
Result<void> add_process(const Group& group, int pid);

}  // namespace drover::cgroup
