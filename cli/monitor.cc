#include "cli/monitor.h"

#include <fmt/format.h>

#include <map>
#include <set>

#include "cli/output.h"

namespace drover::cli {
namespace {

constexpr Duration look_interval = 200ms;
constexpr Duration follow_max = 10min;  ///< a job whose tasks neither start nor fail for so long is left alone
constexpr std::size_t event_lines_max = 5;

void headline(Context& context, std::string_view text) { out(fmt::format("==> {}: {}", stamp(to_ns(context.world.now())), text)); }
void detail(Context& context, std::string_view text) { out(fmt::format("    {}: {}", stamp(to_ns(context.world.now())), text)); }

/// The reasons in one group's placement metrics, as lines without indentation.
std::vector<std::string> placement_reasons(const Value& metric) {
  std::vector<std::string> lines;
  if (integer_of(metric, "NodesEvaluated") == 0) lines.push_back("No nodes were eligible for evaluation");
  for (const auto& [dc, nodes] : map_of(metric, "NodesAvailable")) {
    if (nodes.is_integer() && nodes.integer() == 0) lines.push_back(fmt::format("No nodes are available in datacenter \"{}\"", dc));
  }
  for (const auto& [name, nodes] : map_of(metric, "ClassFiltered"))
    lines.push_back(fmt::format("Class \"{}\": {} nodes excluded by filter", name, nodes.integer()));
  for (const auto& [name, nodes] : map_of(metric, "ConstraintFiltered"))
    lines.push_back(fmt::format("Constraint \"{}\": {} nodes excluded by filter", name, nodes.integer()));
  if (const auto exhausted = integer_of(metric, "NodesExhausted"); exhausted > 0)
    lines.push_back(fmt::format("Resources exhausted on {} nodes", exhausted));
  for (const auto& [name, nodes] : map_of(metric, "ClassExhausted"))
    lines.push_back(fmt::format("Class \"{}\" exhausted on {} nodes", name, nodes.integer()));
  for (const auto& [name, nodes] : map_of(metric, "DimensionExhausted"))
    lines.push_back(fmt::format("Dimension \"{}\" exhausted on {} nodes", name, nodes.integer()));
  return lines;
}

/// "the last event of the first task that has not started": what a person wants to know of a stuck allocation.
std::string last_event(const Value& alloc) {
  for (const auto& [task, state] : map_of(alloc, "TaskStates")) {
    const auto& events = list_of(state, "Events");
    if (events.empty()) continue;
    return fmt::format("task \"{}\": {}: {}", task, text_of(events.back(), "Type"), text_of(events.back(), "DisplayMessage"));
  }
  return text_of(alloc, "ClientDescription");
}

class Follower {
 public:
  Follower(Context& context, std::string id) : context_(context), id_(std::move(id)) {}

  int run(bool follow_allocations) {
    headline(context_, fmt::format("Monitoring evaluation \"{}\"", short_id(id_, context_.verbose())));
    for (;;) {
      auto eval = context_.api.get("/v1/evaluation/" + id_);
      if (!eval.ok()) return failed("Error reading evaluation", eval.error());
      show_change(*eval);
      const std::string status = text_of(*eval, "Status");
      if (status == "complete" || status == "failed" || status == "canceled") {
        const int code = finished(*eval, status);
        if (code != 0 || !follow_allocations) return code;
        return follow(text_of(*eval, "JobID"), text_of(*eval, "Namespace"), text_of(*eval, "Type"), integer_of(*eval, "JobModifyIndex"));
      }
      context_.world.sleep(look_interval);
      if (context_.world.interrupted()) return 0;
    }
  }

 private:
  void show_change(const Value& eval) {
    const std::string status = text_of(eval, "Status");
    if (status_.empty()) {
      const std::string job = text_of(eval, "JobID");
      detail(context_, job.empty() ? "Evaluation triggered by node" : fmt::format("Evaluation triggered by job \"{}\"", job));
      status_ = "pending";
    }
    if (status != status_) detail(context_, fmt::format("Evaluation status changed: \"{}\" -> \"{}\"", status_, status));
    status_ = status;
  }

  int finished(const Value& eval, const std::string& status) {
    const auto& failures = map_of(eval, "FailedTGAllocs");
    headline(context_, fmt::format("Evaluation \"{}\" finished with status \"{}\"{}", short_id(id_, context_.verbose()), status,
                                   failures.empty() ? "" : " but failed to place all allocations:"));
    for (const auto& [group, metric] : failures) {
      const auto count = integer_of(metric, "CoalescedFailures") + 1;
      detail(context_, fmt::format("Task Group \"{}\" (failed to place {} allocation{}):", group, count, count == 1 ? "" : "s"));
      for (const std::string& line : placement_reasons(metric)) out("      * " + line);
    }
    if (const std::string blocked = text_of(eval, "BlockedEval"); !blocked.empty())
      detail(context_, fmt::format("Evaluation \"{}\" waiting for additional capacity to place remainder", short_id(blocked, context_.verbose())));
    if (failures.empty()) return status == "complete" ? 0 : 1;
    auto why = explain_job(context_, text_of(eval, "JobID"));
    if (why.ok() && !why->empty()) out(*why);
    return 2;
  }

  /// Until every allocation of this version runs (service, system) or has ended (batch).
  int follow(const std::string& job, const std::string&, const std::string& type, std::int64_t) {
    const bool ends = type == "batch" || type == "sysbatch";
    const Instant started = context_.world.now();
    for (;;) {
      auto allocs = context_.api.get("/v1/job/" + encode(job) + "/allocations");
      if (!allocs.ok()) return failed("Error reading allocations", allocs.error());
      std::size_t waiting = 0, bad = 0;
      for (const Value& alloc : allocs->items()) {
        if (text_of(alloc, "EvalID") != id_) continue;
        show_alloc(alloc);
        const std::string status = text_of(alloc, "ClientStatus");
        if (status == "failed" || status == "lost") ++bad;
        if (status == "pending" || (ends && status == "running")) ++waiting;
      }
      if (waiting == 0) {
        if (bad == 0) return 0;
        auto why = explain_job(context_, job);
        if (why.ok() && !why->empty()) out(*why);
        return 1;
      }
      context_.world.sleep(look_interval);
      if (context_.world.interrupted() || context_.world.now() - started > follow_max) return 0;
    }
  }

  void show_alloc(const Value& alloc) {
    const std::string id = text_of(alloc, "ID"), status = text_of(alloc, "ClientStatus");
    auto& known = allocs_[id];
    if (known == status) return;
    if (known.empty()) {
      detail(context_, fmt::format("Allocation \"{}\" created: node \"{}\", group \"{}\"", short_id(id, context_.verbose()),
                                   short_id(text_of(alloc, "NodeID"), context_.verbose()), text_of(alloc, "TaskGroup")));
      known = "pending";
    }
    if (known != status) {
      const std::string event = status == "running" || status == "complete" ? "" : " (" + last_event(alloc) + ")";
      detail(context_, fmt::format("Allocation \"{}\" status changed: \"{}\" -> \"{}\"{}", short_id(id, context_.verbose()), known, status, event));
    }
    known = status;
  }

  Context& context_;
  std::string id_;
  std::string status_;
  std::map<std::string, std::string> allocs_;
};

/// What to do about a reason, where there is something to do.
std::string next_step(const Value& metric) {
  if (integer_of(metric, "NodesEvaluated") == 0) {
    if (integer_of(metric, "NodesInPool") == 0) return "start an agent in this node pool, or correct node_pool";
    return "look at drover node status: no node of these datacenters is ready and eligible";
  }
  if (!map_of(metric, "DimensionExhausted").empty()) return "ask for less, stop something, or add a node";
  for (const auto& [name, nodes] : map_of(metric, "ConstraintFiltered")) {
    if (name.starts_with("missing drivers")) return "drover node status -verbose NODE shows why a driver is not healthy";
  }
  return "drover node status -verbose NODE shows what a node offers";
}

}  // namespace

int monitor_evaluation(Context& context, const std::string& id, bool follow_allocations) {
  return Follower(context, id).run(follow_allocations);
}

Result<std::string> explain_job(Context& context, const std::string& job_id) {
  const std::string path = "/v1/job/" + encode(job_id);
  DROVER_LET(const Value job, context.api.get(path));
  DROVER_LET(const Value evals, context.api.get(path + "/evaluations"));
  DROVER_LET(const Value allocs, context.api.get(path + "/allocations"));
  std::string text;
  auto say = [&text](const std::string& line) { text += (text.empty() ? "" : "\n") + line; };
  if (bool_of(job, "Stop")) return fmt::format("job \"{}\" was stopped; drover job run or drover job start starts it again", job_id);

  const Value* newest = nullptr;  // the newest evaluation that could not place something
  for (const Value& eval : evals.items()) {
    if (map_of(eval, "FailedTGAllocs").empty()) continue;
    if (!newest || integer_of(eval, "CreateIndex") > integer_of(*newest, "CreateIndex")) newest = &eval;
  }
  std::int64_t queued = 0;
  auto summary = context.api.get(path + "/summary");
  if (summary.ok()) {
    for (const auto& [group, counts] : map_of(*summary, "Summary")) queued += integer_of(counts, "Queued");
  }
  if (newest && queued > 0) {
    for (const auto& [group, metric] : map_of(*newest, "FailedTGAllocs")) {
      const auto missing = integer_of(metric, "CoalescedFailures") + 1;
      std::string reasons = fmt::format("{}", fmt::join(placement_reasons(metric), "; "));
      say(fmt::format("group \"{}\": {} of its allocations cannot be placed, {} of {} nodes looked at: {}; next: {}", group, missing,
                      integer_of(metric, "NodesEvaluated"), integer_of(metric, "NodesInPool"), reasons, next_step(metric)));
    }
  }
  std::size_t shown = 0;
  for (const Value& alloc : allocs.items()) {
    const std::string status = text_of(alloc, "ClientStatus");
    if (text_of(alloc, "DesiredStatus") != "run" && status != "failed") continue;
    if (!text_of(alloc, "NextAllocation").empty() || (status != "failed" && status != "pending" && status != "lost")) continue;
    if (++shown > event_lines_max) break;
    say(fmt::format("allocation \"{}\" is {}: {}; next: drover alloc status {}", short_id(text_of(alloc, "ID")), status, last_event(alloc),
                    short_id(text_of(alloc, "ID"))));
  }
  return text;
}

}  // namespace drover::cli
