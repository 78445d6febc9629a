#include "cli/lookup.h"

#include <algorithm>

#include "cli/output.h"

namespace drover::cli {
namespace {

constexpr int candidates_max = 20;

/// UUID prefixes are asked for with an even number of hexadecimal digits, dashes kept.
std::string even_prefix(std::string prefix) {
  const auto digits = std::ranges::count_if(prefix, [](char c) { return c != '-'; });
  if (digits % 2 == 1 && !prefix.empty()) prefix.pop_back();
  return prefix;
}

Result<Value> one_of(const Value& list, const std::string& asked, const std::string& what) {
  std::vector<const Value*> hits;
  for (const Value& item : list.items()) {
    if (text_of(item, "ID") == asked) return item;
    if (text_of(item, "ID").starts_with(asked)) hits.push_back(&item);
  }
  if (hits.size() == 1) return *hits.front();
  if (hits.empty()) return fail(Code::not_found, "No {}(s) with prefix or ID \"{}\" found", what, asked);
  std::string candidates;
  for (const Value* hit : hits) {
    candidates += "\n" + short_id(text_of(*hit, "ID"), what == "job") + "  " + text_of(*hit, "Name");
    if (what != "job" && hits.size() <= candidates_max) candidates += "  " + text_of(*hit, "JobID");
  }
  return fail(Code::conflict, "Prefix matched multiple {}s\n{}", what, candidates);
}

}  // namespace

Result<Value> find_job(Context& context, const std::string& name) {
  auto list = context.api.get("/v1/jobs", {{"prefix", name}});
  if (!list.ok()) return list.error().within("Error querying job prefix \"" + name + "\"");
  return one_of(*list, name, "job");
}

Result<std::string> find_id(Context& context, const std::string& prefix, const std::string& path, const std::string& what) {
  if (prefix.size() < 2) return fail(Code::invalid, "Identifier must contain at least two characters.");
  DROVER_LET(const Value list, context.api.get(path, {{"prefix", even_prefix(prefix)}}));
  DROVER_LET(const Value item, one_of(list, prefix, what));
  return text_of(item, "ID");
}

Result<std::string> find_alloc(Context& context, const std::string& name) {
  auto by_id = find_id(context, name, "/v1/allocations", "allocation");
  if (by_id.ok() || by_id.error().code == Code::conflict) return by_id;
  auto job = find_job(context, name);
  if (!job.ok()) return by_id;
  DROVER_LET(const Value allocs, context.api.get("/v1/job/" + encode(text_of(*job, "ID")) + "/allocations"));
  const Value* newest = nullptr;
  auto better = [](const Value& a, const Value& b) {  // running before others, then the newest
    const bool a_runs = text_of(a, "ClientStatus") == "running", b_runs = text_of(b, "ClientStatus") == "running";
    return a_runs != b_runs ? a_runs : integer_of(a, "CreateTime") > integer_of(b, "CreateTime");
  };
  for (const Value& alloc : allocs.items()) {
    if (!newest || better(alloc, *newest)) newest = &alloc;
  }
  if (!newest) return fail(Code::not_found, "job \"{}\" has no allocation; drover job why {} says why", name, name);
  return text_of(*newest, "ID");
}

Result<std::string> find_node(Context& context, const std::string& name) {
  auto by_id = find_id(context, name, "/v1/nodes", "node");
  if (by_id.ok() || by_id.error().code == Code::conflict) return by_id;
  DROVER_LET(const Value nodes, context.api.get("/v1/nodes"));
  for (const Value& node : nodes.items()) {
    if (text_of(node, "Name") == name) return text_of(node, "ID");
  }
  return by_id;
}

}  // namespace drover::cli
