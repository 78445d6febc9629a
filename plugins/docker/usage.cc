#include "plugins/docker/usage.h"

#include "plugins/docker/json.h"

namespace drover::docker {
namespace {

double growth(const json::value& now, const json::value& before, std::string_view path) {
  return static_cast<double>(integer_at(now, path)) - static_cast<double>(integer_at(before, path));
}

std::int64_t cores_of(const json::value& cpu) {
  const std::int64_t online = integer_at(cpu, "online_cpus");
  if (online > 0) return online;
  const json::array* each = at(cpu, "cpu_usage.percpu_usage").if_array();
  return each == nullptr ? 1 : std::max<std::int64_t>(static_cast<std::int64_t>(each->size()), 1);
}

sdk::CpuUsage cpu_of(const json::value& stats, double mhz_of_core) {
  const json::value& now = at(stats, "cpu_stats");
  const json::value& before = at(stats, "precpu_stats");
  sdk::CpuUsage out;
  out.throttled_periods = static_cast<std::uint64_t>(integer_at(now, "throttling_data.throttled_periods"));
  out.throttled_ns = static_cast<std::uint64_t>(integer_at(now, "throttling_data.throttled_time"));
  out.measured = {"Throttled Periods", "Throttled Time", "Percent"};
  const double machine = growth(now, before, "system_cpu_usage");
  const double container = growth(now, before, "cpu_usage.total_usage");
  if (machine <= 0 || container < 0) return out;
  const double scale = static_cast<double>(cores_of(now)) * 100 / machine;
  out.percent = container * scale;
  out.system_percent = std::max(growth(now, before, "cpu_usage.usage_in_kernelmode"), 0.0) * scale;
  out.user_percent = std::max(growth(now, before, "cpu_usage.usage_in_usermode"), 0.0) * scale;
  out.ticks_mhz = out.percent / 100 * mhz_of_core;
  return out;
}

std::uint64_t first_of(const json::value& memory, std::initializer_list<std::string_view> names) {
  for (const std::string_view name : names) {
    const std::int64_t found = integer_at(memory, "stats." + std::string(name));
    if (found > 0) return static_cast<std::uint64_t>(found);
  }
  return 0;
}

/// Groups of version 2 have other names for the same, and no maximum.
sdk::MemoryUsage memory_of(const json::value& stats) {
  const json::value& memory = at(stats, "memory_stats");
  sdk::MemoryUsage out;
  out.usage = static_cast<std::uint64_t>(integer_at(memory, "usage"));
  out.max_usage = static_cast<std::uint64_t>(integer_at(memory, "max_usage"));
  out.rss = first_of(memory, {"rss", "anon"});
  out.cache = first_of(memory, {"cache", "file"});
  out.swap = first_of(memory, {"swap"});
  out.measured = {"RSS", "Cache", "Swap", "Usage"};
  if (out.max_usage != 0 || out.usage == 0) out.measured.push_back("Max Usage");
  return out;
}

}  // namespace

Result<sdk::TaskUsage> parse_usage(const std::string& json_text, double mhz_of_core) {
  DROVER_LET(const json::value stats, parse_json(json_text, "the container's statistics"));
  // Of a container that does not run the engine tells zeros at the beginning of time.
  if (integer_at(stats, "cpu_stats.system_cpu_usage") == 0) return fail(Code::not_found, "the container does not run");
  sdk::TaskUsage usage;
  usage.total.cpu = cpu_of(stats, mhz_of_core);
  usage.total.memory = memory_of(stats);
  return usage;
}

}  // namespace drover::docker
