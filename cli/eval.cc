#include <fmt/format.h>

#include "cli/command.h"
#include "cli/lookup.h"
#include "cli/monitor.h"
#include "cli/output.h"

namespace drover::cli {
namespace {

std::string failures_text(const Value& eval) {
  return text_of(eval, "Status") == "blocked" ? "N/A - In Progress" : map_of(eval, "FailedTGAllocs").empty() ? "false" : "true";
}

int eval_list(Context& context) {
  Query query;
  for (const auto* name : {"job", "status", "filter"}) {
    if (context.flags.has(name)) query.emplace_back(name, context.flags.text(name));
  }
  if (context.flags.has("per-page")) query.emplace_back("per_page", context.flags.text("per-page"));
  if (context.flags.has("page-token")) query.emplace_back("next_token", context.flags.text("page-token"));
  auto evals = context.api.get("/v1/evaluations", query);
  if (!evals.ok()) return failed("Error querying evaluations", evals.error());
  if (auto code = machine_output(context, *evals)) return *code;
  if (evals->items().empty()) {
    out("No evals found");
    return 0;
  }
  std::vector<std::vector<std::string>> rows = {{"ID", "Priority", "Triggered By", "Job ID", "Status", "Placement Failures"}};
  for (const Value& eval : evals->items())
    rows.push_back({short_id(text_of(eval, "ID"), context.verbose()), text_of(eval, "Priority"), text_of(eval, "TriggeredBy"), text_of(eval, "JobID"), text_of(eval, "Status"), failures_text(eval)});
  out(table(rows));
  return 0;
}

int eval_status(Context& context) {
  auto id = find_id(context, context.args()[0], "/v1/evaluations", "evaluation");
  if (!id.ok()) {
    err(id.error().message);
    return 1;
  }
  if (context.flags.is_on("monitor")) return monitor_evaluation(context, *id, false);
  auto eval = context.api.get("/v1/evaluation/" + *id);
  if (!eval.ok()) return failed("Error querying evaluation", eval.error());
  if (auto code = machine_output(context, *eval)) return *code;
  const bool whole = context.verbose();
  const Instant now = context.world.now();
  std::vector<std::pair<std::string, std::string>> rows = {{"ID", short_id(*id, whole)},
                                                           {"Create Time", ago(integer_of(*eval, "CreateTime"), now)},
                                                           {"Modify Time", ago(integer_of(*eval, "ModifyTime"), now)},
                                                           {"Status", text_of(*eval, "Status")},
                                                           {"Status Description", text_of(*eval, "StatusDescription")},
                                                           {"Type", text_of(*eval, "Type")},
                                                           {"TriggeredBy", text_of(*eval, "TriggeredBy")},
                                                           {"Job ID", text_of(*eval, "JobID")},
                                                           {"Namespace", text_of(*eval, "Namespace")},
                                                           {"Priority", text_of(*eval, "Priority")},
                                                           {"Placement Failures", failures_text(*eval)}};
  for (const auto& [key, title] : {std::pair{"PreviousEval", "Previous Eval"}, {"NextEval", "Next Eval"}, {"BlockedEval", "Blocked Eval"}}) {
    if (const std::string other = text_of(*eval, key); !other.empty()) rows.emplace_back(title, short_id(other, whole));
  }
  out(key_values(rows));
  auto allocs = context.api.get("/v1/evaluation/" + *id + "/allocations");
  if (!allocs.ok()) return failed("Error querying allocations", allocs.error());
  if (!allocs->items().empty()) {
    std::vector<std::vector<std::string>> list = {{"ID", "Node ID", "Task Group", "Version", "Desired", "Status", "Created", "Modified"}};
    for (const Value& a : allocs->items())
      list.push_back({short_id(text_of(a, "ID"), whole), short_id(text_of(a, "NodeID"), whole), text_of(a, "TaskGroup"), text_of(a, "JobVersion"), text_of(a, "DesiredStatus"),
                      text_of(a, "ClientStatus"), ago(integer_of(a, "CreateTime"), now), ago(integer_of(a, "ModifyTime"), now)});
    out("\nPlaced Allocations\n" + table(list));
  }
  if (!map_of(*eval, "FailedTGAllocs").empty()) {
    auto why = explain_job(context, text_of(*eval, "JobID"));
    if (why.ok() && !why->empty()) out("\nFailed Placements\n" + *why);
  }
  return 0;
}

}  // namespace

void add_eval_commands(std::vector<Command>& rows) {
  rows.push_back({"eval list", "", "lists evaluations", "drover eval list -status blocked",
                  {{"job", "<id>", "only of this job"}, {"status", "<status>", "only with this status"}, {"filter", "<expression>", "a filter expression"},
                   {"per-page", "<n>", "as many at most"}, {"page-token", "<token>", "where to go on"}, {"verbose", "", "whole ids"},
                   {"json", "", "print the API object"}, {"t", "<template>", "format with a Go template"}},
                  eval_list, 0, 0});
  const std::vector<Flag> flags = {{"monitor", "", "follow it"}, {"verbose", "", "whole ids"}, {"json", "", "print the API object"}, {"t", "<template>", "format with a Go template"}};
  rows.push_back({"eval status", "<eval>", "shows an evaluation and what it placed", "drover eval status 1f2e", flags, eval_status, 1, 1, "evals"});
  rows.push_back({"eval-status", "<eval>", "shows an evaluation", "", flags, eval_status, 1, 1, "evals", true});
}

}  // namespace drover::cli
