#include <fmt/format.h>

#include <algorithm>

#include "cli/command.h"
#include "cli/lookup.h"
#include "cli/output.h"

namespace drover::cli {
namespace {

std::vector<std::pair<std::string, std::string>> sorted_pairs(const Value::Map& map) {
  std::vector<std::pair<std::string, std::string>> rows;
  for (const auto& [key, value] : map) rows.emplace_back(key, value.is_text() ? value.text() : "");
  std::ranges::sort(rows);
  return rows;
}

int list_nodes(Context& context) {
  auto nodes = context.api.get("/v1/nodes");
  if (!nodes.ok()) return failed("Error querying node status", nodes.error());
  if (auto code = machine_output(context, *nodes)) return *code;
  if (context.flags.is_on("quiet")) {
    for (const Value& node : nodes->items()) out(short_id(text_of(node, "ID"), context.verbose()));
    return 0;
  }
  if (nodes->items().empty()) return 0;
  std::vector<std::vector<std::string>> rows = {{"ID", "Node Pool", "DC", "Name", "Class"}};
  auto& head = rows[0];
  if (context.verbose()) head.insert(head.end(), {"Address", "Version"});
  head.insert(head.end(), {"Drain", "Eligibility", "Status"});
  for (const Value& node : nodes->items()) {
    std::vector<std::string> row = {short_id(text_of(node, "ID"), context.verbose()), text_of(node, "NodePool"), text_of(node, "Datacenter"),
                                    text_of(node, "Name"), text_of(node, "NodeClass")};
    if (context.verbose()) row.insert(row.end(), {text_of(node, "Address"), text_of(node, "Version")});
    row.insert(row.end(), {text_of(node, "Drain"), text_of(node, "SchedulingEligibility"), text_of(node, "Status")});
    rows.push_back(std::move(row));
  }
  out(table(rows));
  return 0;
}

void show_drivers(const Value& node, Instant now) {
  std::vector<std::vector<std::string>> rows = {{"Driver", "Detected", "Healthy", "Message", "Time"}};
  auto drivers = map_of(node, "Drivers");
  std::ranges::sort(drivers, {}, &Value::Member::first);
  for (const auto& [name, info] : drivers) {
    rows.push_back({name, text_of(info, "Detected"), text_of(info, "Healthy"), text_of(info, "HealthDescription"), ago(time_of(info, "UpdateTime"), now)});
  }
  out("\nDrivers\n" + table(rows));
}

void show_resources(const Value& node, const Value::List& allocs) {
  std::int64_t cpu = 0, memory = 0, disk = 0;
  for (const Value& alloc : allocs) {
    const std::string status = text_of(alloc, "ClientStatus");
    if (status != "running" && status != "pending") continue;
    const Value& resources = member_of(alloc, "AllocatedResources");
    for (const auto& [task, given] : map_of(resources, "Tasks")) {
      cpu += integer_of(member_of(given, "Cpu"), "CpuShares");
      memory += integer_of(member_of(given, "Memory"), "MemoryMB");
    }
    disk += integer_of(member_of(resources, "Shared"), "DiskMB");
  }
  const Value& has = member_of(node, "NodeResources");
  constexpr double mib = 1024 * 1024;
  out("\nAllocated Resources\n" +
      table({{"CPU", "Memory", "Disk"},
             {fmt::format("{}/{} MHz", cpu, integer_of(member_of(has, "Cpu"), "CpuShares")),
              bytes_text(static_cast<double>(memory) * mib) + "/" + bytes_text(static_cast<double>(integer_of(member_of(has, "Memory"), "MemoryMB")) * mib),
              bytes_text(static_cast<double>(disk) * mib) + "/" + bytes_text(static_cast<double>(integer_of(member_of(has, "Disk"), "DiskMB")) * mib)}}));
}

int show_node(Context& context, const std::string& id) {
  auto node = context.api.get("/v1/node/" + id);
  if (!node.ok()) return failed("Error querying node info", node.error());
  if (auto code = machine_output(context, *node)) return *code;
  auto allocs = context.api.get("/v1/node/" + id + "/allocations");
  if (!allocs.ok()) return failed("Error querying node allocations", allocs.error());
  const Instant now = context.world.now();
  std::vector<std::string> healthy;
  for (const auto& [name, info] : map_of(*node, "Drivers")) {
    if (bool_of(info, "Healthy")) healthy.push_back(name);
  }
  out(key_values({{"ID", short_id(id, context.verbose())},
                  {"Name", text_of(*node, "Name")},
                  {"Node Pool", text_of(*node, "NodePool")},
                  {"Class", text_of(*node, "NodeClass")},
                  {"DC", text_of(*node, "Datacenter")},
                  {"Drain", text_of(*node, "Drain")},
                  {"Eligibility", text_of(*node, "SchedulingEligibility")},
                  {"Status", text_of(*node, "Status")},
                  {"Drivers", fmt::format("{}", fmt::join(healthy, ","))}}));
  if (context.flags.is_on("short")) return 0;
  show_drivers(*node, now);
  std::vector<std::vector<std::string>> events = {{"Time", "Subsystem", "Message"}};
  for (const Value& event : list_of(*node, "Events")) events.push_back({stamp(time_of(event, "Timestamp")), text_of(event, "Subsystem"), text_of(event, "Message")});
  out("\nNode Events\n" + table(events));
  show_resources(*node, allocs->items());
  std::vector<std::vector<std::string>> rows = {{"ID", "Job ID", "Task Group", "Version", "Desired", "Status", "Created", "Modified"}};
  for (const Value& alloc : allocs->items()) {
    const Value& job = member_of(alloc, "Job");
    rows.push_back({short_id(text_of(alloc, "ID"), context.verbose()), text_of(alloc, "JobID"), text_of(alloc, "TaskGroup"), text_of(job, "Version"),
                    text_of(alloc, "DesiredStatus"), text_of(alloc, "ClientStatus"), ago(integer_of(alloc, "CreateTime"), now), ago(integer_of(alloc, "ModifyTime"), now)});
  }
  out("\nAllocations\n" + (rows.size() == 1 ? "No allocations placed" : table(rows)));
  if (context.verbose()) {
    out("\nAttributes\n" + key_values(sorted_pairs(map_of(*node, "Attributes"))));
    const auto meta = sorted_pairs(map_of(*node, "Meta"));
    if (!meta.empty()) out("\nMeta\n" + key_values(meta));
  }
  return 0;
}

Result<std::string> self_node(Context& context) {
  DROVER_LET(const Value self, context.api.get("/v1/agent/self"));
  const std::string id = text_of(member_of(member_of(self, "stats"), "client"), "node_id");
  if (id.empty()) return fail(Code::not_found, "this agent is no client");
  return id;
}

int node_status(Context& context) {
  if (context.args().empty() && !context.flags.is_on("self")) return list_nodes(context);
  auto id = context.flags.is_on("self") ? self_node(context) : find_node(context, context.args()[0]);
  if (!id.ok()) {
    err(id.error().message);
    return 1;
  }
  return show_node(context, *id);
}

int node_eligibility(Context& context) {
  const bool enable = context.flags.is_on("enable"), disable = context.flags.is_on("disable");
  if (enable == disable) return usage_error(context, "Either the '-enable' or '-disable' flag must be set");
  if (context.args().empty() && !context.flags.is_on("self")) return usage_error(context, "Node ID must be specified if -self isn't being used");
  auto id = context.flags.is_on("self") ? self_node(context) : find_node(context, context.args()[0]);
  if (!id.ok()) {
    err(id.error().message);
    return 1;
  }
  Value body = Value::map();
  body.set("NodeID", *id).set("Eligibility", enable ? "eligible" : "ineligible");
  auto answer = context.api.put("/v1/node/" + *id + "/eligibility", body);
  if (!answer.ok()) return failed("Error updating scheduling eligibility", answer.error());
  out(fmt::format("Node \"{}\" scheduling eligibility set: {} for scheduling", *id, enable ? "eligible" : "ineligible"));
  return 0;
}

}  // namespace

void add_node_commands(std::vector<Command>& rows) {
  const std::vector<Flag> status_flags = {{"self", "", "this agent's node"}, {"short", "", "only the head"}, {"quiet", "", "only ids"}, {"verbose", "", "whole ids, attributes"},
                                          {"json", "", "print the API object"}, {"t", "<template>", "format with a Go template"}};
  rows.push_back({"node status", "[node]", "shows nodes, or one node", "drover node status -self", status_flags, node_status, 0, 1, "nodes"});
  rows.push_back({"node-status", "[node]", "shows nodes, or one node", "", status_flags, node_status, 0, 1, "nodes", true});
  rows.push_back({"node eligibility", "<node>", "lets a node take new allocations, or not", "drover node eligibility -disable worker-1",
                  {{"enable", "", "eligible"}, {"disable", "", "ineligible"}, {"self", "", "this agent's node"}}, node_eligibility, 0, 1, "nodes"});
}

}  // namespace drover::cli
