#include <fmt/format.h>

#include <algorithm>

#include "base/json/json.h"
#include "cli/command.h"
#include "cli/lookup.h"
#include "cli/output.h"

/// scaling policy list and info: the scaling blocks of jobs as an autoscaler sees them.
namespace drover::cli {
namespace {

/// "Namespace:default,Job:web,Group:api"; what else a target names follows in the order of its names.
std::string target_text(const Value& target) {
  constexpr std::string_view first[] = {"Namespace", "Job", "Group", "Task"};
  std::string text;
  const auto add = [&text](std::string_view name, const std::string& value) {
    if (!value.empty()) text += fmt::format("{}{}:{}", text.empty() ? "" : ",", name, value);
  };
  for (const std::string_view name : first) add(name, text_of(target, name));
  auto members = target.is_map() ? target.members() : Value::Map{};
  std::ranges::sort(members, {}, &Value::Member::first);
  for (const auto& [name, value] : members) {
    if (std::ranges::find(first, name) == std::end(first)) add(name, value.is_text() ? value.text() : "");
  }
  return text;
}

int list_policies(Context& context) {
  Query query;
  for (const auto* name : {"job", "type"}) {
    if (context.flags.has(name)) query.emplace_back(name, context.flags.text(name));
  }
  auto policies = context.api.get("/v1/scaling/policies", query);
  if (!policies.ok()) return failed("Error querying scaling policies", policies.error());
  if (auto code = machine_output(context, *policies)) return *code;
  if (!policies->is_list() || policies->items().empty()) {
    out("No policies found");
    return 0;
  }
  auto sorted = policies->items();
  std::ranges::stable_sort(sorted, {}, [](const Value& policy) { return text_of(policy, "ID"); });
  std::vector<std::vector<std::string>> rows = {{"ID", "Enabled", "Type", "Target"}};
  for (const Value& policy : sorted)
    rows.push_back({short_id(text_of(policy, "ID"), context.verbose()), text_of(policy, "Enabled"), text_of(policy, "Type"), target_text(member_of(policy, "Target"))});
  out(table(rows));
  return 0;
}

int show_policy(Context& context) {
  const std::string& named = context.args()[0];
  auto list = context.api.get("/v1/scaling/policies", {{"prefix", named}});
  if (!list.ok()) return failed("Error querying scaling policy", list.error());
  std::vector<std::string> ids;
  for (const Value& policy : list->is_list() ? list->items() : Value::List{}) {
    const std::string id = text_of(policy, "ID");
    if (id == named) ids.assign(1, id);
    else if (id.starts_with(named)) ids.push_back(id);
    if (id == named) break;
  }
  if (ids.empty()) return failed("Error querying scaling policy", fail(Code::not_found, "no scaling policies with prefix or ID \"{}\" found", named));
  if (ids.size() > 1) return failed("Error querying scaling policy", fail(Code::conflict, "Prefix matched multiple scaling policies\n\n{}", fmt::format("{}", fmt::join(ids, "\n"))));
  auto policy = context.api.get("/v1/scaling/policy/" + ids[0]);
  if (!policy.ok()) return failed("Error querying scaling policy", policy.error());
  if (auto code = machine_output(context, *policy)) return *code;
  const Value& rules = member_of(*policy, "Policy");
  out(key_values({{"ID", short_id(text_of(*policy, "ID"), context.verbose())},
                  {"Enabled", text_of(*policy, "Enabled")},
                  {"Target", target_text(member_of(*policy, "Target"))},
                  {"Min", text_of(*policy, "Min")},
                  {"Max", text_of(*policy, "Max")}}));
  std::string text = rules.is_null() ? "<empty>" : json::write_pretty(rules);
  while (text.ends_with('\n')) text.pop_back();
  out("\nPolicy:\n" + text);
  return 0;
}

}  // namespace

void add_scaling_commands(std::vector<Command>& rows) {
  const Flag whole_ids = {"verbose", "", "whole ids"}, json = {"json", "", "print the API object"}, format = {"t", "<template>", "format with a Go template"};
  rows.push_back({"scaling policy list", "", "lists the scaling policies that jobs declare", "drover scaling policy list -job web",
                  {{"job", "<id>", "of this job"}, {"type", "<type>", "of this type, such as horizontal"}, whole_ids, json, format}, list_policies, 0, 0});
  rows.push_back({"scaling policy info", "<policy>", "shows a scaling policy", "drover scaling policy info 43ba", {whole_ids, json, format}, show_policy, 1, 1});
}

}  // namespace drover::cli
