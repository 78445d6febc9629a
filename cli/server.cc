#include <fmt/format.h>

#include <iostream>
#include <iterator>

#include "base/json/json.h"
#include "cli/command.h"
#include "cli/output.h"
#include "cli/version.h"

namespace drover::cli {
namespace {

int server_members(Context& context) {
  auto members = context.api.get("/v1/agent/members");
  if (!members.ok()) return failed("Error querying servers", members.error());
  const auto& list = list_of(*members, "Members");
  if (auto code = machine_output(context, Value(list))) return *code;
  auto leader = context.api.get("/v1/status/leader");
  std::vector<std::vector<std::string>> rows = {{"Name", "Address", "Port", "Status", "Leader", "Raft Version", "Build", "Datacenter", "Region"}};
  for (const Value& member : list) {
    const Value& tags = member_of(member, "Tags");
    const std::string rpc = text_of(member, "Addr") + ":" + text_of(tags, "port");
    rows.push_back({text_of(member, "Name"), text_of(member, "Addr"), text_of(member, "Port"), text_of(member, "Status"),
                    leader.ok() && leader->is_text() && leader->text() == rpc ? "true" : "false", text_of(tags, "raft_vsn"), text_of(tags, "build"), text_of(tags, "dc"), text_of(tags, "region")});
  }
  out(table(rows));
  return leader.ok() ? 0 : failed("Error determining leaders", leader.error());
}

int system_gc(Context& context) {
  auto answer = context.api.put("/v1/system/gc", Value());
  return answer.ok() ? 0 : failed("Error running system garbage-collection", answer.error());
}

int operator_api(Context& context) {
  const std::string path = context.args()[0].starts_with("/") ? context.args()[0] : "/v1/" + context.args()[0];
  std::string method = context.flags.text("X");
  std::string body;
  if (method.empty()) method = "GET";
  if (method != "GET" && method != "DELETE") body.assign(std::istreambuf_iterator<char>(std::cin), {});
  auto answer = context.api.send_text(method, path, body);
  if (!answer.ok()) {
    err(answer.error().message);
    return 1;
  }
  out(*answer);
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
  rows.push_back({"system gc", "", "removes what is finished and no longer needed", "drover system gc", {}, system_gc, 0, 0});
  rows.push_back({"operator api", "<path>", "sends one HTTP request; the body comes from standard input", "drover operator api /v1/jobs", {{"X", "<method>", "GET unless given"}}, operator_api, 1, 1});
  rows.push_back({"version", "", "prints the version", "drover version", {}, version, 0, 0});
  rows.push_back({"completion", "<bash|zsh|fish>", "prints completions for a shell", "source <(drover completion bash)", {}, completion, 1, 1});
}

}  // namespace drover::cli
