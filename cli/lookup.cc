#include "cli/lookup.h"

#include <fmt/format.h>

#include <algorithm>

#include "cli/output.h"

namespace drover::cli {
namespace {

constexpr std::size_t candidates_max = 20;

/// UUID prefixes are asked for with an even number of hexadecimal digits, dashes kept.
std::string even_prefix(std::string prefix) {
  const auto digits = std::ranges::count_if(prefix, [](char c) { return c != '-'; });
  if (digits % 2 == 1 && !prefix.empty()) prefix.pop_back();
  return prefix;
}

std::vector<const Value*> matches(const Value& list, const std::string& asked) {
  std::vector<const Value*> hits;
  if (!list.is_list()) return hits;
  for (const Value& item : list.items()) {
    if (text_of(item, "ID") == asked) return {&item};
    if (text_of(item, "ID").starts_with(asked)) hits.push_back(&item);
  }
  return hits;
}

std::string candidates(const std::vector<const Value*>& hits, const std::vector<std::pair<std::string_view, std::string_view>>& columns) {
  std::vector<std::vector<std::string>> rows(1);
  for (const auto& [title, key] : columns) rows[0].emplace_back(title);
  for (const Value* hit : hits) {
    if (rows.size() > candidates_max) break;
    std::vector<std::string> row;
    for (const auto& [title, key] : columns) row.push_back(key == "ID" && title != "Job" ? short_id(text_of(*hit, key)) : text_of(*hit, key));
    rows.push_back(std::move(row));
  }
  return table(rows) + (hits.size() > candidates_max ? drover::text("\n(and {} more)", hits.size() - candidates_max) : "");
}

Result<std::string> alloc_of_job(Context& context, const std::string& job, const std::string& group) {
  DROVER_LET(const Value allocs, context.api.get("/v1/job/" + encode(job) + "/allocations"));
  const Value* newest = nullptr;
  auto better = [](const Value& a, const Value& b) {  // running before others, then the newest
    const bool a_runs = text_of(a, "ClientStatus") == "running", b_runs = text_of(b, "ClientStatus") == "running";
    return a_runs != b_runs ? a_runs : integer_of(a, "CreateTime") > integer_of(b, "CreateTime");
  };
  for (const Value& alloc : allocs.items()) {
    if (!group.empty() && text_of(alloc, "TaskGroup") != group) continue;
    if (!newest || better(alloc, *newest)) newest = &alloc;
  }
  if (newest) return text_of(*newest, "ID");
  if (!group.empty()) return fail(Code::not_found, "No allocations of task group \"{}\" of job \"{}\" found", group, job);
  return fail(Code::not_found, "Job \"{}\" has no allocation; drover job why {} says why", job, job);
}

}  // namespace

std::string job_path(const Value& stub, std::string_view rest) { return "/v1/job/" + encode(text_of(stub, "ID")) + std::string(rest); }

Result<Value> find_job(Context& context, const std::string& name, const std::string& what, bool (*filter)(const Value&)) {
  auto list = context.api.get("/v1/jobs", {{"prefix", name}});
  if (!list.ok()) return list.error().within("Error querying job prefix \"" + name + "\"");
  if (filter) std::erase_if(list->items(), [filter](const Value& job) { return !filter(job); });
  const auto hits = matches(*list, name);
  if (hits.size() == 1) return *hits.front();
  const std::string kind = what.empty() ? "" : what + " ";
  if (hits.empty()) return fail(Code::not_found, "No {}job(s) with prefix or ID \"{}\" found", kind, name);
  return fail(Code::conflict, "Prefix matched multiple {}jobs\n\n{}", kind, candidates(hits, {{"Job", "ID"}, {"Type", "Type"}, {"Priority", "Priority"}, {"Status", "Status"}}));
}

int with_job(Context& context, int (*act)(Context&, const Value& stub)) {
  auto stub = find_job(context, context.args()[0]);
  if (stub.ok()) return act(context, *stub);
  err(stub.error().message);
  return 1;
}

Result<std::string> find_id(Context& context, const std::string& prefix, const std::string& path, const std::string& what) {
  if (prefix.size() < 2) return fail(Code::invalid, "Identifier must contain at least two characters.");
  auto list = context.api.get(path, {{"prefix", even_prefix(prefix)}});
  if (!list.ok()) return list.error().within("Error querying " + what + (what == "node" ? " info" : ""));
  const auto hits = matches(*list, prefix);
  if (hits.size() == 1) return text_of(*hits.front(), "ID");
  if (hits.empty()) return fail(Code::not_found, "No {}(s) with prefix or id \"{}\" found", what, prefix);
  return fail(Code::conflict, "Prefix matched multiple {}s\n\n{}", what, candidates(hits, {{"ID", "ID"}, {"Job ID", "JobID"}, {"Name", "Name"}, {"Status", what == "allocation" ? "ClientStatus" : "Status"}}));
}

Result<std::string> find_deployment(Context& context, const std::string& prefix) {
  auto list = context.api.get("/v1/deployments", {{"prefix", even_prefix(prefix)}});
  if (!list.ok()) return list.error().within("Error retrieving deployment");
  const auto hits = matches(*list, prefix);
  if (hits.size() == 1) return text_of(*hits.front(), "ID");
  if (hits.empty()) return fail(Code::not_found, "Error retrieving deployment: Deployment ID \"{}\" matched no deployments", prefix);
  return fail(Code::conflict, "Error retrieving deployment: ID \"{}\" matched multiple deployments\n\n{}", prefix,
              candidates(hits, {{"ID", "ID"}, {"Job ID", "JobID"}, {"Job Version", "JobVersion"}, {"Status", "Status"}}));
}

Result<std::string> find_alloc(Context& context, const std::string& name) {
  const std::string group = context.flags.text("group");
  if (context.flags.is_on("job")) {
    DROVER_LET(const Value job, find_job(context, name));
    return alloc_of_job(context, text_of(job, "ID"), group);
  }
  auto by_id = find_id(context, name, "/v1/allocations", "allocation");
  if (by_id.ok() || by_id.error().code == Code::conflict || by_id.error().code == Code::unavailable) return by_id;
  auto job = find_job(context, name);
  const bool meant = job.ok() && (name.size() > 1 || text_of(*job, "ID") == name);  // one character is no start of a name
  if (meant) return alloc_of_job(context, text_of(*job, "ID"), group);
  // That a name is no UUID is told only where clients know that text: elsewhere a job was probably meant.
  if (by_id.error().code == Code::not_found || by_id.error().code == Code::invalid || context.command.words == "alloc status") return by_id;
  return fail(Code::not_found, "No allocation(s) and no job with prefix or id \"{}\" found", name);
}

Result<std::string> find_task(const Value& alloc, const std::string& named) {
  std::vector<std::string> names;
  for (const Value& group : list_of(member_of(alloc, "Job"), "TaskGroups")) {
    if (text_of(group, "Name") != text_of(alloc, "TaskGroup")) continue;
    for (const Value& task : list_of(group, "Tasks")) names.push_back(text_of(task, "Name"));
  }
  if (!named.empty()) {
    if (std::ranges::find(names, named) != names.end()) return named;
    return fail(Code::not_found, "Could not find task named: {}, found:\n{}", named, fmt::format("{}", fmt::join(names, "\n")));
  }
  if (names.size() == 1) return names[0];
  std::string list;
  for (const std::string& name : names) list += "  * " + name + "\n";
  return fail(Code::invalid, "Allocation \"{}\" is running the following tasks:\n{}\nPlease specify the task.", short_id(text_of(alloc, "ID")), list);
}

Result<std::string> find_node(Context& context, const std::string& name) {
  auto by_id = find_id(context, name, "/v1/nodes", "node");
  if (by_id.ok() || by_id.error().code == Code::conflict || by_id.error().code == Code::unavailable) return by_id;
  DROVER_LET(const Value nodes, context.api.get("/v1/nodes"));
  for (const Value& node : nodes.items()) {
    if (text_of(node, "Name") == name) return text_of(node, "ID");
  }
  return by_id;
}

Result<std::string> own_node(Context& context) {
  DROVER_LET(const Value self, context.api.get("/v1/agent/self"));
  const std::string id = text_of(member_of(member_of(self, "stats"), "client"), "node_id");
  if (id.empty()) return fail(Code::not_found, "the agent at {} is no client", context.api.endpoint().address);
  return id;
}

std::optional<std::string> shown(Result<std::string> id) {
  if (id.ok()) return std::move(*id);
  err(id.error().message);
  return std::nullopt;
}

}  // namespace drover::cli
