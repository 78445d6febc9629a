#include <fmt/format.h>

#include <algorithm>

#include "cli/command.h"
#include "cli/lookup.h"
#include "cli/monitor.h"
#include "cli/output.h"

/// Commands on one allocation: stop, restart, signal, checks.
namespace drover::cli {
namespace {

int alloc_stop(Context& context) {
  const auto id = shown(find_id(context, context.args()[0], "/v1/allocations", "allocation"));
  if (!id) return 1;
  Query query;
  if (context.flags.is_on("no-shutdown-delay")) query.emplace_back("no_shutdown_delay", "true");
  auto answer = context.api.put("/v1/allocation/" + *id + "/stop", Value(), query);
  if (!answer.ok()) return failed("Error stopping allocation", answer.error());
  const std::string eval = text_of(*answer, "EvalID");
  if (!context.flags.is_on("detach")) return monitor_evaluation(context, eval);
  out(eval);
  return 0;
}

/// The task named by -task or the second argument; "" when none is.
std::string task_named(const Context& context) { return context.flags.text("task", context.args().size() > 1 ? context.args()[1] : ""); }

/// An allocation and, when one is named, a task of it that exists.
Result<std::string> alloc_with_task(Context& context) {
  DROVER_LET(std::string id, find_alloc(context, context.args()[0]));
  const std::string task = task_named(context);
  if (task.empty()) return id;
  auto alloc = context.api.get("/v1/allocation/" + id);
  if (!alloc.ok()) return alloc.error().within("Error querying allocation");
  DROVER_TRY(find_task(*alloc, task));
  return id;
}

int alloc_restart(Context& context) {
  const std::string task = task_named(context);
  if (!task.empty() && context.flags.is_on("all-tasks")) return usage_error(context, "The -all-tasks option is not allowed when restarting a specific task.");
  const auto id = shown(alloc_with_task(context));
  if (!id) return 1;
  Value body = Value::map();
  body.set("TaskName", task).set("AllTasks", context.flags.is_on("all-tasks"));
  auto answer = context.api.put("/v1/client/allocation/" + *id + "/restart", body);
  return answer.ok() ? 0 : failed("Failed to restart allocation", answer.error());
}

int alloc_signal(Context& context) {
  const auto id = shown(alloc_with_task(context));
  if (!id) return 1;
  Value body = Value::map();
  body.set("Signal", context.flags.text("s", "SIGKILL")).set("Task", task_named(context));
  auto answer = context.api.put("/v1/client/allocation/" + *id + "/signal", body);
  return answer.ok() ? 0 : failed("Error signalling allocation", answer.error());
}

std::string check_text(const Context& context, const Value& check) {
  std::vector<std::pair<std::string, std::string>> rows = {{"ID", text_of(check, "ID")}, {"Name", text_of(check, "Check")}, {"Group", text_of(check, "Group")}};
  if (const std::string task = text_of(check, "Task"); !task.empty()) rows.emplace_back("Task", task);
  rows.emplace_back("Service", text_of(check, "Service"));
  rows.emplace_back("Status", text_of(check, "Status"));
  if (integer_of(check, "StatusCode") > 0) rows.emplace_back("StatusCode", text_of(check, "StatusCode"));
  rows.emplace_back("Mode", text_of(check, "Mode"));
  constexpr std::int64_t second_ns = 1'000'000'000;
  const std::int64_t when = integer_of(check, "Timestamp") * second_ns;
  rows.emplace_back("Timestamp", context.verbose() ? stamp(when) : ago(when, context.world.now()));
  rows.emplace_back("Output", text_of(check, "Output"));
  return key_values(rows);
}

int alloc_checks(Context& context) {
  const auto id = shown(find_alloc(context, context.args()[0]));
  if (!id) return 1;
  auto checks = context.api.get("/v1/client/allocation/" + *id + "/checks");
  if (!checks.ok()) return failed("Error querying allocation checks", checks.error());
  if (checks->is_map() && checks->members().empty() && context.flags.is_on("json")) *checks = Value();  // none: as a client's missing map
  if (auto code = machine_output(context, *checks)) return *code;
  Value::Map sorted = checks->is_map() ? checks->members() : Value::Map{};
  std::ranges::sort(sorted, [](const Value::Member& a, const Value::Member& b) {
    const auto name = [](const Value::Member& check) { return text_of(check.second, "Service") + "\n" + text_of(check.second, "Check"); };
    return name(a) < name(b);
  });
  out(fmt::format("Status of {} Nomad Service Checks", sorted.size()));
  for (const auto& [key, check] : sorted) out("\n" + check_text(context, check));
  return 0;
}

}  // namespace

void add_alloc_commands(std::vector<Command>& rows) {
  const Flag whole_ids = {"verbose", "", "whole ids"}, task = {"task", "<name>", "only this task"};
  add_alloc_status_commands(rows);
  rows.push_back({"alloc stop", "<alloc>", "stops an allocation; its job places another", "drover alloc stop 8ba3",
                  {{"detach", "", "do not follow"}, {"no-shutdown-delay", "", "skip the shutdown delay"}, whole_ids}, alloc_stop, 1, 1, "allocs"});
  rows.push_back({"alloc restart", "<alloc|job> [task]", "restarts the tasks of an allocation", "drover alloc restart 8ba3 web",
                  {task, {"all-tasks", "", "also those that have ended"}, whole_ids}, alloc_restart, 1, 2, "allocs"});
  rows.push_back({"alloc signal", "<alloc|job> [task]", "sends a signal to the tasks of an allocation", "drover alloc signal -s SIGHUP 8ba3",
                  {{"s", "<signal>", "SIGKILL unless given"}, task, whole_ids}, alloc_signal, 1, 2, "allocs"});
  rows.push_back({"alloc checks", "<alloc|job>", "shows the health checks of an allocation's services", "drover alloc checks 8ba3",
                  {{"verbose", "", "absolute times"}, {"json", "", "print the API object"}, {"t", "<template>", "format with a Go template"}}, alloc_checks, 1, 1, "allocs"});
}

}  // namespace drover::cli
