#include "agent/facts/node_facts.h"

#include <algorithm>
#include <set>

namespace drover::agent {
namespace {

// Firmware's usual distances between memory nodes; the real ones matter to no driver that is known.
constexpr unsigned distance_local = 10;
constexpr unsigned distance_remote = 20;

}  // namespace

sdk::NodeFacts node_facts(const HostReport& host, const Settings& settings) {
  sdk::NodeFacts facts;
  std::set<unsigned> numa_nodes;
  for (const CpuCoreFacts& core : host.cores) {
    facts.cores.push_back({core.id, core.socket, core.numa_node, !core.performance, !core.usable, core.mhz_base, core.mhz_max, core.mhz_guess});
    numa_nodes.insert(core.numa_node);
  }
  facts.numa_nodes.assign(numa_nodes.begin(), numa_nodes.end());
  for (const unsigned from : facts.numa_nodes) {
    for (const unsigned to : facts.numa_nodes) facts.numa_distances.push_back(from == to ? distance_local : distance_remote);
  }
  // A total that is given stands for what tasks may use: nothing is withheld of it.
  facts.override_total_mhz = static_cast<std::uint64_t>(std::max<std::int64_t>(0, settings.cpu_total_compute));
  if (facts.override_total_mhz == 0) facts.withheld_mhz = static_cast<std::uint64_t>(std::max<std::int64_t>(0, settings.reserved_cpu));
  return facts;
}

}  // namespace drover::agent
