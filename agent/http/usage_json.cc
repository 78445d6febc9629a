#include "agent/http/usage_json.h"

#include <algorithm>

#include "model/json/codec.h"
#include "model/proto/usage.pb.h"

namespace drover::agent {
namespace {

/// What is measured of a sum is what is measured of any part.
void add_measured(const std::vector<std::string>& names, google::protobuf::RepeatedPtrField<std::string>& to) {
  for (const std::string& name : names) {
    if (std::find(to.begin(), to.end(), name) == to.end()) *to.Add() = name;
  }
}

void add(const Usage& usage, model::ResourceUsage& out) {
  model::MemoryStats& memory = *out.mutable_memory_stats();
  memory.set_rss(memory.rss() + usage.rss);
  memory.set_cache(memory.cache() + usage.cache);
  memory.set_swap(memory.swap() + usage.swap);
  memory.set_usage(memory.usage() + usage.usage);
  memory.set_max_usage(memory.max_usage() + usage.max_usage);
  memory.set_kernel_usage(memory.kernel_usage() + usage.kernel_usage);
  memory.set_kernel_max_usage(memory.kernel_max_usage() + usage.kernel_max_usage);
  model::CpuStats& cpu = *out.mutable_cpu_stats();
  cpu.set_system_mode(cpu.system_mode() + usage.cpu_system);
  cpu.set_user_mode(cpu.user_mode() + usage.cpu_user);
  cpu.set_total_ticks(cpu.total_ticks() + usage.cpu_total_ticks);
  cpu.set_percent(cpu.percent() + usage.cpu_percent);
  cpu.set_throttled_periods(cpu.throttled_periods() + usage.cpu_throttled_periods);
  cpu.set_throttled_time(cpu.throttled_time() + usage.cpu_throttled_time);
  add_measured(usage.memory_measured, *memory.mutable_measured());
  add_measured(usage.cpu_measured, *cpu.mutable_measured());
}

model::ResourceUsage to_message(const Usage& usage) {
  model::ResourceUsage out;
  add(usage, out);
  return out;
}

model::HostDiskStats to_message(const DiskUse& disk) {
  model::HostDiskStats out;
  out.set_device(disk.device);
  out.set_mountpoint(disk.mountpoint);
  out.set_size(disk.size);
  out.set_used(disk.used);
  out.set_available(disk.available);
  out.set_used_percent(disk.used_percent);
  out.set_inodes_used_percent(disk.inodes_used_percent);
  return out;
}

}  // namespace

std::string alloc_usage_json(const std::map<std::string, TaskUsage>& tasks) {
  model::AllocResourceUsage out;
  out.mutable_resource_usage()->mutable_memory_stats();
  out.mutable_resource_usage()->mutable_cpu_stats();
  out.mutable_resource_usage()->set_device_stats("[]");
  for (const auto& [name, usage] : tasks) {
    model::TaskResourceUsage& task = (*out.mutable_tasks())[name];
    *task.mutable_resource_usage() = to_message(usage.total);
    task.set_timestamp(to_ns(usage.at));
    for (const auto& [pid, one] : usage.by_pid) (*task.mutable_pids())[pid] = to_message(one);
    add(usage.total, *out.mutable_resource_usage());
    out.set_timestamp(std::max(out.timestamp(), task.timestamp()));
  }
  std::string json = model::to_json(out);
  // Clients know no tasks as an object without members.
  constexpr std::string_view none = "\"Tasks\":null";
  if (const std::size_t at = json.find(none); tasks.empty() && at != std::string::npos) json.replace(at, none.size(), "\"Tasks\":{}");
  return json;
}

std::string host_use_json(const HostUse& use, Instant now) {
  model::HostStats out;
  out.mutable_memory()->set_total(use.memory_total);
  out.mutable_memory()->set_available(use.memory_available);
  out.mutable_memory()->set_used(use.memory_used);
  out.mutable_memory()->set_free(use.memory_free);
  for (const CpuUse& cpu : use.cpus) {
    model::HostCpuStats& one = *out.add_cpu();
    one.set_cpu(cpu.cpu);
    one.set_user(cpu.user);
    one.set_system(cpu.system);
    one.set_idle(cpu.idle);
    one.set_total_percent(cpu.total_percent);
    one.set_total_ticks(cpu.total_ticks);
  }
  for (const DiskUse& disk : use.disks) *out.add_disk_stats() = to_message(disk);
  *out.mutable_alloc_dir_stats() = to_message(use.alloc_disk);
  out.set_uptime(use.uptime_seconds);
  out.set_timestamp(to_ns(now));
  out.set_cpu_ticks_consumed(use.cpu_ticks);
  return model::to_json(out);
}

}  // namespace drover::agent
