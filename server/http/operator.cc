#include <algorithm>

#include "base/json/json.h"
#include "base/value/value.h"
#include "model/json/text.h"
#include "server/http/handlers.h"
#include "server/http/json_body.h"

/// What operators ask of a cluster: its one server as Raft and autopilot would show it, gossip, schedulers. What has a
/// meaning only with several servers is refused, each in the words that clients know.
namespace drover::server {
namespace {

constexpr std::string_view enterprise_only = "Nomad Enterprise only endpoint";
constexpr std::string_view not_in_raft = "was not found in the Raft configuration";

http::Response answer(const Value& value, const api::Call& call) { return api::json(json::write(value), call.params.pretty); }

Value strings(std::initializer_list<std::string_view> items) {
  Value out = Value::list();
  for (const std::string_view item : items) out.push(std::string(item));
  return out;
}

std::string time_text(Instant at) {
  std::string out;
  model::append_time(out, at.time_since_epoch().count());
  return out;
}

std::string member_name(const HttpParts& parts) { return parts.info.name + "." + parts.info.region; }

// Raft.

Async<http::Response> raft_configuration(HttpParts* parts, api::Call call) {
  Value server = Value::map();
  server.set("Address", parts->info.rpc_address);
  server.set("ID", parts->info.server_id);
  server.set("Leader", parts->server.leading());
  server.set("Node", member_name(*parts));
  server.set("RaftProtocol", "3");
  server.set("Voter", true);
  Value out = Value::map();
  out.set("Index", 0);
  out.set("Servers", Value::List{std::move(server)});
  co_return answer(out, call);
}

Async<http::Response> remove_peer(HttpParts* parts, api::Call call) {
  if (call.request.method != "DELETE") co_return api::refuse(404, "Invalid method");
  const std::string id = api::text_parameter(call.request, "id");
  if (!api::text_parameter(call.request, "address").empty()) {
    co_return api::refuse(400, "Removing a peer by address is not supported in the current raft protocol version");
  }
  if (id.empty()) co_return api::refuse(400, "Must specify the peer's ID to remove");
  if (id != parts->info.server_id) co_return api::refuse(500, text("id \"{}\" {}", id, not_in_raft));
  co_return api::refuse(500, "the only server of a cluster cannot be removed");
}

bool is_address(const std::string& address) {
  const auto colon = address.rfind(':');
  return colon != std::string::npos && colon > 0 && address.find_first_not_of("0123456789", colon + 1) == std::string::npos &&
         address.find_first_not_of("0123456789.[]:abcdefABCDEF") == std::string::npos;
}

Value raft_server(const HttpParts& parts) {
  Value out = Value::map();
  out.set("Address", parts.info.rpc_address);
  out.set("ID", parts.info.server_id);
  return out;
}

/// There is nobody to lead but the one server.
Async<http::Response> transfer_leadership(HttpParts* parts, api::Call call) {
  const std::string id = api::text_parameter(call.request, "id");
  const std::string address = api::text_parameter(call.request, "address");
  if (id.empty() && address.empty()) co_return api::refuse(400, "must specify id or address");
  if (!id.empty() && !address.empty()) co_return api::refuse(400, "must specify either id or address");
  if (!address.empty() && !is_address(address)) {
    co_return api::refuse(400, "address must be in IP:port format: not an ip:port");
  }
  if (!id.empty() && id != parts->info.server_id) co_return api::refuse(400, text("id \"{}\" {}", id, not_in_raft));
  if (!address.empty() && address != parts->info.rpc_address) {
    co_return api::refuse(400, text("address \"{}\" {}", address, not_in_raft));
  }
  Value out = Value::map();
  out.set("Err", nullptr);
  out.set("From", raft_server(*parts));
  out.set("Noop", true);
  out.set("To", raft_server(*parts));
  co_return answer(out, call);
}

/// Of the members themselves other methods are refused without a word.
Async<http::Response> only_read(HttpParts*, api::Call) { co_return api::refuse(405, ""); }

Async<http::Response> no_such_operation(HttpParts*, api::Call) { co_return api::refuse(404, "Invalid method"); }

// Autopilot: what it would do is never needed with one server, and its settings are what they are by default.

Async<http::Response> autopilot_configuration(HttpParts*, api::Call call) {
  if (call.request.method == "PUT") {
    co_return api::refuse(501, "changing autopilot's configuration is not supported yet: one server needs no pilot");
  }
  if (call.request.method != "GET") co_return api::refuse(404, "Invalid method");
  Value out = Value::map();
  out.set("CleanupDeadServers", true);
  out.set("CreateIndex", 1);
  out.set("DisableUpgradeMigration", false);
  out.set("EnableCustomUpgrades", false);
  out.set("EnableRedundancyZones", false);
  out.set("LastContactThreshold", "200ms");
  out.set("MaxTrailingLogs", 250);
  out.set("MinQuorum", 0);
  out.set("ModifyIndex", 1);
  out.set("ServerStabilizationTime", "10s");
  co_return answer(out, call);
}

Async<http::Response> autopilot_health(HttpParts* parts, api::Call call) {
  if (call.request.method != "GET") co_return api::refuse(404, "Invalid method");
  const bool leading = parts->server.leading();
  Value server = Value::map();
  server.set("Address", parts->info.rpc_address);
  server.set("Healthy", leading);
  server.set("ID", parts->info.server_id);
  server.set("LastContact", "0s");
  server.set("LastIndex", static_cast<std::int64_t>(parts->server.snapshot()->index()));
  server.set("LastTerm", 1);
  server.set("Leader", leading);
  server.set("Name", member_name(*parts));
  server.set("SerfStatus", "alive");
  server.set("StableSince", time_text(parts->info.started));
  server.set("Version", parts->info.version);
  server.set("Voter", true);
  Value out = Value::map();
  out.set("FailureTolerance", 0);
  out.set("Healthy", leading);
  out.set("Leader", parts->info.server_id);
  out.set("Servers", Value::List{std::move(server)});
  out.set("Voters", Value::List{parts->info.server_id});
  co_return answer(out, call);
}

// Gossip: there is nobody to talk to.

Async<http::Response> join(HttpParts*, api::Call call) {
  std::string addresses;
  for (const auto& [name, value] : call.request.query) {
    if (name == "address" && !value.empty()) addresses += (addresses.empty() ? "" : ", ") + value;
  }
  if (addresses.empty()) co_return api::refuse(400, "missing address to join");
  Value out = Value::map();
  out.set("error", text("join {}: several servers are not supported yet", addresses));
  out.set("num_joined", 0);
  out.set("warning", "");
  co_return answer(out, call);
}

Async<http::Response> force_leave(HttpParts* parts, api::Call call) {
  const std::string node = api::text_parameter(call.request, "node");
  if (node.empty()) co_return api::refuse(400, "missing node to force leave");
  if (node == parts->info.name || node == member_name(*parts)) {
    co_return api::refuse(500, "the only server of a cluster cannot be made to leave");
  }
  co_return api::empty();
}

/// Gossip is never encrypted, since there is none.
Async<http::Response> gossip_keys(HttpParts*, api::Call call) {
  const std::string operation = call.capture();
  if (operation != "list" && operation != "install" && operation != "use" && operation != "remove") {
    co_return api::refuse(404, "resource not found");
  }
  if (operation != "list") {
    Body body = body_of(call);
    if (body.refusal) co_return std::move(*body.refusal);
  }
  co_return api::refuse(500, "1/1 nodes reported failure");
}

// Schedulers: a pool that takes evaluations of every type.

constexpr std::initializer_list<std::string_view> schedulers = {"service", "batch", "system", "sysbatch", "_core"};

Async<http::Response> scheduler_pool(HttpParts* parts, api::Call call) {
  Value out = Value::map();
  out.set("enabled_schedulers", strings(schedulers));
  out.set("num_schedulers", static_cast<std::int64_t>(parts->info.scheduler_threads));
  out.set("server_id", member_name(*parts));
  co_return answer(out, call);
}

Async<http::Response> set_scheduler_pool(HttpParts*, api::Call call) {
  Body body = body_of(call);
  if (body.refusal) co_return api::refuse(400, "Invalid request");
  const Value* enabled = member(body.value, "enabled_schedulers");
  const auto count = int_member(body.value, "num_schedulers");
  bool known = enabled && enabled->is_list() && count && *count >= 0;
  for (std::size_t i = 0; known && i < enabled->items().size(); ++i) {
    const Value& one = enabled->items()[i];
    known = one.is_text() && std::find(schedulers.begin(), schedulers.end(), one.text()) != schedulers.end();
  }
  if (!known) co_return api::refuse(400, "Invalid request");
  co_return api::refuse(501, "changing the number of schedulers is not supported yet: there is one for each core");
}

// Of another edition.

Async<http::Response> of_enterprise(HttpParts*, api::Call) { co_return api::refuse(501, std::string(enterprise_only)); }

Async<http::Response> license(HttpParts*, api::Call) {
  http::Response response;
  response.status = 204;
  co_return response;
}

// Upgrades.

std::vector<WaitFor> nothing(const api::Call&) { return {}; }

/// Jobs that use Vault the old way: none, since Vault is not supported.
api::Found upgrade_check(SnapshotPtr state, CallPtr call) {
  if (call->capture() != "vault-workload-identity") {
    return refused(404, text("Path /v1/operator/upgrade-check/{} not found", call->capture()));
  }
  const Index index = std::max<Index>(1, state->index());
  return found(index, state, call, [index](const SnapshotPtr&, const CallPtr& c) {
    Value out = Value::map();
    out.set("Index", static_cast<std::int64_t>(index));
    out.set("JobsWithoutVaultIdentity", Value::list());
    out.set("KnownLeader", true);
    out.set("LastContact", 0);
    out.set("NextToken", "");
    out.set("OutdatedNodes", Value::list());
    out.set("VaultTokens", nullptr);
    return answer(out, *c);
  });
}

}  // namespace

void add_operator_routes(HttpParts& parts, std::vector<api::Route>& routes) {
  using api::Looks;
  const auto local = [&](std::string_view methods, std::string_view path, std::string_view capability, Writer writer, Looks looks) {
    routes.push_back(local_route(parts, methods, path, capability, writer, looks));
  };
  local("*", "/v1/operator/raft/{operation}", "operator:read", no_such_operation, Looks::nothing);
  local("GET", "/v1/operator/raft/configuration", "operator:read", raft_configuration, Looks::regional);
  local("POST|PUT|DELETE|PATCH|HEAD", "/v1/operator/raft/configuration", "operator:write", only_read, Looks::nothing);
  local("*", "/v1/operator/raft/peer", "operator:write", remove_peer, Looks::regional);
  local("PUT|POST", "/v1/operator/raft/transfer-leadership", "operator:write", transfer_leadership, Looks::nothing);
  local("*", "/v1/operator/autopilot/configuration", "operator:write", autopilot_configuration, Looks::regional);
  local("*", "/v1/operator/autopilot/health", "operator:read", autopilot_health, Looks::regional);
  local("GET", "/v1/operator/license", "", license, Looks::nothing);
  local("PUT", "/v1/operator/license", "operator:write", of_enterprise, Looks::nothing);
  local("POST", "/v1/operator/utilization", "operator:write", of_enterprise, Looks::nothing);
  routes.push_back(read_route(parts, "/v1/operator/upgrade-check/{check}", "operator:read", upgrade_check, nothing));
  local("PUT|POST", "/v1/agent/join", "agent:write", join, Looks::nothing);
  local("PUT|POST", "/v1/agent/force-leave", "agent:write", force_leave, Looks::nothing);
  local("*", "/v1/agent/keyring/{operation}", "agent:write", gossip_keys, Looks::nothing);
  local("GET", "/v1/agent/schedulers/config", "agent:read", scheduler_pool, Looks::nothing);
  local("PUT|POST", "/v1/agent/schedulers/config", "agent:write", set_scheduler_pool, Looks::nothing);
  for (const std::string_view path :
       {"/v1/sentinel/{path}", "/v1/quotas", "/v1/quota-usages", "/v1/quota", "/v1/quota/{path}", "/v1/recommendations",
        "/v1/recommendations/apply", "/v1/recommendation", "/v1/recommendation/{id}"}) {
    local("*", path, "", of_enterprise, Looks::nothing);
  }
}

}  // namespace drover::server
