#include "cli/monitor.h"

#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "cli/lookup.h"
#include "cli/output.h"
#include "cli/placement.h"
#include "cli/why.h"

namespace drover::cli {
namespace {

constexpr Duration first_look_interval = 50ms;  ///< most evaluations end at once
constexpr Duration look_interval = 250ms;
constexpr int first_looks = 20;
constexpr int rollback_looks_max = 40;
constexpr Duration follow_max = 10min;  ///< a job whose tasks neither start nor fail for so long is left alone

/// The last event of the first task that has one: what a person wants to know of an allocation that failed.
std::string last_event(const Value& alloc) {
  for (const auto& [task, state] : map_of(alloc, "TaskStates")) {
    const auto& events = list_of(state, "Events");
    if (events.empty()) continue;
    return fmt::format("task \"{}\": {}: {}", task, text_of(events.back(), "Type"), text_of(events.back(), "DisplayMessage"));
  }
  return text_of(alloc, "ClientDescription");
}

bool is_over(const std::string& eval_status) { return eval_status == "complete" || eval_status == "failed" || eval_status == "canceled"; }

class Follower {
 public:
  Follower(Context& context, std::string id) : context_(context), id_(std::move(id)) {}

  int run(Then then) {
    headline(context_, fmt::format("Monitoring evaluation \"{}\"", shortened(id_)));
    for (;;) {
      auto eval = context_.api.get("/v1/evaluation/" + id_);
      if (!eval.ok()) return failed("Error reading evaluation", eval.error());
      auto allocs = context_.api.get("/v1/evaluation/" + id_ + "/allocations");
      if (!allocs.ok()) return failed("Error reading allocations", allocs.error());
      show_change(*eval, *allocs);
      if (is_over(status_)) return ended(*eval, then);
      if (!wait()) return 0;
    }
  }

 private:
  std::string shortened(const std::string& id) const { return short_id(id, context_.verbose()); }

  /// False when the person watching has had enough.
  bool wait() {
    context_.world.sleep(looks_++ < first_looks ? first_look_interval : look_interval);
    return !context_.world.interrupted();
  }

  void show_change(const Value& eval, const Value& allocs) {
    const std::string status = text_of(eval, "Status");
    if (status_.empty()) {
      const std::string job = text_of(eval, "JobID"), node = text_of(eval, "NodeID");
      detail(context_, node.empty() ? fmt::format("Evaluation triggered by job \"{}\"", job) : fmt::format("Evaluation triggered by node \"{}\"", shortened(node)));
      status_ = "pending";
    }
    const std::string deployment = text_of(eval, "DeploymentID");
    if (deployment != deployment_) {
      deployment_ = deployment;
      detail(context_, fmt::format("Evaluation within deployment: \"{}\"", shortened(deployment)));
    }
    // How allocations fare is shown once the evaluation is over, so that what is printed does not depend on who was quicker.
    for (const Value& alloc : allocs.items()) {
      if (!allocs_.contains(text_of(alloc, "ID"))) show_alloc(alloc, integer_of(eval, "CreateIndex"));
    }
    if (status != status_) detail(context_, fmt::format("Evaluation status changed: \"{}\" -> \"{}\"", status_, status));
    status_ = status;
  }

  void show_alloc(const Value& alloc, std::int64_t eval_index) {
    const std::string id = text_of(alloc, "ID"), status = text_of(alloc, "ClientStatus");
    const auto [known, is_new] = allocs_.emplace(id, status);
    if (is_new) {
      const bool created = integer_of(alloc, "CreateIndex") >= eval_index;
      if (created && text_of(alloc, "DesiredStatus") != "run") return;
      detail(context_, fmt::format("Allocation \"{}\" {}: node \"{}\", group \"{}\"", shortened(id), created ? "created" : "modified", shortened(text_of(alloc, "NodeID")), text_of(alloc, "TaskGroup")));
      return;
    }
    if (known->second == status) return;
    const bool fine = status == "running" || status == "complete";
    const std::string why = fine ? text_of(alloc, "ClientDescription") : last_event(alloc);
    detail(context_, fmt::format("Allocation \"{}\" status changed: \"{}\" -> \"{}\"{}", shortened(id), known->second, status, why.empty() ? "" : " (" + why + ")"));
    known->second = status;
  }

  int ended(const Value& eval, Then then) {
    const auto& failures = map_of(eval, "FailedTGAllocs");
    headline(context_, fmt::format("Evaluation \"{}\" finished with status \"{}\"{}", shortened(id_), status_, failures.empty() ? "" : " but failed to place all allocations:"));
    for (const auto& [group, metric] : failures) {
      const std::string text = failed_group(group, metric, 4);
      const auto line_end = text.find('\n');
      detail(context_, text.substr(4, line_end == std::string::npos ? line_end : line_end - 4));
      if (line_end != std::string::npos) out(text.substr(line_end + 1));
    }
    if (const std::string blocked = text_of(eval, "BlockedEval"); !blocked.empty())
      detail(context_, fmt::format("Evaluation \"{}\" waiting for additional capacity to place remainder", shortened(blocked)));
    if (const std::string next = text_of(eval, "NextEval"); !next.empty()) return follow_next(next, integer_of(eval, "Wait"), then);
    if (!deployment_.empty() && (failures.empty() || deployment_has_begun())) return after_deployment(eval, !failures.empty());
    if (!failures.empty()) {
      explain(text_of(eval, "JobID"));
      return 2;
    }
    if (status_ != "complete") return 1;
    return then == Then::end ? 0 : follow_allocations(text_of(eval, "JobID"), text_of(eval, "Type"), integer_of(eval, "CreateIndex"));
  }

  int follow_next(const std::string& next, std::int64_t wait_ns, Then then) {
    detail(context_, fmt::format("Monitoring next evaluation \"{}\" in {}", shortened(next), duration_text(wait_ns)));
    for (Duration left(wait_ns); left > 0s; left -= look_interval) {
      context_.world.sleep(look_interval);
      if (context_.world.interrupted()) return 0;
    }
    return Follower(context_, next).run(then);
  }

  /// Whether anything of the deployment has a place. Until then its deadline does not run, and it may never end.
  bool deployment_has_begun() const {
    auto deployment = context_.api.get("/v1/deployment/" + deployment_);
    if (!deployment.ok() || text_of(*deployment, "Status") != "running") return true;
    return std::ranges::any_of(map_of(*deployment, "TaskGroups"), [](const Value::Member& group) { return integer_of(group.second, "PlacedAllocs") > 0; });
  }

  /// The end of a job is its aim, whatever that does to its deployment.
  int after_deployment(const Value& eval, bool some_unplaced) {
    const int deployed = monitor_deployment(context_, deployment_);
    if (text_of(eval, "TriggeredBy") == "job-deregister") return 0;
    return deployed != 0 && some_unplaced ? 2 : deployed;
  }

  /// Until everything that this evaluation placed runs (service, system) or has ended (batch).
  int follow_allocations(const std::string& job, const std::string& type, std::int64_t eval_index) {
    const bool ends = type == "batch" || type == "sysbatch";
    const Instant started = context_.world.now();
    for (;;) {
      auto allocs = context_.api.get("/v1/evaluation/" + id_ + "/allocations");
      if (!allocs.ok()) return failed("Error reading allocations", allocs.error());
      std::size_t wanted = 0, waiting = 0, bad = 0;
      for (const Value& alloc : allocs->items()) {
        show_alloc(alloc, eval_index);
        if (text_of(alloc, "DesiredStatus") != "run") continue;
        ++wanted;
        const std::string status = text_of(alloc, "ClientStatus");
        if (status == "failed" || status == "lost") ++bad;
        if (status == "pending" || (ends && status == "running")) ++waiting;
      }
      if (waiting == 0) {
        if (bad == 0) return all_well(wanted, ends);
        explain(job);
        return 1;
      }
      if (!wait()) return 0;
      if (context_.world.now() - started > follow_max) {
        explain(job);
        return 0;
      }
    }
  }

  int all_well(std::size_t allocs, bool ended) {
    if (allocs > 0) headline(context_, fmt::format("{} allocation{} {}", allocs, allocs == 1 ? "" : "s", ended ? (allocs == 1 ? "has ended well" : "have ended well") : allocs == 1 ? "is running" : "are running"));
    return 0;
  }

  void explain(const std::string& job) {
    auto why = explain_job(context_, job);
    if (why.ok() && !why->empty()) out(*why);
  }

  Context& context_;
  std::string id_;
  std::string status_, deployment_;
  int looks_ = 0;
  std::map<std::string, std::string> allocs_;
};

std::string deployed_table(const Value& deployment) {
  bool reverts = false, promotes = false, canaries = false;
  auto groups = map_of(deployment, "TaskGroups");
  std::ranges::sort(groups, {}, &Value::Member::first);
  for (const auto& [name, group] : groups) {
    reverts = reverts || bool_of(group, "AutoRevert");
    canaries = canaries || integer_of(group, "DesiredCanaries") > 0;
    promotes = promotes || bool_of(group, "Promoted") || integer_of(group, "DesiredCanaries") > 0;
  }
  std::vector<std::vector<std::string>> rows(1);
  const auto cell = [&rows](bool wanted, const std::string& text) {
    if (wanted) rows.back().push_back(text);
  };
  const auto line = [&](const std::string& name, auto of) {
    cell(true, name);
    cell(reverts, of("Auto Revert", "AutoRevert"));
    cell(promotes, of("Promoted", "Promoted"));
    cell(true, of("Desired", "DesiredTotal"));
    cell(canaries, of("Canaries", "DesiredCanaries"));
    cell(true, of("Placed", "PlacedAllocs"));
    cell(true, of("Healthy", "HealthyAllocs"));
    cell(true, of("Unhealthy", "UnhealthyAllocs"));
    cell(true, of("Progress Deadline", "RequireProgressBy"));
  };
  line("Task Group", [](const char* title, const char*) { return std::string(title); });
  for (const auto& [name, group] : groups) {
    rows.emplace_back();
    line(name, [&group = group](const char*, const std::string& key) {
      if (key == "RequireProgressBy") return stamp(time_of(group, key));
      if (key == "Promoted" && integer_of(group, "DesiredCanaries") == 0) return std::string("N/A");
      return text_of(group, key);
    });
  }
  return table(rows);
}

std::string indented(const std::string& text) {
  std::string result;
  for (std::size_t at = 0, end; at <= text.size(); at = end + 1) {
    end = std::min(text.find('\n', at), text.size());
    result += (end > at ? "    " : "") + text.substr(at, end - at) + "\n";
  }
  result.pop_back();
  return result;
}

}  // namespace

void headline(Context& context, std::string_view text) { out(fmt::format("==> {}: {}", stamp(to_ns(context.world.now())), text)); }
void detail(Context& context, std::string_view text) { out(fmt::format("    {}: {}", stamp(to_ns(context.world.now())), text)); }

std::string deployment_text(const Context& context, const Value& deployment) {
  std::string text = key_values({{"ID", short_id(text_of(deployment, "ID"), context.verbose())},
                                 {"Job ID", text_of(deployment, "JobID")},
                                 {"Job Version", text_of(deployment, "JobVersion")},
                                 {"Status", text_of(deployment, "Status")},
                                 {"Description", text_of(deployment, "StatusDescription")}});
  if (!map_of(deployment, "TaskGroups").empty()) text += "\n\nDeployed\n" + deployed_table(deployment);
  return text;
}

int monitor_evaluation(Context& context, const std::string& id, Then then) { return Follower(context, id).run(then); }

namespace {

/// Shows a deployment whenever it changes, until it is over: as it was then. Null when somebody has had enough of it.
Result<Value> follow_deployment(Context& context, const std::string& id) {
  headline(context, fmt::format("Monitoring deployment \"{}\"", short_id(id, context.verbose())));
  std::string shown_before;
  for (;;) {
    auto deployment = context.api.get("/v1/deployment/" + id);
    if (!deployment.ok()) return deployment.error();
    const std::string status = text_of(*deployment, "Status");
    const bool over = status == "successful" || status == "failed" || status == "cancelled" || status == "blocked";
    if (over) out(fmt::format("  {} Deployment \"{}\" {}\n", status == "successful" ? "✓" : "!", short_id(id, context.verbose()), status));
    const std::string text = deployment_text(context, *deployment);
    if (text != shown_before) {
      const std::string block = stamp(to_ns(context.world.now())) + "\n" + text;
      out("\n" + (context.world.out_is_terminal ? indented(block) : block));
    }
    shown_before = text;
    if (over) return deployment;
    context.world.sleep(look_interval);
    if (context.world.interrupted()) return Value();
  }
}

/// The deployment that goes back to an older version, once it is there; "" when there is none.
std::string rollback_of(Context& context, const Value& failed) {
  if (text_of(failed, "StatusDescription").find(" - rolling back to job version ") == std::string::npos) return "";
  for (int look = 0; look < rollback_looks_max && !context.world.interrupted(); ++look) {
    auto newest = context.api.get("/v1/job/" + encode(text_of(failed, "JobID")) + "/deployment");
    if (!newest.ok()) return "";
    const std::string id = text_of(*newest, "ID");
    if (!id.empty() && id != text_of(failed, "ID")) return id;
    context.world.sleep(look_interval);
  }
  return "";
}

}  // namespace

int monitor_deployment(Context& context, const std::string& id) {
  const auto deployment = follow_deployment(context, id);
  if (!deployment.ok()) return failed("Error fetching deployment", deployment.error());
  const std::string status = text_of(*deployment, "Status");
  if (status.empty() || status == "successful") return 0;
  // A way back that succeeds is shown as well; the deployment that was asked for has failed all the same.
  if (const std::string rollback = rollback_of(context, *deployment); !rollback.empty()) static_cast<void>(follow_deployment(context, rollback));
  return 1;
}

}  // namespace drover::cli
