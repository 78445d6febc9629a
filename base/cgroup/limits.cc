#include <unistd.h>

#include "base/cgroup/cgroup.h"
#include "base/cgroup/files.h"

// What limits and statistics are called in the two versions.
namespace drover::cgroup {

namespace {

constexpr std::uint64_t ns_per_us = 1000;

/// Writes values, and gathers what was refused instead of stopping at it.
class Writer {
 public:
  void write(const std::string& folder, const char* file, const std::string& value) {
    if (folder.empty()) return missing(file);
    const auto written = write_text(folder + "/" + file, value);
    if (!written.ok()) note(written.error().message);
  }
  /// A file that not every kernel has.
  void write_if_present(const std::string& folder, const char* file, const std::string& value) {
    if (!folder.empty() && exists(folder + "/" + file)) write(folder, file, value);
  }
  Result<void> result() const {
    if (refused_.empty()) return {};
    return fail(Code::unsupported, "{}", refused_);
  }

 private:
  void missing(const char* file) { note(text("this host has no controller for {}", file)); }
  void note(const std::string& what) { refused_ += (refused_.empty() ? "" : "; ") + what; }

  std::string refused_;
};

std::string folder_of(const Group& group, const char* controller) {
  const auto found = group.v1.find(controller);
  return found == group.v1.end() ? std::string() : found->second;
}

void limit_memory_v1(const std::string& folder, const Limits& limits, Writer& writer) {
  if (limits.memory_bytes > 0) {
    // The memory limit must not exceed the limit of memory and swap: lift that one before, lower it afterwards.
    writer.write_if_present(folder, "memory.memsw.limit_in_bytes", "-1");
    writer.write(folder, "memory.limit_in_bytes", text("{}", limits.memory_bytes));
    if (!limits.swap) writer.write_if_present(folder, "memory.memsw.limit_in_bytes", text("{}", limits.memory_bytes));
  }
  if (limits.memory_reserve_bytes > 0) writer.write(folder, "memory.soft_limit_in_bytes", text("{}", limits.memory_reserve_bytes));
}

void apply_v1(const Group& group, const Limits& limits, Writer& writer) {
  if (limits.memory_bytes > 0 || limits.memory_reserve_bytes > 0) limit_memory_v1(folder_of(group, "memory"), limits, writer);
  const std::string cpu = folder_of(group, "cpu");
  if (limits.cpu_shares > 0) writer.write(cpu, "cpu.shares", text("{}", limits.cpu_shares));
  if (limits.cpu_quota_us > 0) {
    writer.write(cpu, "cpu.cfs_period_us", text("{}", limits.cpu_period_us));
    writer.write(cpu, "cpu.cfs_quota_us", text("{}", limits.cpu_quota_us));
  }
  if (limits.pids_max > 0) writer.write(folder_of(group, "pids"), "pids.max", text("{}", limits.pids_max));
  if (!limits.cpuset_mems.empty()) writer.write(folder_of(group, "cpuset"), "cpuset.mems", limits.cpuset_mems);
  if (!limits.cpuset_cpus.empty()) writer.write(folder_of(group, "cpuset"), "cpuset.cpus", limits.cpuset_cpus);
}

void apply_v2(const std::string& folder, const Limits& limits, Writer& writer) {
  if (limits.memory_bytes > 0) {
    writer.write(folder, "memory.max", text("{}", limits.memory_bytes));
    if (!limits.swap) writer.write_if_present(folder, "memory.swap.max", "0");
  }
  if (limits.memory_reserve_bytes > 0) writer.write(folder, "memory.low", text("{}", limits.memory_reserve_bytes));
  if (limits.oom_group) writer.write_if_present(folder, "memory.oom.group", "1");
  if (limits.cpu_shares > 0) writer.write(folder, "cpu.weight", text("{}", weight_of_shares(limits.cpu_shares)));
  if (limits.cpu_quota_us > 0) writer.write(folder, "cpu.max", text("{} {}", limits.cpu_quota_us, limits.cpu_period_us));
  if (limits.pids_max > 0) writer.write(folder, "pids.max", text("{}", limits.pids_max));
  if (!limits.cpuset_mems.empty()) writer.write(folder, "cpuset.mems", limits.cpuset_mems);
  if (!limits.cpuset_cpus.empty()) writer.write(folder, "cpuset.cpus", limits.cpuset_cpus);
}

/// "user N\nsystem N" in clock ticks.
void read_cpu_v1(const Group& group, Stats& stats) {
  const std::string account = folder_of(group, "cpuacct");
  if (account.empty()) return;
  const std::uint64_t ns_per_tick = 1'000'000'000ULL / static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  stats.cpu_total_ns = read_number(account + "/cpuacct.usage");
  const std::string split = read_text(account + "/cpuacct.stat");
  if (const auto user = find_number(split, "user")) stats.cpu_user_ns = *user * ns_per_tick;
  if (const auto system = find_number(split, "system")) stats.cpu_system_ns = *system * ns_per_tick;
}

void read_v1(const Group& group, Stats& stats) {
  read_cpu_v1(group, stats);
  if (const std::string memory = folder_of(group, "memory"); !memory.empty()) {
    const std::string content = read_text(memory + "/memory.stat");
    stats.memory_usage = read_number(memory + "/memory.usage_in_bytes");
    stats.memory_max_usage = read_number(memory + "/memory.max_usage_in_bytes");
    stats.memory_kernel = read_number(memory + "/memory.kmem.usage_in_bytes");
    stats.memory_kernel_max = read_number(memory + "/memory.kmem.max_usage_in_bytes");
    stats.memory_rss = find_number(content, "total_rss");
    stats.memory_cache = find_number(content, "total_cache");
    stats.memory_swap = find_number(content, "total_swap");
    stats.memory_mapped_file = find_number(content, "total_mapped_file");
  }
  if (const std::string cpu = folder_of(group, "cpu"); !cpu.empty()) {
    const std::string content = read_text(cpu + "/cpu.stat");
    stats.cpu_throttled_periods = find_number(content, "nr_throttled");
    stats.cpu_throttled_ns = find_number(content, "throttled_time");
  }
  if (const std::string pids = folder_of(group, "pids"); !pids.empty()) stats.pids = read_number(pids + "/pids.current");
}

void read_v2(const std::string& folder, Stats& stats) {
  const auto in_ns = [](std::optional<std::uint64_t> us) { return us ? std::optional(*us * ns_per_us) : std::nullopt; };
  const std::string cpu = read_text(folder + "/cpu.stat");
  stats.cpu_total_ns = in_ns(find_number(cpu, "usage_usec"));
  stats.cpu_user_ns = in_ns(find_number(cpu, "user_usec"));
  stats.cpu_system_ns = in_ns(find_number(cpu, "system_usec"));
  stats.cpu_throttled_periods = find_number(cpu, "nr_throttled");
  stats.cpu_throttled_ns = in_ns(find_number(cpu, "throttled_usec"));
  const std::string memory = read_text(folder + "/memory.stat");
  stats.memory_usage = read_number(folder + "/memory.current");
  stats.memory_max_usage = read_number(folder + "/memory.peak");
  stats.memory_rss = find_number(memory, "anon");
  stats.memory_cache = find_number(memory, "file");
  stats.memory_mapped_file = find_number(memory, "file_mapped");
  stats.memory_kernel = find_number(memory, "kernel");
  stats.memory_swap = read_number(folder + "/memory.swap.current");
  stats.pids = read_number(folder + "/pids.current");
}

}  // namespace

Result<void> apply(const Group& group, const Limits& limits) {
  Writer writer;
  if (group.v1.empty()) {
    apply_v2(group.v2, limits, writer);
  } else {
    apply_v1(group, limits, writer);  // a v2 folder beside v1 controllers kills and freezes; it limits nothing
  }
  return writer.result();
}

Stats stats(const Group& group) {
  Stats stats;
  if (!group.v1.empty()) read_v1(group, stats);
  else if (!group.v2.empty()) read_v2(group.v2, stats);
  return stats;
}

}  // namespace drover::cgroup
