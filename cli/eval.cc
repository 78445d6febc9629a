#include <fmt/format.h>

#include <algorithm>

#include "cli/allocs_table.h"
#include "cli/client_shape.h"
#include "cli/command.h"
#include "cli/lookup.h"
#include "cli/monitor.h"
#include "cli/output.h"
#include "cli/pages.h"
#include "cli/placement.h"
#include "cli/why.h"

namespace drover::cli {
namespace {

int eval_list(Context& context) {
  Query query = page_query(context);
  for (const auto* name : {"job", "status"}) {
    if (context.flags.has(name)) query.emplace_back(name, context.flags.text(name));
  }
  std::string next_token;
  auto evals = context.api.get_page("/v1/evaluations", query, next_token);
  if (!evals.ok()) return failed("Error querying evaluations", evals.error());
  if (auto code = machine_output(context, client_shapes(*evals, "eval"))) return *code;
  if (evals->items().empty()) {
    out("No evals found");
    return 0;
  }
  const bool whole = context.verbose();
  std::vector<std::vector<std::string>> rows = {{"ID", "Priority", "Triggered By", "Job ID", "Namespace", "Node ID", "Status", "Placement Failures"}};
  for (const Value& eval : evals->items())
    rows.push_back({short_id(text_of(eval, "ID"), whole), text_of(eval, "Priority"), text_of(eval, "TriggeredBy"), text_of(eval, "JobID"), text_of(eval, "Namespace"), short_id(text_of(eval, "NodeID"), whole), text_of(eval, "Status"), failures_text(eval)});
  out(table(rows));
  tell_next_page(context, next_token);
  return 0;
}

void show_head(const Context& context, const Value& eval) {
  const bool whole = context.verbose();
  auto when = [&](const char* key) { return whole ? stamp(integer_of(eval, key)) : ago(integer_of(eval, key), context.world.now()); };
  std::string description = text_of(eval, "StatusDescription");
  if (description.empty()) description = text_of(eval, "Status");
  std::vector<std::pair<std::string, std::string>> rows = {{"ID", short_id(text_of(eval, "ID"), whole)},
                                                           {"Create Time", when("CreateTime")},
                                                           {"Modify Time", when("ModifyTime")},
                                                           {"Status", text_of(eval, "Status")},
                                                           {"Status Description", description},
                                                           {"Type", text_of(eval, "Type")},
                                                           {"TriggeredBy", text_of(eval, "TriggeredBy")},
                                                           {"Job ID", text_of(eval, "JobID")},
                                                           {"Namespace", text_of(eval, "Namespace")}};
  if (const std::string node = text_of(eval, "NodeID"); !node.empty() && text_of(eval, "TriggeredBy") == "node-update") rows.emplace_back("Node ID", short_id(node, whole));
  rows.insert(rows.end(), {{"Priority", text_of(eval, "Priority")},
                           {"Placement Failures", failures_text(eval)},
                           {"Previous Eval", short_id(text_of(eval, "PreviousEval"), whole)},
                           {"Next Eval", short_id(text_of(eval, "NextEval"), whole)},
                           {"Blocked Eval", short_id(text_of(eval, "BlockedEval"), whole)}});
  out(key_values(rows));
}

void show_related(const Context& context, const Value& eval) {
  const auto& related = list_of(eval, "RelatedEvals");
  if (related.empty()) return;
  const bool whole = context.verbose();
  std::vector<std::vector<std::string>> rows = {{"ID", "Priority", "Triggered By", "Node ID", "Status", "Description"}};
  for (const Value& other : related)
    rows.push_back({short_id(text_of(other, "ID"), whole), text_of(other, "Priority"), text_of(other, "TriggeredBy"), short_id(text_of(other, "NodeID"), whole), text_of(other, "Status"), text_of(other, "StatusDescription")});
  out("\nRelated Evaluations\n" + table(rows));
}

void show_annotations(const Context& context, const Value& eval) {
  auto groups = map_of(member_of(eval, "PlanAnnotations"), "DesiredTGUpdates");
  if (groups.empty()) return;
  std::ranges::sort(groups, {}, &Value::Member::first);
  std::vector<std::pair<std::string, std::string>> columns = {{"Ignore", "Ignore"}, {"Place", "Place"}, {"Stop", "Stop"}, {"InPlace", "InPlaceUpdate"}, {"Destructive", "DestructiveUpdate"}};
  if (context.verbose()) columns.insert(columns.end(), {{"Migrate", "Migrate"}, {"Canary", "Canary"}, {"Preemptions", "Preemptions"}, {"Reschedule Now", "RescheduleNow"}, {"Reschedule Later", "RescheduleLater"}, {"Disconnect", "Disconnect"}, {"Reconnect", "Reconnect"}});
  std::vector<std::vector<std::string>> rows = {{"Task Group"}};
  for (const auto& [title, key] : columns) rows[0].push_back(title);
  for (const auto& [group, updates] : groups) {
    rows.push_back({group});
    for (const auto& [title, key] : columns) rows.back().push_back(std::to_string(integer_of(updates, key)));
  }
  out("\nPlan Annotations\n" + table(rows));
}

void show_failures(Context& context, const Value& eval) {
  auto failures = map_of(eval, "FailedTGAllocs");
  if (failures.empty()) return;
  std::ranges::sort(failures, {}, &Value::Member::first);
  out("\nFailed Placements");
  for (const auto& [group, metric] : failures) out(failed_group(group, metric, 0));
  if (const std::string blocked = text_of(eval, "BlockedEval"); !blocked.empty())
    out(fmt::format("\nEvaluation \"{}\" waiting for additional capacity to place remainder", short_id(blocked, context.verbose())));
}

int eval_status(Context& context) {
  const auto id = shown(find_id(context, context.args()[0], "/v1/evaluations", "evaluation"));
  if (!id) return 1;
  if (context.flags.is_on("monitor")) return monitor_evaluation(context, *id);
  auto eval = context.api.get("/v1/evaluation/" + *id, {{"related", "true"}});
  if (!eval.ok()) return failed("Error querying evaluation", eval.error());
  if (auto code = machine_output(context, client_shape(*eval, "eval"))) return *code;
  auto allocs = context.api.get("/v1/evaluation/" + *id + "/allocations");
  if (!allocs.ok()) return failed("Error querying allocations", allocs.error());
  show_head(context, *eval);
  show_related(context, *eval);
  show_annotations(context, *eval);
  if (!allocs->items().empty()) out("\nPlaced Allocations\n" + allocs_table(context, allocs->items(), AllocColumns::of_eval));
  show_failures(context, *eval);
  return 0;
}

}  // namespace

void add_eval_commands(std::vector<Command>& rows) {
  const Flag whole_ids = {"verbose", "", "whole ids, more columns"}, json = {"json", "", "print the API object"}, format = {"t", "<template>", "format with a Go template"};
  std::vector<Flag> list_flags = {{"job", "<id>", "only of this job"}, {"status", "<status>", "only with this status"}, whole_ids, json, format};
  add_page_flags(list_flags);
  rows.push_back({"eval list", "", "lists evaluations", "drover eval list -status blocked", list_flags, eval_list, 0, 0});
  const std::vector<Flag> flags = {{"monitor", "", "follow it"}, whole_ids, json, format};
  rows.push_back({"eval status", "<eval>", "shows an evaluation and what it placed", "drover eval status 1f2e", flags, eval_status, 1, 1, "evals", false, false, "This command takes one argument"});
  rows.push_back({"eval-status", "<eval>", "shows an evaluation", "", flags, eval_status, 1, 1, "evals", true});
}

}  // namespace drover::cli
