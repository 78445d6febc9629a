#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include <drover/result.h>

#include "base/loop/async.h"
#include "base/loop/time.h"

namespace drover::agent {

struct CpuCoreFacts {
  std::uint32_t id = 0;
  std::uint32_t socket = 0;
  std::uint32_t numa_node = 0;
  bool performance = true;  ///< false: an efficiency core
  bool usable = true;       ///< in the cpuset that the agent may use
  std::uint64_t mhz_base = 0;
  std::uint64_t mhz_max = 0;
  std::uint64_t mhz_guess = 0;
};

struct InterfaceFacts {
  struct Address {
    std::string family;  ///< "ipv4", "ipv6"
    std::string address;
    std::string gateway;
  };
  std::string device;
  std::string mac;
  std::int64_t speed_mbits = 1000;
  bool default_route = false;
  bool loopback = false;
  std::vector<Address> addresses;
};

/// What this machine is.
struct HostReport {
  std::vector<CpuCoreFacts> cores;
  std::uint64_t memory_bytes = 0;
  std::uint64_t disk_bytes = 0;  ///< of the file system that holds the allocations
  std::uint64_t disk_free_bytes = 0;
  std::string disk_volume;
  std::vector<InterfaceFacts> interfaces;
  std::map<std::string, std::string> attributes;  ///< cpu.arch, kernel.name, os.name, unique.hostname, …
  std::string hostname;
  std::vector<std::string> missing;  ///< one sentence for each fact that could not be read
};

struct CpuUse {
  std::string cpu;
  double user = 0, system = 0, idle = 0, total_percent = 0, total_ticks = 0;
};

struct DiskUse {
  std::string device;
  std::string mountpoint;
  std::uint64_t size = 0, used = 0, available = 0;
  double used_percent = 0, inodes_used_percent = 0;
};

/// What of it is in use now.
struct HostUse {
  std::uint64_t memory_total = 0, memory_available = 0, memory_used = 0, memory_free = 0;
  std::vector<CpuUse> cpus;
  std::vector<DiskUse> disks;
  DiskUse alloc_disk;
  std::uint64_t uptime_seconds = 0;
  double cpu_ticks = 0;
};

/// Looks at the machine: /proc, /sys and system calls in production, a fixed report in tests. No network look-ups.
/// A fact that cannot be read is left out and named in `missing`; the rest stands.
class HostFacts {
 public:
  virtual ~HostFacts() = default;
  virtual Async<HostReport> read() = 0;
  /// Rates are averages since the last call.
  virtual Async<HostUse> use() = 0;
};

}  // namespace drover::agent
