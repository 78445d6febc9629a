#include <fmt/format.h>

#include <algorithm>
#include <map>

#include "cli/command.h"
#include "cli/output.h"

/// plugin status: the drivers of all nodes.
namespace drover::cli {
namespace {

struct Tally {
  int healthy = 0, detected = 0;
};

std::string health_word(const Value& info) {
  if (!bool_of(info, "Detected")) return "undetected";
  return bool_of(info, "Healthy") ? "healthy" : "unhealthy";
}

int one_driver(const Value& nodes, const std::string& driver) {
  std::vector<std::vector<std::string>> rows = {{"Node", "Name", "Health", "Description"}};
  for (const Value& node : nodes.items()) {
    const Value& info = member_of(member_of(node, "Drivers"), driver);
    if (!info.is_map()) continue;
    rows.push_back({short_id(text_of(node, "ID")), text_of(node, "Name"), health_word(info), text_of(info, "HealthDescription")});
  }
  if (rows.size() == 1) return failed("Error querying plugin", fail(Code::not_found, "no node has a driver '{}': `drover plugin status` lists them", driver));
  out(table(rows));
  return 0;
}

int plugin_status(Context& context) {
  const auto nodes = context.api.get("/v1/nodes");
  if (!nodes.ok()) return failed("Error querying nodes", nodes.error());
  if (const auto code = machine_output(context, *nodes)) return *code;
  if (!context.args().empty()) return one_driver(*nodes, context.args()[0]);
  std::map<std::string, Tally> tallies;
  for (const Value& node : nodes->items()) {
    for (const auto& [name, info] : map_of(node, "Drivers")) {
      Tally& tally = tallies[name];
      tally.detected += bool_of(info, "Detected") ? 1 : 0;
      tally.healthy += bool_of(info, "Healthy") ? 1 : 0;
    }
  }
  if (tallies.empty()) {
    out("No node has a driver");
    return 0;
  }
  std::vector<std::vector<std::string>> rows = {{"Driver", "Nodes healthy/detected"}};
  for (const auto& [name, tally] : tallies) rows.push_back({name, fmt::format("{}/{}", tally.healthy, tally.detected)});
  out(table(rows));
  return 0;
}

}  // namespace

void add_plugin_commands(std::vector<Command>& rows) {
  rows.push_back({"plugin status", "[<driver>]", "shows the drivers of all nodes, or the health of one on each", "drover plugin status docker",
                  {{"json", "", "the nodes as JSON"}, {"t", "<template>", "the nodes by a Go template"}}, plugin_status, 0, 1});
}

}  // namespace drover::cli
