#pragma once

#include "agent/host_facts.h"

namespace drover::agent {

/// A small machine that never changes.
class FixedFacts final : public HostFacts {
 public:
  Async<HostReport> read() override {
    HostReport report;
    report.hostname = "sim";
    report.cores = {{0, 0, 0, true, true, 2000, 0, 0}, {1, 0, 0, true, true, 2000, 0, 0}};
    report.memory_bytes = 4ull << 30;
    report.disk_bytes = report.disk_free_bytes = 100ull << 30;
    report.attributes = {{"kernel.name", "linux"}, {"cpu.arch", "amd64"}};
    InterfaceFacts lo;
    lo.device = "lo";
    lo.loopback = true;
    lo.addresses.push_back({"ipv4", "127.0.0.1", ""});
    report.interfaces.push_back(lo);
    co_return report;
  }
  Async<HostUse> use() override {
    HostUse use;
    use.memory_total = 4ull << 30;
    co_return use;
  }
};

}  // namespace drover::agent
