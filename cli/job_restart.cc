#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cmath>

#include "cli/command.h"
#include "cli/lookup.h"
#include "cli/monitor.h"
#include "cli/output.h"
#include "model/json/text.h"

/// job restart: restarts the allocations of a job in batches, in place or by replacing them.
namespace drover::cli {
namespace {

constexpr Duration look_interval = 250ms;
constexpr Duration replace_max = 10min;  ///< how long a replacement may take to run

/// What the flags ask for.
struct Plan {
  std::vector<std::string> groups, tasks;
  std::size_t batch_size = 1;
  Duration batch_wait = 0s;
  bool asks = false;           ///< between batches
  bool fails_at_once = true;   ///< on an error, instead of asking
  bool reschedules = false, all_tasks = false, no_shutdown_delay = false;
};

Result<std::size_t> batch_size_of(const std::string& text, std::size_t allocs) {
  double number = 0;
  const bool percent = text.ends_with('%');
  const std::string digits = text.substr(0, text.size() - (percent ? 1 : 0));
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
  if (problem != std::errc() || end != digits.data() + digits.size() || number <= 0) return fail(Code::invalid, "Invalid -batch-size value \"{}\": expected a positive number, or a percentage such as 25%", text);
  return std::max<std::size_t>(1, static_cast<std::size_t>(percent ? std::ceil(number / 100 * static_cast<double>(allocs)) : number));
}

Result<Plan> plan_of(const Flags& flags) {
  Plan plan{.groups = flags.all("group"), .tasks = flags.all("task")};
  plan.reschedules = flags.is_on("reschedule");
  plan.all_tasks = flags.is_on("all-tasks");
  plan.no_shutdown_delay = flags.is_on("no-shutdown-delay");
  if (plan.reschedules && !plan.tasks.empty()) return fail(Code::invalid, "The -reschedule option cannot be used with -task: whole allocations are replaced");
  if (plan.reschedules && plan.all_tasks) return fail(Code::invalid, "The -reschedule option cannot be used with -all-tasks");
  if (plan.all_tasks && !plan.tasks.empty()) return fail(Code::invalid, "The -all-tasks option cannot be used with -task");
  const std::string wait = flags.text("batch-wait", "0s"), on_error = flags.text("on-error", "fail");
  plan.asks = wait == "ask";
  const auto parsed = plan.asks ? std::optional<std::int64_t>(0) : model::parse_duration(wait);
  if (!parsed || *parsed < 0) return fail(Code::invalid, "Invalid -batch-wait value \"{}\": expected a duration such as 10s, or ask", wait);
  plan.batch_wait = Duration(*parsed);
  if (on_error != "ask" && on_error != "fail") return fail(Code::invalid, "Invalid -on-error value \"{}\": expected ask or fail", on_error);
  plan.fails_at_once = on_error == "fail";
  return plan;
}

class Restarter {
 public:
  Restarter(Context& context, Plan plan) : context_(context), plan_(std::move(plan)) {}

  int run(const Value::List& allocs) {
    headline(context_, fmt::format("Restarting {} allocation{}", allocs.size(), allocs.size() == 1 ? "" : "s"));
    for (std::size_t i = 0; i < allocs.size(); ++i) {
      if (i > 0 && i % plan_.batch_size == 0 && !goes_on(allocs.size() - i)) {
        headline(context_, "Job restart cancelled");
        return context_.world.in_is_terminal ? 0 : 1;
      }
      const Result<void> done = plan_.reschedules ? replace(allocs[i]) : restart(allocs[i]);
      if (done.ok()) continue;
      err(fmt::format("Error restarting allocation \"{}\": {}", shortened(allocs[i]), done.error().message));
      if (plan_.fails_at_once || !confirmed(context_, "Go on with the others?")) return 1;
    }
    headline(context_, "Job restart finished");
    out("\nJob restarted successfully!");
    return 0;
  }

 private:
  std::string shortened(const Value& alloc) const { return short_id(text_of(alloc, "ID"), context_.verbose()); }

  /// Between two batches.
  bool goes_on(std::size_t left) {
    if (plan_.asks) return confirmed(context_, fmt::format("{} allocations are left. Proceed with the next batch?", left));
    if (plan_.batch_wait > 0s) headline(context_, fmt::format("Waiting {} before restarting the next batch", duration_text(plan_.batch_wait.count())));
    for (Duration waited = 0s; waited < plan_.batch_wait; waited += look_interval) context_.world.sleep(std::min(look_interval, plan_.batch_wait));
    return true;
  }

  Result<void> restart(const Value& alloc) {
    const std::string path = "/v1/client/allocation/" + text_of(alloc, "ID") + "/restart";
    std::vector<std::string> tasks = plan_.tasks;
    if (tasks.empty()) tasks.emplace_back();
    for (const std::string& task : tasks) {
      const std::string what = task.empty() ? (plan_.all_tasks ? "all tasks" : "running tasks") : "task \"" + task + "\"";
      detail(context_, fmt::format("Restarting {} in group \"{}\" of allocation \"{}\" on node \"{}\"", what, text_of(alloc, "TaskGroup"), shortened(alloc), text_of(alloc, "NodeName")));
      Value body = Value::map();
      body.set("TaskName", task).set("AllTasks", plan_.all_tasks);
      DROVER_TRY(context_.api.put(path, body));
    }
    return {};
  }

  /// Stops an allocation and waits until its replacement runs.
  Result<void> replace(const Value& alloc) {
    const std::string id = text_of(alloc, "ID");
    detail(context_, fmt::format("Rescheduling allocation \"{}\" of group \"{}\" on node \"{}\"", shortened(alloc), text_of(alloc, "TaskGroup"), text_of(alloc, "NodeName")));
    Query query = {{"reschedule", "true"}};
    if (plan_.no_shutdown_delay) query.emplace_back("no_shutdown_delay", "true");
    DROVER_TRY(context_.api.put("/v1/allocation/" + id + "/stop", Value(), query));
    const Instant started = context_.world.now();
    std::string replacement;
    while (context_.world.now() - started < replace_max) {
      DROVER_LET(const Value now, context_.api.get("/v1/allocation/" + (replacement.empty() ? id : replacement)));
      const std::string next = text_of(now, "NextAllocation"), status = text_of(now, "ClientStatus");
      if (!next.empty()) {
        detail(context_, fmt::format("Allocation \"{}\" replaced by \"{}\", waiting until it runs", shortened(now), short_id(next, context_.verbose())));
        replacement = next;
        continue;
      }
      if (!replacement.empty() && (status == "running" || status == "complete")) {
        detail(context_, fmt::format("Allocation \"{}\" is \"{}\"", shortened(now), status));
        return {};
      }
      if (!replacement.empty() && status == "failed") return fail(Code::unavailable, "its replacement \"{}\" failed; drover alloc status {} says why", shortened(now), shortened(now));
      context_.world.sleep(look_interval);
    }
    return fail(Code::timeout, "no replacement ran within {}", duration_text(replace_max.count()));
  }

  Context& context_;
  Plan plan_;
};

/// Allocations that the flags mean: running ones, newest last.
Value::List chosen(const Value::List& allocs, const Plan& plan) {
  Value::List list;
  for (const Value& alloc : allocs) {
    const bool runs = text_of(alloc, "ClientStatus") == "running" && text_of(alloc, "DesiredStatus") == "run";
    const bool meant = plan.groups.empty() || std::ranges::find(plan.groups, text_of(alloc, "TaskGroup")) != plan.groups.end();
    const bool has_task = plan.tasks.empty() || std::ranges::any_of(plan.tasks, [&alloc](const std::string& task) { return member_of(alloc, "TaskStates").find(task) != nullptr; });
    if (runs && meant && has_task) list.push_back(alloc);
  }
  std::ranges::stable_sort(list, {}, [](const Value& alloc) { return text_of(alloc, "TaskGroup") + text_of(alloc, "Name"); });
  return list;
}

int job_restart(Context& context) {
  auto plan = plan_of(context.flags);
  if (!plan.ok()) return usage_error(context, plan.error().message);
  auto stub = find_job(context, context.args()[0]);
  if (!stub.ok()) {
    err(stub.error().message);
    return 1;
  }
  auto allocs = context.api.get(job_path(*stub, "/allocations"));
  if (!allocs.ok()) return failed("Error retrieving job allocations", allocs.error());
  const Value::List list = chosen(allocs->items(), *plan);
  if (list.empty()) {
    out("No allocations to restart");
    return 0;
  }
  auto size = batch_size_of(context.flags.text("batch-size", "1"), list.size());
  if (!size.ok()) return usage_error(context, size.error().message);
  plan->batch_size = *size;
  const std::string id = text_of(*stub, "ID");
  if (id != context.args()[0] && !confirmed(context, fmt::format("Are you sure you want to restart job \"{}\"?", id))) return 1;
  return Restarter(context, *plan).run(list);
}

}  // namespace

void add_job_restart_commands(std::vector<Command>& rows) {
  rows.push_back({"job restart", "<job>", "restarts the allocations of a job, one batch after the other", "drover job restart -batch-size 25% -batch-wait 10s web",
                  {{"batch-size", "<n|n%>", "how many at a time, 1 unless given"}, {"batch-wait", "<duration|ask>", "how long to wait between two batches"}, {"group", "<name>", "only this group; repeatable"},
                   {"task", "<name>", "only this task; repeatable"}, {"all-tasks", "", "also tasks that have ended"}, {"reschedule", "", "replace the allocations instead of restarting in place"},
                   {"no-shutdown-delay", "", "with -reschedule: skip the shutdown delay"}, {"on-error", "<ask|fail>", "what to do when one cannot be restarted"}, {"yes", "", "do not ask"}, {"verbose", "", "whole ids"}},
                  job_restart, 1, 1, "jobs"});
}

}  // namespace drover::cli
