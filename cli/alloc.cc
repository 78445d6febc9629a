#include <fmt/format.h>

#include <algorithm>

#include "cli/command.h"
#include "cli/lookup.h"
#include "cli/output.h"
#include "cli/monitor.h"

namespace drover::cli {
namespace {

constexpr std::size_t log_lines_default = 10;
constexpr std::size_t bytes_a_line = 120;  ///< how far from the end a number of lines is looked for

void show_task(const Value& alloc, const std::string& name, const Value& state) {
  out(fmt::format("\nTask \"{}\" is \"{}\"", name, text_of(state, "State")));
  const Value& given = member_of(map_of(member_of(alloc, "AllocatedResources"), "Tasks").empty() ? Value() : member_of(member_of(alloc, "AllocatedResources"), "Tasks"), name);
  out("Task Resources\n" + table({{"CPU", "Memory", "Disk"},
                                   {text_of(member_of(given, "Cpu"), "CpuShares") + " MHz", text_of(member_of(given, "Memory"), "MemoryMB") + " MiB",
                                    text_of(member_of(member_of(alloc, "AllocatedResources"), "Shared"), "DiskMB") + " MiB"}}));
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

void show_ports(const Value& alloc) {
  const auto& ports = list_of(member_of(member_of(alloc, "AllocatedResources"), "Shared"), "Ports");
  if (ports.empty()) return;
  std::vector<std::vector<std::string>> rows = {{"Label", "Dynamic", "Address"}};
  for (const Value& port : ports) {
    const std::string to = text_of(port, "To");
    rows.push_back({"*" + text_of(port, "Label"), "yes", text_of(port, "HostIP") + ":" + text_of(port, "Value") + (to.empty() || to == "0" ? "" : " -> " + to)});
  }
  out("\nAllocation Addresses:\n" + table(rows));
}

int alloc_status(Context& context) {
  if (context.args().empty()) {
    auto allocs = context.api.get("/v1/allocations");
    if (!allocs.ok()) return failed("Error querying allocations", allocs.error());
    if (auto code = machine_output(context, *allocs)) return *code;
    std::vector<std::vector<std::string>> rows = {{"ID", "Node ID", "Job ID", "Task Group", "Desired", "Status"}};
    for (const Value& a : allocs->items())
      rows.push_back({short_id(text_of(a, "ID"), context.verbose()), short_id(text_of(a, "NodeID"), context.verbose()), text_of(a, "JobID"), text_of(a, "TaskGroup"), text_of(a, "DesiredStatus"), text_of(a, "ClientStatus")});
    out(rows.size() == 1 ? "No allocations" : table(rows));
    return 0;
  }
  auto id = find_alloc(context, context.args()[0]);
  if (!id.ok()) {
    err(id.error().message);
    return 1;
  }
  auto alloc = context.api.get("/v1/allocation/" + *id);
  if (!alloc.ok()) return failed("Error querying allocation", alloc.error());
  if (auto code = machine_output(context, *alloc)) return *code;
  const bool whole = context.verbose();
  const Instant now = context.world.now();
  out(key_values({{"ID", whole ? *id : *id},
                  {"Eval ID", short_id(text_of(*alloc, "EvalID"), whole)},
                  {"Name", text_of(*alloc, "Name")},
                  {"Node ID", short_id(text_of(*alloc, "NodeID"), whole)},
                  {"Node Name", text_of(*alloc, "NodeName")},
                  {"Job ID", text_of(*alloc, "JobID")},
                  {"Job Version", text_of(member_of(*alloc, "Job"), "Version")},
                  {"Client Status", text_of(*alloc, "ClientStatus")},
                  {"Client Description", text_of(*alloc, "ClientDescription")},
                  {"Desired Status", text_of(*alloc, "DesiredStatus")},
                  {"Desired Description", text_of(*alloc, "DesiredDescription")},
                  {"Created", ago(integer_of(*alloc, "CreateTime"), now)},
                  {"Modified", ago(integer_of(*alloc, "ModifyTime"), now)}}));
  if (const std::string next = text_of(*alloc, "NextAllocation"); !next.empty()) out("Replacement Alloc ID = " + short_id(next, whole));
  const auto& states = map_of(*alloc, "TaskStates");
  if (context.flags.is_on("short")) {
    std::vector<std::vector<std::string>> rows = {{"Name", "State", "Last Event", "Time"}};
    for (const auto& [name, state] : states) {
      const auto& events = list_of(state, "Events");
      rows.push_back({name, text_of(state, "State"), events.empty() ? "" : text_of(events.back(), "Type"), events.empty() ? "" : stamp(integer_of(events.back(), "Time"))});
    }
    out("\nTasks\n" + table(rows));
    return 0;
  }
  show_ports(*alloc);
  for (const auto& [name, state] : states) show_task(*alloc, name, state);
  return 0;
}

/// The task that is meant when none is named: the only one of the group.
Result<std::string> only_task(Context& context, const std::string& alloc_id) {
  if (context.flags.has("task")) return context.flags.text("task");
  if (context.args().size() > 1) return context.args()[1];
  DROVER_LET(const Value alloc, context.api.get("/v1/allocation/" + alloc_id));
  std::vector<std::string> names;
  for (const Value& group : list_of(member_of(alloc, "Job"), "TaskGroups")) {
    if (text_of(group, "Name") != text_of(alloc, "TaskGroup")) continue;
    for (const Value& task : list_of(group, "Tasks")) names.push_back(text_of(task, "Name"));
  }
  if (names.size() == 1) return names[0];
  return fail(Code::invalid, "Allocation \"{}\" is running the following tasks:\n  * {}\n\nPlease specify the task.", short_id(alloc_id),
              fmt::format("{}", fmt::join(names, "\n  * ")));
}

/// The last `count` lines of a text.
std::string last_lines(const std::string& text, std::size_t count) {
  std::size_t at = text.size();
  if (at > 0 && text[at - 1] == '\n') --at;
  for (; at > 0; --at) {
    if (text[at - 1] == '\n' && --count == 0) break;
  }
  return text.substr(at);
}

void write_raw(std::FILE* file, std::string_view text) {
  std::fwrite(text.data(), 1, text.size(), file);
  std::fflush(file);
}

int alloc_logs(Context& context) {
  const bool want_out = context.flags.is_on("stdout"), want_err = context.flags.is_on("stderr");
  if (want_out && want_err) return usage_error(context, "Unable to specify both stdout and stderr");
  auto id = find_alloc(context, context.args()[0]);
  if (!id.ok()) {
    err(id.error().message);
    return 1;
  }
  auto task = only_task(context, *id);
  if (!task.ok()) {
    err(task.error().message);
    return 1;
  }
  const bool tail = context.flags.is_on("tail") || context.flags.has("n") || context.flags.has("c");
  const std::size_t lines = context.flags.has("n") ? static_cast<std::size_t>(std::max(1, std::atoi(context.flags.text("n").c_str()))) : log_lines_default;
  const bool follow = context.flags.is_on("f");
  Query query = {{"task", *task}, {"type", want_err ? "stderr" : "stdout"}, {"plain", "true"}, {"follow", follow ? "true" : "false"}};
  if (context.flags.has("c")) {
    query.emplace_back("origin", "end");
    query.emplace_back("offset", context.flags.text("c"));
  } else if (tail) {
    query.emplace_back("origin", "end");
    query.emplace_back("offset", std::to_string(lines * bytes_a_line));
  }
  std::string gathered;
  bool passed_start = !tail || context.flags.has("c");
  auto take = [&](std::string_view piece) {
    if (passed_start || !follow) {
      if (passed_start) write_raw(stdout, piece);
      else gathered += piece;
    } else {
      write_raw(stdout, last_lines(std::string(piece), lines));
      passed_start = true;
    }
    return !context.world.interrupted();
  };
  auto done = context.api.stream("/v1/client/fs/logs/" + *id, query, take);
  if (!passed_start && !gathered.empty()) write_raw(stdout, last_lines(gathered, lines));
  if (!done.ok() && !context.world.interrupted()) return failed("Error reading file", done.error());
  return 0;
}

int alloc_stop(Context& context) {
  auto id = find_id(context, context.args()[0], "/v1/allocations", "allocation");
  if (!id.ok()) {
    err(id.error().message);
    return 1;
  }
  Query query;
  if (context.flags.is_on("no-shutdown-delay")) query.emplace_back("no_shutdown_delay", "true");
  auto answer = context.api.put("/v1/allocation/" + *id + "/stop", Value(), query);
  if (!answer.ok()) return failed("Error stopping allocation", answer.error());
  const std::string eval = text_of(*answer, "EvalID");
  if (context.flags.is_on("detach")) {
    out(eval);
    return 0;
  }
  return monitor_evaluation(context, eval, false);
}

int alloc_restart(Context& context) {
  auto id = find_id(context, context.args()[0], "/v1/allocations", "allocation");
  if (!id.ok()) {
    err(id.error().message);
    return 1;
  }
  Value body = Value::map();
  if (context.flags.has("task") || context.args().size() > 1) body.set("TaskName", context.flags.text("task", context.args().size() > 1 ? context.args()[1] : ""));
  body.set("AllTasks", context.flags.is_on("all-tasks"));
  auto answer = context.api.put("/v1/client/allocation/" + *id + "/restart", body);
  return answer.ok() ? 0 : failed("Failed to restart allocation", answer.error());
}

int alloc_signal(Context& context) {
  auto id = find_id(context, context.args()[0], "/v1/allocations", "allocation");
  if (!id.ok()) {
    err(id.error().message);
    return 1;
  }
  Value body = Value::map();
  body.set("Signal", context.flags.text("s", "SIGKILL")).set("Task", context.flags.text("task", context.args().size() > 1 ? context.args()[1] : ""));
  auto answer = context.api.put("/v1/client/allocation/" + *id + "/signal", body);
  return answer.ok() ? 0 : failed("Error signalling allocation", answer.error());
}

int alloc_fs(Context& context) {
  auto id = find_alloc(context, context.args()[0]);
  if (!id.ok()) {
    err(id.error().message);
    return 1;
  }
  const std::string path = context.args().size() > 1 ? context.args()[1] : "/";
  auto stat = context.api.get("/v1/client/fs/stat/" + *id, {{"path", path}});
  if (!stat.ok()) return failed("Error reading file", stat.error());
  auto row = [&context](const Value& file) {
    const std::string size = context.flags.is_on("H") ? text_of(file, "Size") : bytes_text(static_cast<double>(integer_of(file, "Size")));
    return std::vector<std::string>{text_of(file, "FileMode"), size, stamp(time_of(file, "ModTime")), text_of(file, "Name") + (bool_of(file, "IsDir") ? "/" : "")};
  };
  std::vector<std::vector<std::string>> rows = {{"Mode", "Size", "Modified Time", "Name"}};
  if (context.flags.is_on("stat")) {
    rows.push_back(row(*stat));
    out(table(rows));
    return 0;
  }
  if (bool_of(*stat, "IsDir")) {
    auto files = context.api.get("/v1/client/fs/ls/" + *id, {{"path", path}});
    if (!files.ok()) return failed("Error listing alloc dir", files.error());
    for (const Value& file : files->items()) rows.push_back(row(file));
    out(table(rows));
    return 0;
  }
  auto done = context.api.stream("/v1/client/fs/cat/" + *id, {{"path", path}}, [](std::string_view piece) {
    write_raw(stdout, piece);
    return true;
  });
  return done.ok() ? 0 : failed("Error reading file", done.error());
}

}  // namespace

void add_alloc_commands(std::vector<Command>& rows) {
  const std::vector<Flag> status_flags = {{"short", "", "only the head"}, {"stats", "", "resource use"}, {"verbose", "", "whole ids"},
                                          {"json", "", "print the API object"}, {"t", "<template>", "format with a Go template"}};
  rows.push_back({"alloc status", "[alloc|job]", "shows allocations, or one allocation", "drover alloc status 8ba3", status_flags, alloc_status, 0, 1, "allocs"});
  rows.push_back({"alloc-status", "[alloc]", "shows allocations, or one allocation", "", status_flags, alloc_status, 0, 1, "allocs", true});
  const std::vector<Flag> log_flags = {{"f", "", "follow"}, {"tail", "", "the last 10 lines"}, {"n", "<lines>", "the last lines"}, {"c", "<bytes>", "the last bytes"},
                                       {"stdout", "", "standard output (the default)"}, {"stderr", "", "standard error"}, {"job", "", "the argument is a job"},
                                       {"task", "<name>", "the task"}, {"verbose", "", "whole ids"}};
  rows.push_back({"alloc logs", "<alloc|job> [task]", "prints what a task wrote", "drover alloc logs -f 8ba3", log_flags, alloc_logs, 1, 2, "allocs"});
  rows.push_back({"logs", "<job|alloc> [task]", "prints what a task wrote", "drover logs -f web", log_flags, alloc_logs, 1, 2, "jobs"});
  rows.push_back({"alloc stop", "<alloc>", "stops an allocation; its job places another", "drover alloc stop 8ba3",
                  {{"detach", "", "do not follow"}, {"no-shutdown-delay", "", "skip the shutdown delay"}, {"verbose", "", "whole ids"}}, alloc_stop, 1, 1, "allocs"});
  rows.push_back({"alloc restart", "<alloc> [task]", "restarts the tasks of an allocation", "drover alloc restart 8ba3 web",
                  {{"task", "<name>", "only this task"}, {"all-tasks", "", "also those that have ended"}, {"verbose", "", "whole ids"}}, alloc_restart, 1, 2, "allocs"});
  rows.push_back({"alloc signal", "<alloc> [task]", "sends a signal", "drover alloc signal -s SIGHUP 8ba3",
                  {{"s", "<signal>", "SIGKILL unless given"}, {"task", "<name>", "only this task"}, {"verbose", "", "whole ids"}}, alloc_signal, 1, 2, "allocs"});
  const std::vector<Flag> fs_flags = {{"stat", "", "only what it is"}, {"H", "", "sizes in bytes"}, {"job", "", "the argument is a job"}, {"verbose", "", "whole ids"}};
  rows.push_back({"alloc fs", "<alloc> [path]", "lists a folder of an allocation, or prints a file", "drover alloc fs 8ba3 alloc/logs", fs_flags, alloc_fs, 1, 2, "allocs"});
  rows.push_back({"fs", "<alloc> [path]", "lists a folder of an allocation, or prints a file", "", fs_flags, alloc_fs, 1, 2, "allocs", true});
}

}  // namespace drover::cli
