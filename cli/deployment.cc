#include <fmt/format.h>

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
  if (auto code = machine_output(context, *list)) return *code;
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
  if (auto code = machine_output(context, *deployment)) return *code;
  out(deployment_text(context, *deployment));
  return 0;
}

}  // namespace

void add_deployment_commands(std::vector<Command>& rows) {
  const Flag json = {"json", "", "print the API object"}, format = {"t", "<template>", "format with a Go template"}, whole_ids = {"verbose", "", "whole ids"};
  rows.push_back({"deployment list", "", "lists deployments", "drover deployment list", {{"filter", "<expression>", "a filter expression"}, whole_ids, json, format}, deployment_list, 0, 0});
  rows.push_back({"deployment status", "[deployment]", "shows deployments, or one deployment", "drover deployment status 5f1e",
                  {{"monitor", "", "follow it until it is over"}, whole_ids, json, format}, deployment_status, 0, 1});
}

}  // namespace drover::cli
