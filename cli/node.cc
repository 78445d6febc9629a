#include <fmt/format.h>

#include <algorithm>

#include "cli/allocs_table.h"
#include "cli/command.h"
#include "cli/lookup.h"
#include "cli/output.h"
#include "cli/pages.h"

/// node status: the list of nodes, and everything about one.
namespace drover::cli {
namespace {

constexpr double mib = 1024 * 1024;
constexpr std::int64_t second_ns = 1'000'000'000;

std::vector<std::pair<std::string, std::string>> sorted_pairs(const Value::Map& map) {
  std::vector<std::pair<std::string, std::string>> rows;
  for (const auto& [key, value] : map) rows.emplace_back(key, value.is_text() ? value.text() : "");
  std::ranges::sort(rows);
  return rows;
}

std::string names_in(const Value::Map& map) {
  std::vector<std::string> names;
  for (const auto& [name, value] : map) names.push_back(name);
  std::ranges::sort(names);
  return fmt::format("{}", fmt::join(names, ","));
}

Result<std::string> running_allocs(Context& context, const Value& node) {
  DROVER_LET(const Value allocs, context.api.get("/v1/node/" + text_of(node, "ID") + "/allocations"));
  return std::to_string(std::ranges::count_if(allocs.items(), [](const Value& alloc) { return text_of(alloc, "ClientStatus") == "running"; }));
}

int list_nodes(Context& context) {
  const Flags& flags = context.flags;
  Query query = page_query(context);
  if (flags.is_on("os")) query.emplace_back("os", "true");
  std::string next_token;
  auto nodes = context.api.get_page("/v1/nodes", query, next_token);
  if (!nodes.ok()) return failed("Error querying node status", nodes.error());
  if (auto code = machine_output(context, *nodes)) return *code;
  if (flags.is_on("quiet")) {
    for (const Value& node : nodes->items()) out(text_of(node, "ID"));
    return 0;
  }
  if (nodes->items().empty()) return 0;
  const bool whole = context.verbose(), with_os = flags.is_on("os"), with_allocs = flags.is_on("allocs");
  std::vector<std::vector<std::string>> rows = {{"ID", "Node Pool", "DC", "Name", "Class"}};
  auto& head = rows[0];
  if (with_os) head.emplace_back("OS");
  if (whole) head.insert(head.end(), {"Address", "Version"});
  head.insert(head.end(), {"Drain", "Eligibility", "Status"});
  if (with_allocs) head.emplace_back("Running Allocs");
  for (const Value& node : nodes->items()) {
    std::vector<std::string> row = {short_id(text_of(node, "ID"), whole), text_of(node, "NodePool"), text_of(node, "Datacenter"), text_of(node, "Name"), text_of(node, "NodeClass")};
    if (with_os) row.push_back(text_of(member_of(node, "Attributes"), "os.name"));
    if (whole) row.insert(row.end(), {text_of(node, "Address"), text_of(node, "Version")});
    row.insert(row.end(), {text_of(node, "Drain"), text_of(node, "SchedulingEligibility"), text_of(node, "Status")});
    if (with_allocs) {
      auto running = running_allocs(context, node);
      if (!running.ok()) return failed("Error querying node allocations", running.error());
      row.push_back(*running);
    }
    rows.push_back(std::move(row));
  }
  out(table(rows));
  tell_next_page(context, next_token);
  return 0;
}

std::string driver_names(const Value& node) {
  std::vector<std::string> names;
  for (const auto& [name, info] : map_of(node, "Drivers")) {
    if (bool_of(info, "Detected")) names.push_back(bool_of(info, "Healthy") ? name : name + " (unhealthy)");
  }
  std::ranges::sort(names);
  return fmt::format("{}", fmt::join(names, ","));
}

std::string drain_text(const Value& node) {
  const Value& drain = member_of(node, "DrainStrategy");
  if (!drain.is_map()) return "false";
  const std::int64_t force = time_of(drain, "ForceDeadline");
  if (integer_of(drain, "Deadline") < 0) return "true; force drain";
  return force > 0 ? "true; " + stamp(force) + " deadline" : "true; no deadline";
}

void show_head(const Context& context, const Value& node, const Value& stats) {
  std::vector<std::pair<std::string, std::string>> rows = {{"ID", text_of(node, "ID")},
                                                           {"Name", text_of(node, "Name")},
                                                           {"Node Pool", text_of(node, "NodePool")},
                                                           {"Class", text_of(node, "NodeClass")},
                                                           {"DC", text_of(node, "Datacenter")},
                                                           {"Drain", drain_text(node)},
                                                           {"Eligibility", text_of(node, "SchedulingEligibility")},
                                                           {"Status", text_of(node, "Status")},
                                                           {"CSI Controllers", names_in(map_of(node, "CSIControllerPlugins"))},
                                                           {"CSI Drivers", names_in(map_of(node, "CSINodePlugins"))}};
  const bool brief = context.flags.is_on("short");
  if (!brief && stats.is_map()) rows.emplace_back("Uptime", duration_text(integer_of(stats, "Uptime") * second_ns));
  rows.insert(rows.end(), {{"Host Volumes", names_in(map_of(node, "HostVolumes"))}, {"Host Networks", names_in(map_of(node, "HostNetworks"))}, {"CSI Volumes", ""}});
  if (brief) rows.emplace_back("Drivers", driver_names(node));
  else if (!context.verbose()) rows.emplace_back("Driver Status", driver_names(node));
  out(key_values(rows));
}

void show_volumes(const Value& node) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& [name, volume] : map_of(node, "HostVolumes")) rows.push_back({name, text_of(volume, "ReadOnly"), text_of(volume, "Path")});
  if (rows.empty()) return;
  std::ranges::sort(rows);
  rows.insert(rows.begin(), {"Name", "ReadOnly", "Source"});
  out("\nHost Volumes\n" + table(rows));
}

void show_drivers(const Value& node) {
  std::vector<std::vector<std::string>> rows;
  for (const auto& [name, info] : map_of(node, "Drivers"))
    rows.push_back({name, text_of(info, "Detected"), text_of(info, "Healthy"), text_of(info, "HealthDescription"), stamp(time_of(info, "UpdateTime"))});
  std::ranges::sort(rows);
  rows.insert(rows.begin(), {"Driver", "Detected", "Healthy", "Message", "Time"});
  out("\nDrivers\n" + table(rows));
}

void show_events(const Context& context, const Value& node) {
  std::vector<std::vector<std::string>> rows = {{"Time", "Subsystem", "Message"}};
  if (context.verbose()) rows[0].emplace_back("Details");
  auto events = list_of(node, "Events");
  std::ranges::reverse(events);
  for (const Value& event : events) {
    std::vector<std::string> row = {stamp(time_of(event, "Timestamp")), text_of(event, "Subsystem"), text_of(event, "Message")};
    std::string details;
    for (const auto& [key, value] : sorted_pairs(map_of(event, "Details"))) details += (details.empty() ? "" : " ") + key + "=" + value;
    if (context.verbose()) row.push_back(details);
    rows.push_back(std::move(row));
  }
  out("\nNode Events\n" + table(rows));
}

double mb(const Value& object, std::string_view key) { return static_cast<double>(integer_of(object, key)) * mib; }

void show_allocated(const Value& node, const Value::List& allocs) {
  std::int64_t cpu = 0, count = 0;
  double memory = 0, disk = 0;
  for (const Value& alloc : allocs) {
    const std::string status = text_of(alloc, "ClientStatus");
    if (status != "running" && status != "pending") continue;
    ++count;
    const Value& resources = member_of(alloc, "AllocatedResources");
    for (const auto& [task, given] : map_of(resources, "Tasks")) {
      cpu += integer_of(member_of(given, "Cpu"), "CpuShares");
      memory += mb(member_of(given, "Memory"), "MemoryMB");
    }
    disk += mb(member_of(resources, "Shared"), "DiskMB");
  }
  const Value& has = member_of(node, "NodeResources");
  const Value& reserved = member_of(node, "ReservedResources");
  auto left = [&](const char* kind, const char* key) { return mb(member_of(has, kind), key) - mb(member_of(reserved, kind), key); };
  const std::int64_t shares = integer_of(member_of(has, "Cpu"), "CpuShares") - integer_of(member_of(reserved, "Cpu"), "CpuShares");
  out("\nAllocated Resources\n" + table({{"CPU", "Memory", "Disk", "Alloc Count"},
                                         {fmt::format("{}/{} MHz", cpu, shares), bytes_text(memory) + "/" + bytes_text(left("Memory", "MemoryMB")), bytes_text(disk) + "/" + bytes_text(left("Disk", "DiskMB")), std::to_string(count)}}));
}

/// What the node's allocations use now; those whose figures cannot be had count as nothing.
void show_utilization(Context& context, const Value& node, const Value::List& allocs) {
  double ticks = 0, memory = 0;
  for (const Value& alloc : allocs) {
    if (text_of(alloc, "ClientStatus") != "running") continue;
    auto stats = context.api.get("/v1/client/allocation/" + text_of(alloc, "ID") + "/stats");
    if (!stats.ok()) continue;
    const Value& usage = member_of(*stats, "ResourceUsage");
    const Value& figure = member_of(member_of(usage, "CpuStats"), "TotalTicks");
    ticks += figure.is_number() ? figure.real() : 0;
    const Value& bytes = member_of(usage, "MemoryStats");
    memory += static_cast<double>(std::max(integer_of(bytes, "RSS"), integer_of(bytes, "Usage")));
  }
  const Value& has = member_of(node, "NodeResources");
  out("\nAllocation Resource Utilization\n" + table({{"CPU", "Memory"}, {fmt::format("{:.0f}/{} MHz", ticks, integer_of(member_of(has, "Cpu"), "CpuShares")), bytes_text(memory) + "/" + bytes_text(mb(member_of(has, "Memory"), "MemoryMB"))}}));
}

void show_host(const Value& node, const Value& stats) {
  const Value& memory = member_of(stats, "Memory");
  const Value& ticks = member_of(stats, "CPUTicksConsumed");
  const std::string volume = text_of(member_of(node, "Attributes"), "unique.storage.volume");
  std::string disk = "N/A";
  for (const Value& device : list_of(stats, "DiskStats")) {
    if (text_of(device, "Device") == volume) disk = bytes_text(static_cast<double>(integer_of(device, "Used"))) + "/" + bytes_text(static_cast<double>(integer_of(device, "Size")));
  }
  const Value& has = member_of(node, "NodeResources");
  out("\nHost Resource Utilization\n" +
      table({{"CPU", "Memory", "Disk"},
             {fmt::format("{:.0f}/{} MHz", ticks.is_number() ? ticks.real() : 0, integer_of(member_of(has, "Cpu"), "CpuShares")),
              bytes_text(static_cast<double>(integer_of(memory, "Used"))) + "/" + bytes_text(static_cast<double>(integer_of(memory, "Total"))), disk}}));
}

std::string percent(const Value& object, std::string_view key) {
  const Value& figure = member_of(object, key);
  return fmt::format("{:.2f}%", figure.is_number() ? figure.real() : 0);
}

void show_host_in_detail(const Value& stats) {
  auto size = [](const Value& object, const char* key) { return bytes_text(static_cast<double>(integer_of(object, key))); };
  std::string text = "\nCPU Stats";
  for (const Value& cpu : list_of(stats, "CPU"))
    text += "\n" + key_values({{"CPU", text_of(cpu, "CPU")}, {"User", percent(cpu, "User")}, {"System", percent(cpu, "System")}, {"Idle", percent(cpu, "Idle")}}) + "\n";
  const Value& memory = member_of(stats, "Memory");
  text += "\nMemory Stats\n" + key_values({{"Total", size(memory, "Total")}, {"Available", size(memory, "Available")}, {"Used", size(memory, "Used")}, {"Free", size(memory, "Free")}}) + "\n\nDisk Stats";
  for (const Value& disk : list_of(stats, "DiskStats"))
    text += "\n" + key_values({{"Device", text_of(disk, "Device")}, {"MountPoint", text_of(disk, "Mountpoint")}, {"Size", size(disk, "Size")}, {"Used", size(disk, "Used")},
                               {"Available", size(disk, "Available")}, {"Used Percent", percent(disk, "UsedPercent")}, {"Inodes Percent", percent(disk, "InodesUsedPercent")}}) + "\n";
  while (text.ends_with('\n')) text.pop_back();
  out(text);
}

int show_node(Context& context, const std::string& id) {
  auto node = context.api.get("/v1/node/" + id);
  if (!node.ok()) return failed("Error querying node info", node.error());
  if (auto code = machine_output(context, *node)) return *code;
  auto allocs = context.api.get("/v1/node/" + id + "/allocations");
  if (!allocs.ok()) return failed("Error querying node allocations", allocs.error());
  Value stats;
  if (!context.flags.is_on("short") && text_of(*node, "Status") == "ready") {
    auto answer = context.api.get("/v1/client/stats", {{"node_id", id}});  // the agent may be away: then without
    if (answer.ok()) stats = std::move(*answer);
  }
  show_head(context, *node, stats);
  if (!context.flags.is_on("short")) {
    if (context.verbose()) {
      show_volumes(*node);
      show_drivers(*node);
    }
    show_events(context, *node);
    show_allocated(*node, allocs->items());
    show_utilization(context, *node, allocs->items());
    if (stats.is_map()) show_host(*node, stats);
    if (stats.is_map() && context.flags.is_on("stats")) show_host_in_detail(stats);
  }
  out("\nAllocations\n" + allocs_table(context, allocs->items(), AllocColumns::of_node));
  if (context.verbose()) {
    out("\nAttributes\n" + key_values(sorted_pairs(map_of(*node, "Attributes"))));
    out("\nMeta\n" + key_values(sorted_pairs(map_of(*node, "Meta"))));
  }
  return 0;
}

int node_status(Context& context) {
  const bool self = context.flags.is_on("self");
  if (context.args().empty() && !self) return list_nodes(context);
  auto id = self ? own_node(context) : find_node(context, context.args()[0]);
  if (id.ok()) return show_node(context, *id);
  const bool unknown = id.error().code == Code::not_found && !self;
  err(unknown ? fmt::format("No node(s) with prefix \"{}\" found", context.args()[0]) : id.error().message);
  return 1;
}

int node_eligibility(Context& context) {
  const bool enable = context.flags.is_on("enable"), self = context.flags.is_on("self");
  if (enable == context.flags.is_on("disable")) return usage_error(context, "Either the '-enable' or '-disable' flag must be set");
  if (context.args().empty() && !self) return usage_error(context, "Node ID must be specified if -self isn't being used");
  const auto id = shown(self ? own_node(context) : find_node(context, context.args()[0]));
  if (!id) return 1;
  Value body = Value::map();
  body.set("NodeID", *id).set("Eligibility", enable ? "eligible" : "ineligible");
  auto answer = context.api.put("/v1/node/" + *id + "/eligibility", body);
  if (!answer.ok()) return failed("Error updating scheduling eligibility", answer.error());
  out(fmt::format("Node \"{}\" scheduling eligibility set: {} for scheduling", *id, enable ? "eligible" : "ineligible"));
  return 0;
}

}  // namespace

void add_node_commands(std::vector<Command>& rows) {
  std::vector<Flag> status_flags = {{"self", "", "this agent's node"}, {"short", "", "only the head and the allocations"}, {"stats", "", "figures of the machine in detail"},
                                    {"quiet", "", "only ids"}, {"allocs", "", "how many allocations run on each"}, {"os", "", "the operating system of each"},
                                    {"verbose", "", "whole ids, drivers, attributes"}, {"json", "", "print the API object"}, {"t", "<template>", "format with a Go template"}};
  add_page_flags(status_flags);
  rows.push_back({"node status", "[node]", "shows nodes, or one node", "drover node status -self", status_flags, node_status, 0, 1, "nodes"});
  rows.push_back({"node-status", "[node]", "shows nodes, or one node", "", status_flags, node_status, 0, 1, "nodes", true});
  rows.push_back({"node eligibility", "<node>", "lets a node take new allocations, or not", "drover node eligibility -disable worker-1",
                  {{"enable", "", "eligible"}, {"disable", "", "ineligible"}, {"self", "", "this agent's node"}}, node_eligibility, 0, 1, "nodes"});
  add_node_drain_commands(rows);
}

}  // namespace drover::cli
