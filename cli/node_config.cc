#include "cli/command.h"
#include "cli/output.h"

/// node config: which servers an agent of a node talks to.
namespace drover::cli {
namespace {

int show_servers(Context& context) {
  auto servers = context.api.get("/v1/agent/servers");
  if (!servers.ok()) return failed("Error querying server list", servers.error());
  for (const Value& server : servers->is_list() ? servers->items() : Value::List{}) out(server.is_text() ? server.text() : "");
  return 0;
}

int update_servers(Context& context) {
  if (context.args().empty()) return usage_error(context, "If the '-update-servers' flag is set, at least one server argument must be provided");
  Query query;
  for (const std::string& server : context.args()) query.emplace_back("address", server);
  auto answer = context.api.put("/v1/agent/servers", Value(), query);
  if (!answer.ok()) return failed("Error updating server list", answer.error());
  out("Updated server list");
  return 0;
}

int node_config(Context& context) {
  if (context.flags.is_on("servers")) return show_servers(context);
  if (context.flags.is_on("update-servers")) return update_servers(context);
  return usage_error(context, "The '-servers' or '-update-servers' flag(s) must be set");
}

}  // namespace

void add_node_config_commands(std::vector<Command>& rows) {
  const std::vector<Flag> flags = {{"servers", "", "list the servers that the agent knows"}, {"update-servers", "", "replace them by the addresses that are given"}};
  rows.push_back({"node config", "[address…]", "shows or sets the servers that an agent talks to", "drover node config -servers", flags, node_config, 0, SIZE_MAX});
  rows.push_back({"client-config", "[address…]", "shows or sets the servers that an agent talks to", "", flags, node_config, 0, SIZE_MAX, "", true});
}

}  // namespace drover::cli
