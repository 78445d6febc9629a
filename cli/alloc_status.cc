#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "cli/client_shape.h"
#include "cli/command.h"
#include "cli/lookup.h"
#include "cli/output.h"

/// alloc status: the list of allocations, and everything about one.
namespace drover::cli {
namespace {

int list_allocs(Context& context) {
  auto allocs = context.api.get("/v1/allocations");
  if (!allocs.ok()) return failed("Error querying allocations", allocs.error());
  if (auto code = machine_output(context, client_shapes(*allocs, "alloc stub"))) return *code;
  std::vector<std::vector<std::string>> rows = {{"ID", "Node ID", "Job ID", "Task Group", "Desired", "Status"}};
  for (const Value& a : allocs->items())
    rows.push_back({short_id(text_of(a, "ID"), context.verbose()), short_id(text_of(a, "NodeID"), context.verbose()), text_of(a, "JobID"), text_of(a, "TaskGroup"), text_of(a, "DesiredStatus"), text_of(a, "ClientStatus")});
  out(rows.size() == 1 ? "No allocations" : table(rows));
  return 0;
}

std::string time_text(const Context& context, std::int64_t ns) { return context.verbose() ? stamp(ns) : ago(ns, context.world.now()); }

using Rows = std::vector<std::pair<std::string, std::string>>;

void add_deployment(const Value& alloc, bool whole, Rows& rows) {
  const std::string deployment = text_of(alloc, "DeploymentID");
  if (deployment.empty()) return;
  const Value& status = member_of(alloc, "DeploymentStatus");
  const Value& healthy = member_of(status, "Healthy");
  rows.emplace_back("Deployment ID", short_id(deployment, whole));
  rows.emplace_back("Deployment Health", !healthy.is_bool() ? "unset" : healthy.boolean() ? "healthy" : "unhealthy");
  if (bool_of(status, "Canary")) rows.emplace_back("Canary", "true");
}

void show_head(const Context& context, const Value& alloc) {
  const bool whole = context.verbose();
  Rows rows = {{"ID", text_of(alloc, "ID")}};
  if (context.flags.is_on("short")) {
    rows.insert(rows.end(), {{"Name", text_of(alloc, "Name")}, {"Created", time_text(context, integer_of(alloc, "CreateTime"))}, {"Modified", time_text(context, integer_of(alloc, "ModifyTime"))}});
    out(key_values(rows));
    return;
  }
  rows.insert(rows.end(), {{"Eval ID", short_id(text_of(alloc, "EvalID"), whole)},
                           {"Name", text_of(alloc, "Name")},
                           {"Node ID", short_id(text_of(alloc, "NodeID"), whole)},
                           {"Node Name", text_of(alloc, "NodeName")},
                           {"Job ID", text_of(alloc, "JobID")},
                           {"Job Version", text_of(member_of(alloc, "Job"), "Version")},
                           {"Client Status", text_of(alloc, "ClientStatus")},
                           {"Client Description", text_of(alloc, "ClientDescription")},
                           {"Desired Status", text_of(alloc, "DesiredStatus")},
                           {"Desired Description", text_of(alloc, "DesiredDescription")},
                           {"Created", time_text(context, integer_of(alloc, "CreateTime"))},
                           {"Modified", time_text(context, integer_of(alloc, "ModifyTime"))}});
  add_deployment(alloc, whole, rows);
  if (const std::string next = text_of(alloc, "NextAllocation"); !next.empty()) rows.emplace_back("Replacement Alloc ID", short_id(next, whole));
  if (const std::string previous = text_of(alloc, "PreviousAllocation"); !previous.empty()) rows.emplace_back("Previous Alloc ID", short_id(previous, whole));
  if (const auto& attempts = list_of(member_of(alloc, "RescheduleTracker"), "Events"); !attempts.empty()) rows.emplace_back("Reschedule Attempts", std::to_string(attempts.size()));
  if (whole) {
    const Value& metrics = member_of(alloc, "Metrics");
    rows.insert(rows.end(), {{"Evaluated Nodes", text_of(metrics, "NodesEvaluated")},
                             {"Filtered Nodes", text_of(metrics, "NodesFiltered")},
                             {"Exhausted Nodes", text_of(metrics, "NodesExhausted")},
                             {"Allocation Time", duration_text(integer_of(metrics, "AllocationTime"))},
                             {"Failures", text_of(metrics, "CoalescedFailures")}});
  }
  out(key_values(rows));
}

/// Labels of the ports that the scheduler chose.
std::set<std::string> dynamic_ports(const Value& shared) {
  std::set<std::string> labels;
  for (const Value& network : list_of(shared, "Networks")) {
    for (const Value& port : list_of(network, "DynamicPorts")) labels.insert(text_of(port, "Label"));
  }
  return labels;
}

void show_ports(const Value& alloc) {
  const Value& shared = member_of(member_of(alloc, "AllocatedResources"), "Shared");
  const auto& ports = list_of(shared, "Ports");
  if (ports.empty()) return;
  const std::set<std::string> dynamic = dynamic_ports(shared);
  const auto& networks = list_of(shared, "Networks");
  const std::string mode = networks.empty() ? "" : text_of(networks[0], "Mode");
  std::vector<std::vector<std::string>> rows = {{"Label", "Dynamic", "Address"}};
  for (const Value& port : ports) {
    const std::string to = text_of(port, "To"), label = text_of(port, "Label");
    rows.push_back({"*" + label, dynamic.contains(label) ? "yes" : " ", text_of(port, "HostIP") + ":" + text_of(port, "Value") + (to.empty() || to == "0" ? "" : " -> " + to)});
  }
  out((mode.empty() || mode == "host" ? "\nAllocation Addresses:\n" : fmt::format("\nAllocation Addresses (mode = \"{}\"):\n", mode)) + table(rows));
}

void show_checks(const Value& checks) {
  if (!checks.is_map() || checks.members().empty()) return;
  std::vector<std::vector<std::string>> rows;
  for (const auto& [id, check] : checks.members()) {
    const std::string task = text_of(check, "Task");
    rows.push_back({text_of(check, "Service"), task.empty() ? "(group)" : task, text_of(check, "Check"), text_of(check, "Mode"), text_of(check, "Status")});
  }
  std::ranges::sort(rows);
  rows.insert(rows.begin(), {"Service", "Task", "Name", "Mode", "Status"});
  out("\nNomad Service Checks:\n" + table(rows));
}

/// "prestart sidecar", "poststop", or "main".
std::string lifecycle_of(const Value& alloc, const std::string& task_name) {
  for (const Value& group : list_of(member_of(alloc, "Job"), "TaskGroups")) {
    if (text_of(group, "Name") != text_of(alloc, "TaskGroup")) continue;
    for (const Value& task : list_of(group, "Tasks")) {
      const Value& lifecycle = member_of(task, "Lifecycle");
      if (text_of(task, "Name") == task_name && lifecycle.is_map()) return text_of(lifecycle, "Hook") + (bool_of(lifecycle, "Sidecar") ? " sidecar" : "");
    }
  }
  return "main";
}

constexpr double mib = 1024 * 1024;

std::string resources_text(const Value& alloc, const std::string& name, const Value& usage) {
  const Value& given = member_of(member_of(member_of(alloc, "AllocatedResources"), "Tasks"), name);
  std::string cpu = text_of(member_of(given, "Cpu"), "CpuShares") + " MHz";
  std::string memory = bytes_text(static_cast<double>(integer_of(member_of(given, "Memory"), "MemoryMB")) * mib);
  if (usage.is_map()) {
    const Value& ticks = member_of(member_of(usage, "CpuStats"), "TotalTicks");
    const Value& stats = member_of(usage, "MemoryStats");
    cpu = fmt::format("{:.0f}/{}", ticks.is_number() ? ticks.real() : 0, cpu);
    memory = bytes_text(static_cast<double>(std::max(integer_of(stats, "RSS"), integer_of(stats, "Usage")))) + "/" + memory;
  }
  const std::string disk = bytes_text(static_cast<double>(integer_of(member_of(member_of(alloc, "AllocatedResources"), "Shared"), "DiskMB")) * mib);
  std::string text = "Task Resources:\n" + table({{"CPU", "Memory", "Disk", "Addresses"}, {cpu, memory, disk, " "}});
  if (const auto exit = text.find_last_not_of(' '); exit != std::string::npos) text.erase(exit + 1);
  return text;
}

std::string stats_text(const Value& usage) {
  std::string text;
  for (const auto& [title, key] : {std::pair{"Memory Stats", "MemoryStats"}, {"CPU Stats", "CpuStats"}}) {
    const Value& stats = member_of(usage, key);
    std::vector<std::vector<std::string>> rows(2);
    for (const Value& measured : list_of(stats, "Measured")) {
      if (!measured.is_text()) continue;
      std::string member = measured.text();
      std::erase(member, ' ');
      const Value& figure = member_of(stats, member);
      rows[0].push_back(measured.text());
      rows[1].push_back(std::string_view(key) == "MemoryStats" ? bytes_text(figure.is_number() ? figure.real() : 0) : fmt::format("{:.2f}", figure.is_number() ? figure.real() : 0));
    }
    if (!rows[0].empty()) text += std::string("\n\n") + title + "\n" + table(rows);
  }
  return text;
}

void show_task(const Context& context, const Value& alloc, const std::string& name, const Value& state, const Value& usage) {
  const std::string lifecycle = lifecycle_of(alloc, name);
  out(fmt::format("\nTask \"{}\"{} is \"{}\"", name, lifecycle == "main" ? "" : " (" + lifecycle + ")", text_of(state, "State")));
  out(resources_text(alloc, name, usage) + (context.flags.is_on("stats") ? stats_text(usage) : ""));
  out("\nTask Events:\n" + key_values({{"Started At", stamp(time_of(state, "StartedAt"))},
                                         {"Finished At", stamp(time_of(state, "FinishedAt"))},
                                         {"Total Restarts", text_of(state, "Restarts")},
                                         {"Last Restart", stamp(time_of(state, "LastRestart"))}}));
  std::vector<std::vector<std::string>> rows = {{"Time", "Type", "Description"}};
  auto events = list_of(state, "Events");
  std::ranges::reverse(events);
  for (const Value& event : events) rows.push_back({stamp(integer_of(event, "Time")), text_of(event, "Type"), text_of(event, "DisplayMessage")});
  out("\nRecent Events:\n" + table(rows));
}

void show_placement(const Value& alloc) {
  std::vector<std::vector<std::string>> rows = {{"Node"}};
  for (const Value& node : list_of(member_of(alloc, "Metrics"), "ScoreMetaData")) {
    auto scores = map_of(node, "Scores");
    std::ranges::sort(scores, {}, &Value::Member::first);
    std::vector<std::string> row = {text_of(node, "NodeID")};
    for (const auto& [name, score] : scores) {
      if (rows.size() == 1) rows[0].push_back(name);
      row.push_back(fmt::format("{:.3g}", score.is_number() ? score.real() : 0));
    }
    const Value& final_score = member_of(node, "NormScore");
    row.push_back(fmt::format("{:.3g}", final_score.is_number() ? final_score.real() : 0));
    rows.push_back(std::move(row));
  }
  rows[0].emplace_back("final score");
  out("\nPlacement Metrics\n" + table(rows));
}

void show_tasks_shortly(const Value& alloc, const Value::Map& states) {
  std::vector<std::vector<std::string>> rows = {{"Name", "State", "Last Event", "Time", "Lifecycle"}};
  for (const auto& [name, state] : states) {
    const auto& events = list_of(state, "Events");
    rows.push_back({name, text_of(state, "State"), events.empty() ? "" : text_of(events.back(), "Type"), events.empty() ? "" : stamp(integer_of(events.back(), "Time")), lifecycle_of(alloc, name)});
  }
  out("\nTasks\n" + table(rows));
}

int alloc_status(Context& context) {
  if (context.args().empty()) return list_allocs(context);
  if (context.flags.is_on("json") && context.flags.has("t")) return *machine_output(context, Value());
  const auto id = shown(find_alloc(context, context.args()[0]));
  if (!id) return 1;
  auto alloc = context.api.get("/v1/allocation/" + *id);
  if (!alloc.ok()) return failed("Error querying allocation", alloc.error());
  if (auto code = machine_output(context, client_shape(*alloc, "alloc"))) return *code;
  show_head(context, *alloc);
  auto states = map_of(*alloc, "TaskStates");
  std::ranges::sort(states, {}, &Value::Member::first);
  if (context.flags.is_on("short")) {
    show_tasks_shortly(*alloc, states);
    return 0;
  }
  show_ports(*alloc);
  const std::string client = "/v1/client/allocation/" + *id;
  auto checks = context.api.get(client + "/checks");
  if (checks.ok()) show_checks(*checks);
  Value usage;
  if (text_of(*alloc, "ClientStatus") == "running") {
    auto stats = context.api.get(client + "/stats");  // the agent may be away: then without
    if (stats.ok()) usage = member_of(*stats, "Tasks");
  }
  for (const auto& [name, state] : states) show_task(context, *alloc, name, state, member_of(member_of(usage, name), "ResourceUsage"));
  if (context.verbose()) show_placement(*alloc);
  return 0;
}

}  // namespace

void add_alloc_status_commands(std::vector<Command>& rows) {
  const std::vector<Flag> flags = {{"short", "", "only the head and the tasks"}, {"stats", "", "resource use in detail"}, {"verbose", "", "whole ids, scores"}, {"job", "", "the argument is a job"},
                                   {"group", "<name>", "of this group"}, {"json", "", "print the API object"}, {"t", "<template>", "format with a Go template"}};
  rows.push_back({"alloc status", "[alloc|job]", "shows allocations, or one allocation", "drover alloc status 8ba3", flags, alloc_status, 0, 1, "allocs"});
  rows.push_back({"alloc-status", "[alloc]", "shows allocations, or one allocation", "", flags, alloc_status, 0, 1, "allocs", true});
}

}  // namespace drover::cli
