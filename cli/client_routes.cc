#include "cli/client_routes.h"

#include <utility>

#include "agent/agent.h"
#include "api/answer.h"
#include "base/json/json.h"
#include "base/value/value.h"

namespace drover::cli {
namespace {

constexpr const char* client_only = "this agent is a client only: ask a server";

http::Response health(const agent::Agent& agent) {
  const bool connected = agent.connected();
  Value client = Value::map();
  client.set("message", connected ? "ok" : "no known servers").set("ok", connected);
  Value out = Value::map();
  out.set("client", std::move(client));
  http::Response response = api::json(json::write(out));
  if (!connected) response.status = 500;
  return response;
}

http::Response self(const agent::Agent& agent, const ClientInfo& info) {
  Value version = Value::map();
  version.set("Version", info.version);
  Value config = Value::map();
  config.set("Name", info.name).set("Version", std::move(version));
  Value client = Value::map();
  client.set("node_id", agent.node_id()).set("known_servers", static_cast<std::int64_t>(info.servers.size()));
  Value stats = Value::map();
  stats.set("client", std::move(client));
  Value whole = Value::map();
  whole.set("config", std::move(config)).set("member", Value::map()).set("stats", std::move(stats));
  return api::json(json::write(whole));
}

http::Response servers(const ClientInfo& info) {
  Value list = Value::list();
  for (const std::string& server : info.servers) list.push(server);
  return api::json(json::write(list));
}

/// What is asked of another node is not passed on: this agent knows no others.
Async<http::Response> of_client(agent::Agent* agent, api::Call call) {
  const std::string node = api::text_parameter(call.request, "node_id");
  if (!node.empty() && node != agent->node_id()) co_return api::refuse(404, text("Unknown node \"{}\"", node));
  co_return co_await agent->handle(std::move(call.request));
}

Async<http::Response> at_once(http::Response response) { co_return response; }

}  // namespace

std::vector<api::Route> client_routes(agent::Agent& agent, ClientInfo info) {
  using api::Looks;
  auto tell_health = [&agent](api::Call) { return at_once(health(agent)); };
  auto tell_self = [&agent, info](api::Call) { return at_once(self(agent, info)); };
  auto tell_servers = [info](api::Call) { return at_once(servers(info)); };
  auto not_here = [](api::Call) { return at_once(api::refuse(501, "Invalid method")); };
  auto ask_client = [&agent](api::Call call) { return of_client(&agent, std::move(call)); };
  auto others = [](api::Call) { return at_once(api::refuse(501, client_only)); };
  return {{.methods = "GET", .path = "/v1/agent/health", .capability = "", .looks = Looks::nothing, .handler = tell_health},
          {.methods = "GET", .path = "/v1/agent/self", .capability = "agent:read", .looks = Looks::nothing, .handler = tell_self},
          {.methods = "GET", .path = "/v1/agent/servers", .capability = "agent:read", .looks = Looks::nothing, .handler = tell_servers},
          {.methods = "GET", .path = "/v1/agent/members", .capability = "node:read", .looks = Looks::nothing, .handler = not_here},
          {.methods = "*", .path = "/v1/client/fs/{rest}", .capability = "read-fs|read-logs", .looks = Looks::nothing, .handler = ask_client},
          {.methods = "*", .path = "/v1/client/allocation/{rest}", .capability = "read-job", .looks = Looks::nothing, .handler = ask_client},
          {.methods = "*", .path = "/v1/client/stats", .capability = "node:read", .looks = Looks::nothing, .handler = ask_client},
          {.methods = "*", .path = "/v1/client/gc", .capability = "node:write", .looks = Looks::nothing, .handler = ask_client},
          {.methods = "*", .path = "/v1/{rest}", .capability = "", .looks = Looks::nothing, .handler = others}};
}

}  // namespace drover::cli
