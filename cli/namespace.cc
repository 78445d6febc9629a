#include <fmt/format.h>

#include <algorithm>
#include <filesystem>

#include "cli/command.h"
#include "cli/output.h"
#include "cli/spec_file.h"

/// The namespace commands.
namespace drover::cli {
namespace {

/// A namespace by name, or the only one whose name starts so.
Result<Value> find_namespace(Context& context, const std::string& named) {
  DROVER_LET(const Value list, context.api.get("/v1/namespaces", {{"prefix", named}}));
  std::vector<const Value*> hits;
  std::string names;
  for (const Value& item : list.is_list() ? list.items() : Value::List{}) {
    if (text_of(item, "Name") == named) return item;
    hits.push_back(&item);
    names += "\n" + text_of(item, "Name");
  }
  if (hits.empty()) return fail(Code::not_found, "Namespace \"{}\" matched no namespaces", named);
  if (hits.size() == 1) return *hits[0];
  return fail(Code::conflict, "Prefix matched multiple namespaces\n{}", names);
}

int list_namespaces(Context& context) {
  auto list = context.api.get("/v1/namespaces");
  if (!list.ok()) return failed("Error retrieving namespaces", list.error());
  if (auto code = machine_output(context, *list)) return *code;
  auto sorted = list->is_list() ? list->items() : Value::List{};
  std::ranges::stable_sort(sorted, {}, [](const Value& item) { return text_of(item, "Name"); });
  std::vector<std::vector<std::string>> rows = {{"Name", "Description"}};
  for (const Value& item : sorted) rows.push_back({text_of(item, "Name"), text_of(item, "Description")});
  out(table(rows));
  return 0;
}

std::string joined(const Value& list, std::string_view when_empty) {
  std::string text;
  if (!list.is_list() || list.items().empty()) return std::string(when_empty);
  for (const Value& word : list.items()) text += (text.empty() ? "" : ",") + (word.is_text() ? word.text() : "");
  return text;
}

int show_namespace(Context& context) {
  auto found = find_namespace(context, context.args()[0]);
  if (!found.ok()) return failed("Error retrieving namespaces", found.error());
  if (auto code = machine_output(context, *found)) return *code;
  const Value& can = member_of(*found, "Capabilities");
  out(key_values({{"Name", text_of(*found, "Name")},
                  {"Description", text_of(*found, "Description")},
                  {"Quota", text_of(*found, "Quota")},
                  {"Enabled Drivers", joined(member_of(can, "EnabledTaskDrivers"), "*")},
                  {"Disabled Drivers", joined(member_of(can, "DisabledTaskDrivers"), "")},
                  {"Enabled Network Modes", joined(member_of(can, "EnabledNetworkModes"), "*")},
                  {"Disabled Network Modes", joined(member_of(can, "DisabledNetworkModes"), "")}}));
  auto meta = map_of(*found, "Meta");
  if (meta.empty()) return 0;
  std::ranges::sort(meta, {}, &Value::Member::first);
  std::vector<std::pair<std::string, std::string>> rows;
  for (const auto& [key, value] : meta) rows.emplace_back(key, value.is_text() ? value.text() : "");
  out("\nMetadata\n" + key_values(rows));
  return 0;
}

int inspect_namespace(Context& context) {
  auto found = find_namespace(context, context.args()[0]);
  if (!found.ok()) return failed("Error retrieving namespaces", found.error());
  if (context.flags.has("t")) return *machine_output(context, *found);
  out_json(*found);
  return 0;
}

/// What the arguments say of the namespace: a file describes it, or its name is given. What there is of it stays, but
/// for what the flags say.
Result<Value> wanted_namespace(Context& context) {
  const std::string& last = context.args().back();
  std::error_code ignored;
  const bool is_file = context.args().size() > 1 || last == "-" || std::filesystem::is_regular_file(last, ignored);
  if (is_file) return read_spec_file(model::SpecKind::name_space, last, context.flags.is_on("json"));
  Value body = Value::map();
  if (auto known = context.api.get("/v1/namespace/" + encode(last)); known.ok() && known->is_map()) body = std::move(*known);
  body.set("Name", last);
  for (const auto& [flag, member] : {std::pair{"description", "Description"}, {"quota", "Quota"}}) {
    if (context.flags.has(flag)) body.set(member, context.flags.text(flag));
  }
  return body;
}

int apply_namespace(Context& context) {
  auto body = wanted_namespace(context);
  if (!body.ok()) {
    err(body.error().message);
    return 1;
  }
  const std::string name = text_of(*body, "Name");
  if (context.args().size() > 1 && name != context.args()[0]) {
    err(fmt::format("the file describes the namespace \"{}\", not \"{}\"", name, context.args()[0]));
    return 1;
  }
  auto answer = context.api.put("/v1/namespace", *body);
  if (!answer.ok()) return failed("Error applying namespace", answer.error());
  out(fmt::format("Successfully applied namespace \"{}\"!", name));
  return 0;
}

int delete_namespace(Context& context) {
  auto answer = context.api.remove("/v1/namespace/" + encode(context.args()[0]));
  if (!answer.ok()) return failed("Error deleting namespace", answer.error());
  out(fmt::format("Successfully deleted namespace \"{}\"!", context.args()[0]));
  return 0;
}

}  // namespace

void add_namespace_commands(std::vector<Command>& rows) {
  const Flag json = {"json", "", "print the API object"}, format = {"t", "<template>", "format with a Go template"};
  rows.push_back({"namespace list", "", "lists the namespaces", "drover namespace list", {json, format}, list_namespaces, 0, 0});
  rows.push_back({"namespace status", "<namespace>", "shows a namespace", "drover namespace status default", {json, format}, show_namespace, 1, 1, "namespaces"});
  rows.push_back({"namespace inspect", "<namespace>", "prints a namespace as JSON", "drover namespace inspect default", {json, format}, inspect_namespace, 1, 1, "namespaces"});
  rows.push_back({"namespace apply", "<namespace>|<file>", "makes or changes a namespace, by its name or as a file describes it", "drover namespace apply -description 'of the team' team",
                  {{"description", "<text>", "what it is for"}, {"quota", "<name>", "not supported yet"}, {"json", "", "the file is the API's JSON"}}, apply_namespace, 1, 2, "files"});
  rows.push_back({"namespace delete", "<namespace>", "deletes a namespace", "drover namespace delete team", {}, delete_namespace, 1, 1, "namespaces"});
}

}  // namespace drover::cli
