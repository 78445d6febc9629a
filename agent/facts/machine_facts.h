#pragma once

#include <map>
#include <memory>
#include <string>

#include "agent/host_facts.h"
#include "base/loop/loop.h"
#include "base/loop/workers.h"

namespace drover::agent {

/// Where to look, so that tests can show another machine.
struct MachinePaths {
  std::string root;       ///< in front of /proc, /sys and /etc; "" for this machine
  std::string alloc_dir;  ///< whose file system is the storage; an ancestor is taken when it does not exist yet
};

/// Jiffies of one processor since boot, from /proc/stat.
struct CpuTimes {
  std::uint64_t user = 0, system = 0, idle = 0, total = 0;
};
std::map<std::string, CpuTimes> parse_cpu_times(const std::string& proc_stat);
/// "MemTotal" → bytes, from /proc/meminfo.
std::map<std::string, std::uint64_t> parse_meminfo(const std::string& text);
/// "0-2,5" → {0, 1, 2, 5}; what is malformed is skipped.
std::vector<std::uint32_t> parse_id_set(const std::string& text);

/// The machine itself: /proc, /sys and system calls. Reads on a worker thread.
class MachineFacts final : public HostFacts {
 public:
  MachineFacts(Loop& loop, MachinePaths paths);

  Async<HostReport> read() override;
  Async<HostUse> use() override;

 private:
  Loop& loop_;
  MachinePaths paths_;
  std::map<std::string, CpuTimes> last_;  ///< of the last use()
  double total_mhz_ = 0;
  ThreadWorkers thread_;
};

/// The pure part of a report, for tests: texts of /proc and /sys in, facts out. Blocks on files only.
HostReport read_report(const MachinePaths& paths);

}  // namespace drover::agent
