#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include <iostream>
#include <iterator>

#include "cli/command.h"
#include "cli/lookup.h"
#include "cli/output.h"

/// Commands for operators: operator api, operator metrics, system gc, monitor, check.
namespace drover::cli {
namespace {

int system_gc(Context& context) {
  auto answer = context.api.put("/v1/system/gc", Value());
  return answer.ok() ? 0 : failed("Error running system garbage-collection", answer.error());
}

int reconcile_summaries(Context& context) {
  auto answer = context.api.put("/v1/system/reconcile/summaries", Value());
  return answer.ok() ? 0 : failed("Error running system summary reconciliation", answer.error());
}

/// Standard input when it is a pipe or a file: a terminal or /dev/null gives no body.
std::string piped_input() {
  struct stat input {};
  if (fstat(STDIN_FILENO, &input) != 0 || !(S_ISFIFO(input.st_mode) || S_ISREG(input.st_mode) || S_ISSOCK(input.st_mode))) return "";
  return std::string(std::istreambuf_iterator<char>(std::cin), {});
}

/// A path or URL of the command line as a request: "/v1/jobs?prefix=a", "http://host:4646/v1/jobs", or short "jobs".
http::ClientRequest request_for(const std::string& where) {
  std::string target = where;
  if (const auto scheme = target.find("://"); scheme != std::string::npos) {
    const auto slash = target.find('/', scheme + 3);
    target = slash == std::string::npos ? "/" : target.substr(slash);
  }
  if (!target.starts_with('/')) target = (target.starts_with("v1/") ? "/" : "/v1/") + target;
  const auto question = target.find('?');
  http::ClientRequest request{.path = target.substr(0, question)};
  if (question != std::string::npos) request.query = http::parse_query(target.substr(question + 1));
  return request;
}

std::string quoted(std::string_view text) { return "'" + std::string(text) + "'"; }

std::string as_curl(const Context& context, const http::ClientRequest& request) {
  std::string text = "curl \\\n";
  if (request.method != "GET") text += "  -X " + request.method + " \\\n";
  for (const auto& [name, value] : request.headers.all()) text += "  -H " + quoted(name + ": " + value) + " \\\n";
  if (!context.api.endpoint().token.empty()) text += "  -H \"X-Nomad-Token: ${NOMAD_TOKEN}\" \\\n";
  if (!request.body.empty()) text += "  --data-binary @- \\\n";
  return text + "  " + context.api.endpoint().address + request.path + http::format_query(context.api.scoped(request.query));
}

int operator_api(Context& context) {
  http::ClientRequest request = request_for(context.args()[0]);
  if (context.flags.has("filter")) request.query.emplace_back("filter", context.flags.text("filter"));
  for (const std::string& header : context.flags.all("H")) {
    const auto colon = header.find(':');
    if (colon == std::string::npos) return usage_error(context, fmt::format("'{}' is no header: expected -H 'Name: value'", header));
    const auto value = header.find_first_not_of(' ', colon + 1);
    request.headers.set(header.substr(0, colon), value == std::string::npos ? "" : header.substr(value));
  }
  request.method = context.flags.text("X");
  if (request.method != "GET") request.body = piped_input();
  if (request.method.empty()) request.method = request.body.empty() ? "GET" : "POST";
  if (context.flags.is_on("dryrun")) {
    out(as_curl(context, request));
    return 0;
  }
  if (context.flags.is_on("verbose")) err(fmt::format("> {} {}{}", request.method, request.path, http::format_query(context.api.scoped(request.query))));
  context.world.catch_interrupt();
  request.stop = context.world.interrupted;
  bool ends_line = true;
  auto print = [&](std::string_view piece) {
    std::fwrite(piece.data(), 1, piece.size(), stdout);
    std::fflush(stdout);
    if (!piece.empty()) ends_line = piece.back() == '\n';
    return !context.world.interrupted();
  };
  auto answer = context.api.send_raw(request, print);
  if (!answer.ok()) return context.world.interrupted() ? 0 : failed("Error performing request", answer.error());
  print(answer->body);  // of other statuses than 2xx; those were printed while they came
  if (!ends_line && context.world.out_is_terminal) print("\n");
  if (context.flags.is_on("verbose")) {
    err(fmt::format("< {}", answer->status));
    for (const auto& [name, value] : answer->headers.all()) err(fmt::format("< {}: {}", name, value));
  }
  return 0;
}

int operator_metrics(Context& context) {
  const bool prometheus = context.flags.text("format") == "prometheus";
  if (prometheus) {
    auto text = context.api.get_text("/v1/metrics", {{"format", "prometheus"}});
    if (!text.ok()) return failed("Error querying metrics", text.error());
    out(*text);
    return 0;
  }
  auto metrics = context.api.get("/v1/metrics");
  if (!metrics.ok()) return failed("Error querying metrics", metrics.error());
  if (auto code = machine_output(context, *metrics)) return *code;
  out_json(*metrics);
  return 0;
}

int monitor(Context& context) {
  Query query = {{"log_level", context.flags.text("log-level", "info")}, {"plain", "true"}, {"log_json", context.flags.is_on("json") ? "true" : "false"}};
  if (context.flags.is_on("log-include-location")) query.emplace_back("log_include_location", "true");
  if (context.flags.has("server-id")) query.emplace_back("server_id", context.flags.text("server-id"));
  if (context.flags.has("node-id")) {
    const auto node = shown(find_node(context, context.flags.text("node-id")));
    if (!node) return 1;
    query.emplace_back("node_id", *node);
  }
  context.world.catch_interrupt();
  auto print = [&context](std::string_view piece) {
    std::fwrite(piece.data(), 1, piece.size(), stdout);
    std::fflush(stdout);
    return !context.world.interrupted();
  };
  auto done = context.api.stream("/v1/agent/monitor", query, print, context.world.interrupted);
  if (done.ok() || context.world.interrupted()) return 0;
  err(fmt::format("==> Error starting monitor: {}\n==> For additional help try 'drover monitor -help'", done.error().message));
  return 1;
}

constexpr int critical = 2;

int check_agent(Context& context) {
  auto self = context.api.get("/v1/agent/self");
  if (!self.ok()) {
    err(fmt::format("unable to query agent info: {}", self.error().message));
    return critical;
  }
  const Value& stats = member_of(*self, "stats");
  const Value& server = member_of(stats, "nomad");
  if (text_of(server, "server") != "true") return 0;
  const std::int64_t peers = std::atoll(text_of(member_of(stats, "raft"), "num_peers").c_str());
  const std::int64_t wanted = std::atoll(context.flags.text("min-peers", "0").c_str());
  if (peers >= wanted) return 0;
  out(fmt::format("known peers: {}, expected number of peers: {}", peers, wanted));
  return critical;
}

}  // namespace

void add_operator_commands(std::vector<Command>& rows) {
  rows.push_back({"monitor", "", "prints the log of the agent as it is written", "drover monitor -log-level=debug",
                  {{"log-level", "<level>", "trace, debug, info (unless given), warn or error"}, {"node-id", "<node>", "of the agent of this node"}, {"server-id", "<name>", "of this server"},
                   {"json", "", "lines of JSON"}, {"log-include-location", "", "with file and line"}},
                  monitor, 0, 0});
  rows.push_back({"system gc", "", "removes what is finished and no longer needed", "drover system gc", {}, system_gc, 0, 0});
  rows.push_back({"system reconcile summaries", "", "counts the allocations of all jobs anew", "drover system reconcile summaries", {}, reconcile_summaries, 0, 0});
  rows.push_back({"operator api", "<path>", "sends one HTTP request; a pipe or file on standard input is its body", "drover operator api '/v1/jobs?prefix=web'",
                  {{"X", "<method>", "GET unless given, POST with a body"}, {"H", "<header>", "a header field 'Name: value'; repeatable"}, {"filter", "<expression>", "a filter expression"},
                   {"dryrun", "", "print it as a curl command, send nothing"}, {"verbose", "", "show status and header fields on standard error"}},
                  operator_api, 1, 1, "", false, false, "A path or URL is required"});
  rows.push_back({"operator metrics", "", "prints the figures of the agent", "drover operator metrics -format prometheus",
                  {{"format", "<format>", "json (unless given) or prometheus"}, {"pretty", "", "accepted; it always is"}, {"json", "", "print the API object"}, {"t", "<template>", "format with a Go template"}},
                  operator_metrics, 0, 0});
  rows.push_back({"check", "", "tells by its exit code whether the agent is well: 0, 1 (warning) or 2", "drover check",
                  {{"min-peers", "<n>", "so many other servers must be known"}, {"min-servers", "<n>", "so many servers must be known to a client"}}, check_agent, 0, 0});
}

}  // namespace drover::cli
