#include "server/http/node_gauges.h"

#include <drover/result.h>

#include "model/proto/alloc.pb.h"
#include "model/proto/alloc_resources.pb.h"
#include "model/proto/node.pb.h"
#include "model/proto/node_resources.pb.h"

namespace drover::server {
namespace {

using Labels = std::vector<std::pair<std::string, std::string>>;

/// Labels in the order of their names; `extra` is one more of them, such as the disk.
Labels labels_of(const model::Node& node, std::string_view extra = "", const std::string& value = "") {
  const auto or_none = [](const std::string& text) { return text.empty() ? std::string("none") : text; };
  Labels out = {{"datacenter", node.datacenter()},
                {"node_class", or_none(node.node_class())},
                {"node_id", node.id()},
                {"node_pool", node.node_pool()},
                {"node_scheduling_eligibility", node.scheduling_eligibility()},
                {"node_status", node.status()}};
  if (!extra.empty()) out.emplace_back(extra, value);
  return out;
}

class Writer {
 public:
  explicit Writer(const model::Node& node) : node_(node) {}

  void add(std::string_view name, double value) { out_.push_back({.name = text("nomad.client.{}", name), .value = value, .labels = labels_of(node_)}); }
  void add(std::string_view name, double value, std::string_view label, const std::string& of) {
    out_.push_back({.name = text("nomad.client.{}", name), .value = value, .labels = labels_of(node_, label, of)});
  }
  std::vector<api::Gauge> take() { return std::move(out_); }

 private:
  const model::Node& node_;
  std::vector<api::Gauge> out_;
};

struct Given {
  std::int64_t cpu = 0;
  std::int64_t memory_mb = 0;
  std::int64_t memory_max_mb = 0;
  std::int64_t disk_mb = 0;
};

void add_given(const model::AllocatedResources& resources, Given& given) {
  given.disk_mb += resources.shared().disk_mb();
  for (const auto& [name, task] : resources.tasks()) {  // sums only: the order does not matter
    given.cpu += task.cpu().cpu_shares();
    given.memory_mb += task.memory().memory_mb();
    given.memory_max_mb += task.memory().memory_max_mb() > 0 ? task.memory().memory_max_mb() : task.memory().memory_mb();
  }
}

void add_allocations(const Snapshot& state, const model::Node& node, Writer& out) {
  Given given;
  std::size_t pending = 0, running = 0, terminal = 0;
  state.each_alloc_on_node(parse_uuid(node.id()), [&](const AllocRow& row) {
    if (row.client == ClientStatus::pending) ++pending;
    else if (row.client == ClientStatus::running) ++running;
    else ++terminal;
    const bool runs = row.client == ClientStatus::pending || row.client == ClientStatus::running;
    if (runs) add_given(state.message(row).allocated_resources(), given);
    return true;
  });
  out.add("allocations.blocked", 0);
  out.add("allocations.migrating", 0);
  out.add("allocations.pending", static_cast<double>(pending));
  out.add("allocations.running", static_cast<double>(running));
  out.add("allocations.terminal", static_cast<double>(terminal));

  const auto& whole = node.node_resources();
  const auto& kept = node.reserved_resources();
  out.add("allocated.cpu", static_cast<double>(given.cpu));
  out.add("allocated.memory", static_cast<double>(given.memory_mb));
  out.add("allocated.max_memory", static_cast<double>(given.memory_max_mb));
  out.add("allocated.disk", static_cast<double>(given.disk_mb));
  out.add("unallocated.cpu", static_cast<double>(whole.cpu().cpu_shares() - kept.cpu().cpu_shares() - given.cpu));
  out.add("unallocated.memory", static_cast<double>(whole.memory().memory_mb() - kept.memory().memory_mb() - given.memory_mb));
  out.add("unallocated.disk", static_cast<double>(whole.disk().disk_mb() - kept.disk().disk_mb() - given.disk_mb));
}

/// A figure of the agent's answer; 0 where it says none.
double figure(const Value& object, std::string_view name) {
  const Value* value = object.find(name);
  return value && value->is_number() ? value->real() : 0;
}

std::string name_of(const Value& object, std::string_view member) {
  const Value* value = object.find(member);
  return value && value->is_text() ? value->text() : "";
}

/// `rows` names each figure of ours and the member of the agent's answer that holds it.
using Figures = std::initializer_list<std::pair<std::string_view, std::string_view>>;

void add_rows(const Value* rows, std::string_view label, std::string_view named_by, Figures figures, Writer& out) {
  if (!rows || !rows->is_list()) return;
  for (const Value& row : rows->items()) {
    for (const auto& [name, member] : figures) out.add(name, figure(row, member), label, name_of(row, named_by));
  }
}

void add_host(const Value& host, Writer& out) {
  if (!host.is_map()) return;
  if (const Value* memory = host.find("Memory")) {
    for (const auto& [name, member] : Figures{{"available", "Available"}, {"free", "Free"}, {"total", "Total"}, {"used", "Used"}}) {
      out.add(text("host.memory.{}", name), figure(*memory, member));
    }
  }
  add_rows(host.find("CPU"), "cpu", "CPU",
           {{"host.cpu.idle", "Idle"},
            {"host.cpu.system", "System"},
            {"host.cpu.total", "TotalPercent"},
            {"host.cpu.total_percent", "TotalPercent"},
            {"host.cpu.total_ticks", "TotalTicks"},
            {"host.cpu.user", "User"}},
           out);
  add_rows(host.find("DiskStats"), "disk", "Device",
           {{"host.disk.available", "Available"},
            {"host.disk.inodes_percent", "InodesUsedPercent"},
            {"host.disk.size", "Size"},
            {"host.disk.used", "Used"},
            {"host.disk.used_percent", "UsedPercent"}},
           out);
  out.add("uptime", figure(host, "Uptime"));
}

}  // namespace

std::vector<api::Gauge> node_gauges(const Snapshot& state, const model::Node& node, const Value& host) {
  Writer out(node);
  add_allocations(state, node, out);
  add_host(host, out);
  return out.take();
}

}  // namespace drover::server
