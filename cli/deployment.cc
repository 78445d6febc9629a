#include <fmt/format.h>

#include "cli/client_shape.h"
#include "cli/command.h"
#include "cli/lookup.h"
#include "cli/monitor.h"
#include "cli/output.h"

namespace drover::cli {

std::string deployments_table(const Context& context, const Value::List& deployments) {
  if (deployments.empty()) return "No deployments found";
  const bool all = context.api.endpoint().name_space == "*";
  std::vector<std::vector<std::string>> rows = {{"ID", "Job ID", "Job Version", "Status", "Description"}};
  if (all) rows[0].insert(rows[0].begin() + 2, "Namespace");
  for (const Value& deployment : deployments) {
    std::vector<std::string> row = {short_id(text_of(deployment, "ID"), context.verbose())};
    for (const auto* key : {"JobID", "JobVersion", "Status", "StatusDescription"}) row.push_back(text_of(deployment, key));
    if (all) row.insert(row.begin() + 2, text_of(deployment, "Namespace"));
    rows.push_back(std::move(row));
  }
  return table(rows);
}

namespace {

int deployment_list(Context& context) {
  Query query;
  if (context.flags.has("filter")) query.emplace_back("filter", context.flags.text("filter"));
  auto list = context.api.get("/v1/deployments", query);
  if (!list.ok()) return failed("Error retrieving deployments", list.error());
  if (auto code = machine_output(context, client_shapes(*list, "deployment"))) return *code;
  out(deployments_table(context, list->items()));
  return 0;
}

int deployment_status(Context& context) {
  if (context.args().empty()) return deployment_list(context);
  const auto id = shown(find_deployment(context, context.args()[0]));
  if (!id) return 1;
  if (context.flags.is_on("monitor")) {
    monitor_deployment(context, *id);  // a failed one has been shown well, too
    return 0;
  }
  auto deployment = context.api.get("/v1/deployment/" + *id);
  if (!deployment.ok()) return failed("Error retrieving deployment", deployment.error());
  if (auto code = machine_output(context, client_shape(*deployment, "deployment"))) return *code;
  out(deployment_text(context, *deployment));
  return 0;
}

/// One of the writes on a deployment: what it is called, what is sent, and what is said when it is done ("" = nothing).
struct Action {
  std::string_view path, doing, done;
  bool follows;
  Value (*body)(const Context&, const std::string& id);
};

Value only_id(const Context&, const std::string& id) { return Value::map().set("DeploymentID", id); }
Value pause_body(const Context& context, const std::string& id) { return only_id(context, id).set("Pause", true); }
Value resume_body(const Context& context, const std::string& id) { return only_id(context, id).set("Pause", false); }

Value promote_body(const Context& context, const std::string& id) {
  Value groups = Value::list();
  for (const std::string& group : context.flags.all("group")) groups.push(Value(group));
  return only_id(context, id).set("All", groups.items().empty()).set("Groups", groups);
}

int act(Context& context, const Action& action) {
  const auto id = shown(find_deployment(context, context.args()[0]));
  if (!id) return 1;
  auto answer = context.api.put("/v1/deployment/" + std::string(action.path) + "/" + *id, action.body(context, *id));
  if (!answer.ok()) return failed(fmt::format("Error {} deployment", action.doing), answer.error());
  const std::string eval = text_of(*answer, "EvalID");
  if (!action.done.empty()) out(fmt::format("Deployment \"{}\" {}", *id, action.done));
  if (const Value& version = member_of(*answer, "RevertedJobVersion"); version.is_integer()) out(fmt::format("Automatically rolled back to job version {}", version.integer()));
  if (eval.empty() || !action.follows) return 0;
  if (!context.flags.is_on("detach")) return monitor_evaluation(context, eval);
  out("Evaluation ID: " + eval);
  return 0;
}

int deployment_fail(Context& context) { return act(context, {"fail", "failing", "failed", true, only_id}); }
int deployment_pause(Context& context) { return act(context, {"pause", "pausing", "paused", false, pause_body}); }
int deployment_resume(Context& context) { return act(context, {"pause", "resuming", "resumed", true, resume_body}); }
int deployment_promote(Context& context) { return act(context, {"promote", "promoting", "", true, promote_body}); }
int deployment_unblock(Context& context) { return act(context, {"unblock", "unblocking", "unblocked", true, only_id}); }

}  // namespace

void add_deployment_commands(std::vector<Command>& rows) {
  const Flag json = {"json", "", "print the API object"}, format = {"t", "<template>", "format with a Go template"}, whole_ids = {"verbose", "", "whole ids"};
  rows.push_back({"deployment list", "", "lists deployments", "drover deployment list", {{"filter", "<expression>", "a filter expression"}, whole_ids, json, format}, deployment_list, 0, 0});
  const std::vector<Flag> act_flags = {{"detach", "", "do not follow"}, whole_ids};
  const std::vector<Flag> promote_flags = {{"group", "<name>", "only this group; repeatable"}, {"detach", "", "do not follow"}, whole_ids};
  rows.push_back({"deployment promote", "<deployment>", "lets the canaries of a deployment take over", "drover deployment promote 5f1e", promote_flags, deployment_promote, 1, 1, "deployments"});
  rows.push_back({"deployment fail", "<deployment>", "ends a deployment as failed", "drover deployment fail 5f1e", act_flags, deployment_fail, 1, 1, "deployments"});
  rows.push_back({"deployment pause", "<deployment>", "lets a deployment go no further", "drover deployment pause 5f1e", {whole_ids}, deployment_pause, 1, 1, "deployments"});
  rows.push_back({"deployment resume", "<deployment>", "lets a paused deployment go on", "drover deployment resume 5f1e", act_flags, deployment_resume, 1, 1, "deployments"});
  rows.push_back({"deployment unblock", "<deployment>", "lets a deployment that waits for other regions end", "drover deployment unblock 5f1e", act_flags, deployment_unblock, 1, 1, "deployments"});
  rows.push_back({"deployment status", "[deployment]", "shows deployments, or one deployment", "drover deployment status 5f1e",
                  {{"monitor", "", "follow it until it is over"}, {"wait", "<duration>", "accepted: changes are seen as they come"}, whole_ids, json, format}, deployment_status, 0, 1, "deployments"});
}

}  // namespace drover::cli
