#include "model/fit.h"

#include <algorithm>
#include <bit>
#include <charconv>
#include <cmath>

#include "model/proto/alloc_resources.pb.h"
#include "model/proto/group.pb.h"
#include "model/proto/node.pb.h"

namespace drover::model {
namespace {

constexpr std::uint64_t port_probes_max = 8;  ///< before all ports are looked at
constexpr double score_max = 18;  ///< of a perfect fit

/// When a task runs, as far as sums of resources care.
enum class Phase { main, prestart, prestart_sidecar, poststart, poststop };

Phase phase_of(std::string_view hook, bool sidecar) {
  if (hook == "prestart") return sidecar ? Phase::prestart_sidecar : Phase::prestart;
  if (hook == "poststart") return Phase::poststart;
  return hook == "poststop" ? Phase::poststop : Phase::main;
}

/// The most that runs at the same time, in each dimension.
class Peak {
 public:
  void add(Phase phase, const Capacity& task) {
    if (phase == Phase::main || phase == Phase::poststart || phase == Phase::prestart_sidecar) main_ += task;
    if (phase == Phase::prestart || phase == Phase::prestart_sidecar) prestart_ += task;
    if (phase == Phase::poststop) poststop_ += task;
  }
  Capacity value() const {
    return {.cpu = std::max({main_.cpu, prestart_.cpu, poststop_.cpu}),
            .memory_mb = std::max({main_.memory_mb, prestart_.memory_mb, poststop_.memory_mb}),
            .disk_mb = 0};
  }

 private:
  Capacity main_;
  Capacity prestart_;
  Capacity poststop_;
};

double free_share(std::int64_t total, std::int64_t used) {
  return total <= 0 ? 0 : 1.0 - static_cast<double>(used) / static_cast<double>(total);
}

/// 10^x; this is what ranking all nodes spends its time on.
double power_of_ten(double x) { return std::exp2(x * 3.321928094887362347870319429489390175864); }

double free_powers(const Capacity& node, const Capacity& used) {
  return power_of_ten(free_share(node.cpu, used.cpu)) + power_of_ten(free_share(node.memory_mb, used.memory_mb));
}

std::optional<std::uint16_t> port_number(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, problem] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (problem != std::errc{} || text.empty() || end != text.data() + text.size()) return {};
  return port;
}

std::string_view trimmed(std::string_view text) {
  while (!text.empty() && text.front() == ' ') text.remove_prefix(1);
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

}  // namespace

Capacity& Capacity::operator+=(const Capacity& other) {
  cpu += other.cpu;
  memory_mb += other.memory_mb;
  disk_mb += other.disk_mb;
  return *this;
}

Capacity& Capacity::operator-=(const Capacity& other) {
  cpu -= other.cpu;
  memory_mb -= other.memory_mb;
  disk_mb -= other.disk_mb;
  return *this;
}

std::string_view exhausted_dimension(const Capacity& free, const Capacity& wanted) {
  if (wanted.cpu > free.cpu) return "cpu";
  if (wanted.memory_mb > free.memory_mb) return "memory";
  return wanted.disk_mb > free.disk_mb ? "disk" : "";
}

Capacity capacity_of(const Node& node) {
  const auto& has = node.node_resources();
  const auto& keeps = node.reserved_resources();
  return {.cpu = has.cpu().cpu_shares() - keeps.cpu().cpu_shares(),
          .memory_mb = has.memory().memory_mb() - keeps.memory().memory_mb(),
          .disk_mb = has.disk().disk_mb() - keeps.disk().disk_mb()};
}

Capacity capacity_of(const AllocatedResources& given) {
  Peak peak;
  for (const auto& [name, task] : given.tasks()) {  // sums: the order does not matter
    const auto cycle = given.task_lifecycles().find(name);
    const bool plain = cycle == given.task_lifecycles().end();
    const Phase phase = plain ? Phase::main : phase_of(cycle->second.hook(), cycle->second.sidecar());
    peak.add(phase, {.cpu = task.cpu().cpu_shares(), .memory_mb = task.memory().memory_mb()});
  }
  Capacity total = peak.value();
  total.disk_mb = given.shared().disk_mb();
  return total;
}

GroupAsk ask_of(const TaskGroup& group) {
  Peak peak;
  GroupAsk ask;
  for (const Task& task : group.tasks()) {
    const auto& resources = task.resources();
    ask.cores += resources.cores();
    peak.add(phase_of(task.lifecycle().hook(), task.lifecycle().sidecar()),
             {.cpu = resources.cores() > 0 ? 0 : resources.cpu(), .memory_mb = resources.memory_mb() + resources.secrets_mb()});
  }
  ask.capacity = peak.value();
  ask.capacity.disk_mb = group.ephemeral_disk().size_mb();
  return ask;
}

double binpack_score(const Capacity& node, const Capacity& used) {
  return std::clamp(20.0 - free_powers(node, used), 0.0, score_max) / score_max;
}

double spread_score(const Capacity& node, const Capacity& used) {
  return std::clamp(free_powers(node, used) - 2.0, 0.0, score_max) / score_max;
}

std::optional<std::vector<std::uint16_t>> parse_ports(std::string_view list) {
  std::vector<std::uint16_t> ports;
  if (trimmed(list).empty()) return ports;
  for (;;) {
    const auto comma = list.find(',');
    const auto part = trimmed(list.substr(0, comma));
    const auto dash = part.find('-');
    const auto first = port_number(trimmed(part.substr(0, dash)));
    const auto last = dash == std::string_view::npos ? first : port_number(trimmed(part.substr(dash + 1)));
    if (!first || !last || *first > *last) return {};
    for (int port = *first; port <= *last; ++port) ports.push_back(static_cast<std::uint16_t>(port));
    if (comma == std::string_view::npos) break;
    list.remove_prefix(comma + 1);
  }
  std::ranges::sort(ports);
  ports.erase(std::ranges::unique(ports).begin(), ports.end());
  return ports;
}

std::size_t PortSet::count_in(std::uint16_t first, std::uint16_t last) const {
  std::size_t count = 0;
  for (int port = first; port <= last;) {
    if (port % 64 == 0 && port + 63 <= last) {
      count += static_cast<std::size_t>(std::popcount(words_[static_cast<std::size_t>(port) / 64]));
      port += 64;
    } else {
      count += has(static_cast<std::uint16_t>(port++));
    }
  }
  return count;
}

std::optional<std::uint16_t> PortSet::free_port(std::uint16_t first, std::uint16_t last, std::uint64_t pick) const {
  const std::uint64_t size = static_cast<std::uint64_t>(last) - first + 1;
  // Most ports of a range are free most of the time.
  for (std::uint64_t probe = 0; probe < port_probes_max; ++probe) {
    const auto port = static_cast<std::uint16_t>(first + (pick + probe * probe) % size);
    if (!has(port)) return port;
  }
  const std::uint64_t taken = count_in(first, last);
  if (taken >= size) return {};
  std::uint64_t left = pick % (size - taken);
  for (int port = first; port <= last; ++port) {
    if (has(static_cast<std::uint16_t>(port))) continue;
    if (left-- == 0) return static_cast<std::uint16_t>(port);
  }
  return {};
}

PortRange dynamic_range(const Node& node) {
  PortRange range;
  const auto& resources = node.node_resources();
  const auto valid = [](std::int64_t port) { return port > 0 && port <= 65535; };
  if (valid(resources.min_dynamic_port())) range.first = static_cast<std::uint16_t>(resources.min_dynamic_port());
  if (valid(resources.max_dynamic_port())) range.last = static_cast<std::uint16_t>(resources.max_dynamic_port());
  if (range.first > range.last) range = {};
  return range;
}

}  // namespace drover::model
