#include <fstream>
#include <sstream>
#include <string>

#include <unistd.h>

#include "sdk/shim/remains.h"
#include "sdk/shim/supervised.h"

// What a process tree uses: of its group what the group counts, of each process what /proc tells.
namespace drover::sdk::shim {

namespace {

constexpr std::size_t listed_pids_max = 256;  // of one task; the rest is in the total only where a group counts it

std::string read_text(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream content;
  if (file) content << file.rdbuf();
  return content.str();
}

struct OfProcess {
  std::uint64_t user_ns = 0, system_ns = 0;
  std::uint64_t rss = 0, swap = 0;
};

std::uint64_t kilobytes_in(const std::string& status, std::string_view name) {
  const auto at = status.find(name);
  return at == std::string::npos ? 0 : std::strtoull(status.c_str() + at + name.size(), nullptr, 10) * 1024;
}

/// Nothing when the process is gone.
std::optional<OfProcess> read_process(int pid) {
  const std::string stat = read_text(text("/proc/{}/stat", pid));
  const auto name_end = stat.rfind(')');
  if (name_end == std::string::npos) return std::nullopt;
  std::istringstream fields(stat.substr(name_end + 1));
  std::string skipped;
  for (int field = 3; field < 14; ++field) fields >> skipped;
  std::uint64_t user = 0, system = 0;
  fields >> user >> system;
  const std::uint64_t ns_per_tick = 1'000'000'000ULL / static_cast<std::uint64_t>(::sysconf(_SC_CLK_TCK));
  const std::string status = read_text(text("/proc/{}/status", pid));
  return OfProcess{user * ns_per_tick, system * ns_per_tick, kilobytes_in(status, "VmRSS:"), kilobytes_in(status, "VmSwap:")};
}

std::uint64_t grown(std::uint64_t before, std::uint64_t now) { return now > before ? now - before : 0; }

double percent_of(std::uint64_t used_ns, double wall_ns) { return wall_ns <= 0 ? 0 : static_cast<double>(used_ns) / wall_ns * 100; }

template <class T>
void take(std::optional<T> value, T& into, const char* name, std::vector<std::string>& measured) {
  if (!value) return;
  into = *value;
  measured.emplace_back(name);
}

/// What the group counts replaces the sums over processes.
void take_memory(const cgroup::Stats& stats, MemoryUsage& memory) {
  if (!stats.memory_usage) return;
  memory.measured.clear();
  take(stats.memory_rss, memory.rss, "RSS", memory.measured);
  take(stats.memory_cache, memory.cache, "Cache", memory.measured);
  take(stats.memory_swap, memory.swap, "Swap", memory.measured);
  take(stats.memory_usage, memory.usage, "Usage", memory.measured);
  take(stats.memory_max_usage, memory.max_usage, "Max Usage", memory.measured);
  take(stats.memory_kernel, memory.kernel_usage, "Kernel Usage", memory.measured);
  take(stats.memory_kernel_max, memory.kernel_max_usage, "Kernel Max Usage", memory.measured);
}

}  // namespace

SupervisedProcess::Sample SupervisedProcess::sample(TaskUsage& usage) const {
  Sample now;
  now.at = std::chrono::steady_clock::now();
  std::set<int> pids = descendants(identity_.shim.pid);
  if (pids.empty() && is_running(identity_.main)) pids.insert(identity_.main.pid);
  if (placement_.owned)
    for (const int pid : cgroup::processes(placement_.group)) pids.insert(pid);
  MemoryUsage& memory = usage.total.memory;
  memory.measured = {"RSS", "Swap"};
  for (const int pid : pids) {
    const auto process = read_process(pid);
    if (!process) continue;
    memory.rss += process->rss;
    memory.swap += process->swap;
    now.total.user_ns += process->user_ns;
    now.total.system_ns += process->system_ns;
    if (now.by_pid.size() == listed_pids_max) continue;
    now.by_pid[pid] = {process->user_ns, process->system_ns, process->user_ns + process->system_ns};
    MemoryUsage& own = usage.by_pid[std::to_string(pid)].memory;
    own.rss = process->rss;
    own.swap = process->swap;
    own.measured = {"RSS", "Swap"};
  }
  now.total.total_ns = now.total.user_ns + now.total.system_ns;
  if (!placement_.owned) return now;

  const cgroup::Stats stats = cgroup::stats(placement_.group);
  take_memory(stats, memory);
  if (stats.cpu_total_ns) now.total.total_ns = *stats.cpu_total_ns;
  if (stats.cpu_user_ns) now.total.user_ns = *stats.cpu_user_ns;
  if (stats.cpu_system_ns) now.total.system_ns = *stats.cpu_system_ns;
  take(stats.cpu_throttled_periods, usage.total.cpu.throttled_periods, "Throttled Periods", usage.total.cpu.measured);
  take(stats.cpu_throttled_ns, usage.total.cpu.throttled_ns, "Throttled Time", usage.total.cpu.measured);
  return now;
}

Result<TaskUsage> SupervisedProcess::usage(double mhz_of_core) {
  if (ending_->get()) return fail(Code::not_found, "process {} has ended", identity_.main.pid);
  const std::lock_guard lock(usage_mutex_);
  TaskUsage usage;
  Sample now = sample(usage);
  const bool first = !last_sample_.has_value();
  const Duration lifetime = std::chrono::system_clock::now() - started_at();
  const double wall_ns = static_cast<double>(first ? lifetime.count() : Duration(now.at - last_sample_->at).count());

  const auto fill = [wall_ns, mhz_of_core](const CpuTimes& before, const CpuTimes& after, CpuUsage& cpu) {
    cpu.user_percent = percent_of(grown(before.user_ns, after.user_ns), wall_ns);
    cpu.system_percent = percent_of(grown(before.system_ns, after.system_ns), wall_ns);
    cpu.percent = percent_of(grown(before.total_ns, after.total_ns), wall_ns);
    cpu.ticks_mhz = cpu.percent / 100 * mhz_of_core;
    for (const char* name : {"System Mode", "User Mode", "Percent", "Total Ticks"}) cpu.measured.emplace_back(name);
  };
  fill(first ? CpuTimes{} : last_sample_->total, now.total, usage.total.cpu);
  for (const auto& [pid, times] : now.by_pid) {
    const auto known = first ? decltype(now.by_pid.end()){} : last_sample_->by_pid.find(pid);
    const bool has_before = !first && known != last_sample_->by_pid.end();
    fill(has_before ? known->second : CpuTimes{}, times, usage.by_pid[std::to_string(pid)].cpu);
  }
  usage.at = std::chrono::system_clock::now();
  last_sample_ = std::move(now);
  return usage;
}

}  // namespace drover::sdk::shim
