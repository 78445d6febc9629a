#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>

#include "cli/command.h"
#include "cli/output.h"
#include "cli/pages.h"
#include "cli/spec_file.h"

/// The node pool commands.
namespace drover::cli {
namespace {

constexpr std::string_view example_hcl = R"(node_pool "example" {

  description = "Example node pool"

  # What is worth knowing of its nodes.
  meta {
    environment = "prod"
    owner       = "sre"
  }

  # How evaluations place allocations in this pool. Without it, as the servers do everywhere.
  # scheduler_config {
  #   scheduler_algorithm             = "spread"
  #   memory_oversubscription_enabled = true
  # }
}
)";

constexpr std::string_view example_json = R"({
  "Name": "example",
  "Description": "Example node pool",
  "Meta": {
    "environment": "prod",
    "owner": "sre"
  }
}
)";

/// A node pool by name, or the only one whose name starts so.
Result<Value> find_pool(Context& context, const std::string& named) {
  DROVER_LET(const Value list, context.api.get("/v1/node/pools", {{"prefix", named}}));
  const Value::List hits = list.is_list() ? list.items() : Value::List{};
  std::vector<std::vector<std::string>> names = {{"Name", "Description"}};
  for (const Value& item : hits) {
    if (text_of(item, "Name") == named) return item;
    names.push_back({text_of(item, "Name"), text_of(item, "Description")});
  }
  if (hits.empty()) return fail(Code::not_found, "No node pool with prefix \"{}\" found", named);
  if (hits.size() == 1) return hits[0];
  return fail(Code::conflict, "Prefix matched multiple node pools\n\n{}", table(names));
}

int list_pools(Context& context) {
  std::string next_token;
  auto pools = context.api.get_page("/v1/node/pools", page_query(context), next_token);
  if (!pools.ok()) return failed("Error querying node pools", pools.error());
  if (auto code = machine_output(context, *pools)) return *code;
  if (pools->items().empty()) return out("No node pools"), 0;
  std::vector<std::vector<std::string>> rows = {{"Name", "Description"}};
  for (const Value& pool : pools->items()) rows.push_back({text_of(pool, "Name"), text_of(pool, "Description")});
  out(table(rows));
  tell_next_page(context, next_token);
  return 0;
}

std::string scheduler_text(const Value& pool) {
  const Value& config = member_of(pool, "SchedulerConfiguration");
  if (!config.is_map()) return "No scheduler configuration";
  std::vector<std::pair<std::string, std::string>> rows;
  if (const std::string algorithm = text_of(config, "SchedulerAlgorithm"); !algorithm.empty()) rows.emplace_back("Scheduler Algorithm", algorithm);
  if (config.find("MemoryOversubscriptionEnabled") && !member_of(config, "MemoryOversubscriptionEnabled").is_null())
    rows.emplace_back("Memory Oversubscription Enabled", bool_of(config, "MemoryOversubscriptionEnabled") ? "true" : "false");
  return rows.empty() ? "No scheduler configuration" : key_values(rows);
}

int show_pool(Context& context) {
  auto pool = find_pool(context, context.args()[0]);
  if (!pool.ok()) return failed("Error retrieving node pool", pool.error());
  if (auto code = machine_output(context, *pool)) return *code;
  out(key_values({{"Name", text_of(*pool, "Name")}, {"Description", text_of(*pool, "Description")}, {"Node Identity TTL", text_of(*pool, "NodeIdentityTTL")}}));
  std::vector<std::pair<std::string, std::string>> meta;
  for (const auto& [key, value] : map_of(*pool, "Meta")) meta.emplace_back(key, value.is_text() ? value.text() : "");
  std::ranges::sort(meta);
  out("\nMetadata\n" + (meta.empty() ? std::string("No metadata") : key_values(meta)));
  out("\nScheduler Configuration\n" + scheduler_text(*pool));
  return 0;
}

std::string path_of(const Value& pool, std::string_view rest) { return "/v1/node/pool/" + encode(text_of(pool, "Name")) + std::string(rest); }

int list_nodes(Context& context) {
  auto pool = find_pool(context, context.args()[0]);
  if (!pool.ok()) return failed("Error retrieving node pool", pool.error());
  std::string next_token;
  auto nodes = context.api.get_page(path_of(*pool, "/nodes"), page_query(context), next_token);
  if (!nodes.ok()) return failed("Error querying nodes", nodes.error());
  if (auto code = machine_output(context, *nodes)) return *code;
  if (nodes->items().empty()) return out("No nodes"), 0;
  std::vector<std::vector<std::string>> rows = {{"ID", "DC", "Name", "Class", "Drain", "Eligibility", "Status"}};
  for (const Value& node : nodes->items()) {
    rows.push_back({short_id(text_of(node, "ID"), context.verbose()), text_of(node, "Datacenter"), text_of(node, "Name"), text_of(node, "NodeClass"),
                    bool_of(node, "Drain") ? "true" : "false", text_of(node, "SchedulingEligibility"), text_of(node, "Status")});
  }
  out(table(rows));
  tell_next_page(context, next_token);
  return 0;
}

int list_jobs(Context& context) {
  auto pool = find_pool(context, context.args()[0]);
  if (!pool.ok()) return failed("Error retrieving node pool", pool.error());
  std::string next_token;
  auto jobs = context.api.get_page(path_of(*pool, "/jobs"), page_query(context), next_token);
  if (!jobs.ok()) return failed("Error querying jobs", jobs.error());
  if (auto code = machine_output(context, *jobs)) return *code;
  if (jobs->items().empty()) return out("No jobs"), 0;
  std::vector<std::vector<std::string>> rows = {{"ID", "Type", "Priority", "Status", "Submit Date"}};
  for (const Value& job : jobs->items()) {
    rows.push_back({text_of(job, "ID"), text_of(job, "Type"), text_of(job, "Priority"), text_of(job, "Status") + (bool_of(job, "Stop") ? " (stopped)" : ""),
                    stamp(integer_of(job, "SubmitTime"))});
  }
  out(table(rows));
  tell_next_page(context, next_token);
  return 0;
}

int apply_pool(Context& context) {
  auto pool = read_spec_file(model::SpecKind::node_pool, context.args()[0], context.flags.is_on("json"));
  if (!pool.ok()) {
    err(pool.error().message);
    return 1;
  }
  auto answer = context.api.put("/v1/node/pools", *pool);
  if (!answer.ok()) return failed("Error applying node pool", answer.error());
  out(fmt::format("Successfully applied node pool \"{}\"!", text_of(*pool, "Name")));
  return 0;
}

int delete_pool(Context& context) {
  auto answer = context.api.remove("/v1/node/pool/" + encode(context.args()[0]));
  if (!answer.ok()) return failed("Error deleting node pool", answer.error());
  out(fmt::format("Successfully deleted node pool \"{}\"!", context.args()[0]));
  return 0;
}

int init_pool(Context& context) {
  const std::string format = context.flags.text("out", "hcl");
  if (format != "hcl" && format != "json") return usage_error(context, "Format must be one of \"hcl\" or \"json\"");
  const std::string path = context.args().empty() ? (format == "hcl" ? "pool.nomad.hcl" : "pool.nomad.json") : context.args()[0];
  std::error_code ignored;
  if (std::filesystem::exists(path, ignored)) {
    err(fmt::format("File \"{}\" already exists", path));
    return 1;
  }
  std::ofstream file(path);
  file << (format == "hcl" ? example_hcl : example_json);
  file.close();
  if (!file) {
    err(fmt::format("cannot write {}", path));
    return 1;
  }
  if (!context.flags.is_on("quiet")) out(fmt::format("Example node pool specification written to {}", path));
  return 0;
}

}  // namespace

void add_node_pool_commands(std::vector<Command>& rows) {
  std::vector<Flag> shown = {{"json", "", "print the API object"}, {"t", "<template>", "format with a Go template"}};
  std::vector<Flag> pages = shown;
  add_page_flags(pages);
  std::vector<Flag> nodes = pages;
  nodes.push_back({"verbose", "", "whole ids"});
  rows.push_back({"node pool list", "", "lists the node pools", "drover node pool list", pages, list_pools, 0, 0});
  rows.push_back({"node pool info", "<pool>", "shows a node pool", "drover node pool info default", shown, show_pool, 1, 1, "pools"});
  rows.push_back({"node pool nodes", "<pool>", "lists the nodes of a pool", "drover node pool nodes default", nodes, list_nodes, 1, 1, "pools"});
  rows.push_back({"node pool jobs", "<pool>", "lists the jobs of a pool", "drover node pool jobs default", pages, list_jobs, 1, 1, "pools"});
  rows.push_back({"node pool apply", "<file>", "makes or changes a node pool", "drover node pool apply pool.nomad.hcl", {{"json", "", "the file is the API's JSON"}}, apply_pool, 1, 1, "files"});
  rows.push_back({"node pool delete", "<pool>", "deletes a node pool that nothing is in", "drover node pool delete gpu", {}, delete_pool, 1, 1, "pools"});
  rows.push_back({"node pool init", "[file]", "writes an example of a node pool file", "drover node pool init",
                  {{"out", "<format>", "hcl or json"}, {"quiet", "", "say nothing"}}, init_pool, 0, 1, "files"});
}

}  // namespace drover::cli
