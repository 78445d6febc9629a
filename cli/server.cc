#include <fmt/format.h>

#include <algorithm>

#include "cli/command.h"
#include "cli/output.h"
#include "cli/template.h"
#include "cli/version.h"

namespace drover::cli {
namespace {

std::string tags_text(const Value& tags) {
  std::vector<std::string> pairs;
  if (tags.is_map()) {
    for (const auto& [name, value] : tags.members()) pairs.push_back(name + "=" + (value.is_text() ? value.text() : ""));
  }
  std::ranges::sort(pairs);
  return fmt::format("{}", fmt::join(pairs, ","));
}

int server_members(Context& context) {
  auto members = context.api.get("/v1/agent/members");
  if (!members.ok()) return failed("Error querying servers", members.error());
  const auto& list = list_of(*members, "Members");
  auto leader = context.api.get("/v1/status/leader");
  const auto leads = [&leader](const Value& member) {
    return leader.ok() && leader->is_text() && leader->text() == text_of(member, "Addr") + ":" + text_of(member_of(member, "Tags"), "port");
  };
  auto told = list;  // with the tag that Nomad's client gives the leader
  for (Value& member : told) {
    if (!leads(member)) continue;
    Value tags = member_of(member, "Tags");
    tags.set("Leader", "true");
    member.set("Tags", std::move(tags));
  }
  if (auto code = machine_output(context, Value(std::move(told)))) return *code;
  const bool more = context.verbose();
  std::vector<std::vector<std::string>> rows = {{"Name", "Address", "Port", "Status", "Leader"}};
  if (more) rows[0].emplace_back("Protocol");
  rows[0].insert(rows[0].end(), {"Raft Version", "Build", "Datacenter", "Region"});
  if (more) rows[0].emplace_back("Tags");
  for (const Value& member : list) {
    const Value& tags = member_of(member, "Tags");
    std::vector<std::string> row = {text_of(member, "Name"), text_of(member, "Addr"), text_of(member, "Port"), text_of(member, "Status"), leads(member) ? "true" : "false"};
    if (more) row.push_back(text_of(member, "ProtocolCur"));
    for (const auto* tag : {"raft_vsn", "build", "dc", "region"}) row.push_back(text_of(tags, tag));
    if (more) row.push_back(tags_text(tags));
    rows.push_back(std::move(row));
  }
  out(table(rows));
  return leader.ok() ? 0 : failed("Error determining leaders", leader.error());
}

/// Templates name Go's members, JSON has their small names.
Value with_go_names(const Value& self) {
  Value renamed = Value::map();
  for (const auto& [name, go_name] : {std::pair{"config", "Config"}, {"member", "Member"}, {"stats", "Stats"}}) renamed.set(go_name, member_of(self, name));
  return renamed;
}

int agent_info(Context& context) {
  auto self = context.api.get("/v1/agent/self");
  if (!self.ok()) return failed("Error querying agent info", self.error());
  if (context.flags.has("t") && !context.flags.is_on("json")) {
    const auto text = render_template(context.flags.text("t"), with_go_names(*self));
    if (!text.ok()) return failed("Error formatting output: Error formatting the data", text.error());
    out(*text);
    return 0;
  }
  if (context.flags.is_on("json")) return *machine_output(context, *self);
  auto sections = map_of(*self, "stats");
  std::ranges::sort(sections, {}, &Value::Member::first);
  for (const auto& [name, figures] : sections) {
    out(name);
    auto rows = figures.is_map() ? figures.members() : Value::Map{};
    std::ranges::sort(rows, {}, &Value::Member::first);
    for (const auto& [key, value] : rows) out(fmt::format("  {} = {}", key, value.is_text() ? value.text() : ""));
  }
  return 0;
}

int version(Context&) {
  out(version_text());
  return 0;
}

int completion(Context& context) {
  const std::string& shell = context.args()[0];
  if (shell != "bash" && shell != "zsh" && shell != "fish") return usage_error(context, fmt::format("no completions for the shell \"{}\": bash, zsh or fish", shell));
  out(completion_script(shell));
  return 0;
}

}  // namespace

void add_server_commands(std::vector<Command>& rows) {
  const std::vector<Flag> flags = {{"verbose", "", "more columns"}, {"json", "", "print the API object"}, {"t", "<template>", "format with a Go template"}};
  rows.push_back({"server members", "", "lists the servers", "drover server members", flags, server_members, 0, 0});
  rows.push_back({"server-members", "", "lists the servers", "", flags, server_members, 0, 0, "", true});
  rows.push_back({"agent-info", "", "shows what the agent tells of itself", "drover agent-info", {{"json", "", "print the API object"}, {"t", "<template>", "format with a Go template"}}, agent_info, 0, 0});
  rows.push_back({"version", "", "prints the version", "drover version", {}, version, 0, 0});
  rows.push_back({"completion", "<bash|zsh|fish>", "prints completions for a shell", "source <(drover completion bash)", {}, completion, 1, 1});
}

}  // namespace drover::cli
