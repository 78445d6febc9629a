#include "api/doors.h"
#include "model/json/codec.h"
#include "model/proto/alloc.pb.h"
#include "model/proto/answers.pb.h"
#include "model/proto/node.pb.h"
#include "model/proto/requests.pb.h"
#include "server/http/alloc_stubs.h"
#include "server/http/handlers.h"
#include "server/http/node_pools.h"

namespace drover::server {
namespace {

std::vector<WaitFor> all_nodes(const api::Call&) { return {WaitFor{.topic = Topic::nodes}}; }
std::vector<WaitFor> all_allocs(const api::Call&) { return {WaitFor{.topic = Topic::allocs}}; }
std::vector<WaitFor> this_node(const api::Call& call) {
  return {WaitFor{.topic = Topic::nodes, .id = id_of(call)}};
}

struct NodeParts {
  bool resources = false;
  bool os = false;
};

std::string attribute(const model::Node& node, const std::string& name) {
  const auto found = node.attributes().find(name);
  return found == node.attributes().end() ? "" : found->second;
}

model::NodeListStub stub_of(const model::Node& node, NodeParts parts) {
  model::NodeListStub stub;
  stub.set_address(std::string(api::host_without_port(node.http_addr())));
  stub.set_id(node.id());
  stub.set_datacenter(node.datacenter());
  stub.set_name(node.name());
  stub.set_node_pool(node.node_pool());
  stub.set_node_class(node.node_class());
  stub.set_version(attribute(node, "nomad.version"));
  stub.set_drain(node.has_drain_strategy());
  stub.set_scheduling_eligibility(node.scheduling_eligibility());
  stub.set_status(node.status());
  stub.set_status_description(node.status_description());
  *stub.mutable_drivers() = node.drivers();
  *stub.mutable_host_volumes() = node.host_volumes();
  if (node.has_last_drain()) *stub.mutable_last_drain() = node.last_drain();
  stub.set_create_index(node.create_index());
  stub.set_modify_index(node.modify_index());
  if (parts.os) (*stub.mutable_attributes())["os.name"] = attribute(node, "os.name");
  if (!parts.resources) return stub;
  *stub.mutable_node_resources() = node.node_resources();
  *stub.mutable_reserved_resources() = node.reserved_resources();
  return stub;
}

/// What is in a pool; that of all nodes has every one.
bool is_in_pool(const model::Node& node, std::string_view pool) { return pool == "all" || node.node_pool() == pool; }

http::Response node_page(const SnapshotPtr& state, const CallPtr& call, const api::Filter& filter, NodeParts parts,
                         std::string_view pool) {
  const IdRange range = range_of(call->params.prefix);
  std::vector<const model::Node*> rows;
  state->each_node(range.first, [&](const model::Node& node) {
    if (!range.contains(parse_uuid(node.id()))) return false;
    if (is_in_pool(node, pool)) rows.push_back(&node);
    return true;
  });
  return list_page(
      call, filter, std::move(rows), [](const model::Node* node) { return node->id(); },
      [](const model::Node* node, const std::string& token) { return node->id() < token; },
      [](const model::Node* node) -> const model::Node& { return *node; },
      [state, parts](std::string& out, const model::Node* node) { model::append_json(out, stub_of(*node, parts)); });
}

api::Found find_nodes(const SnapshotPtr& state, const CallPtr& call, Index index, std::string pool) {
  Result<api::Filter> filter = filter_of(*call);
  if (!filter) return refused(400, filter.error().message);
  const Result<bool> resources = api::bool_parameter(call->request, "resources");
  if (!resources) return refused(400, text("Failed to parse node list fields: {}", resources.error().message));
  const Result<bool> os = api::bool_parameter(call->request, "os");
  if (!os) return refused(400, text("Failed to parse node list fields: {}", os.error().message));
  const std::string problem = prefix_problem(call->params.prefix, "node");
  if (!problem.empty()) return refused(500, problem);
  const NodeParts parts{.resources = *resources, .os = *os};
  return found(index, state, call,
               [filter = std::move(*filter), parts, pool = std::move(pool)](const SnapshotPtr& s, const CallPtr& c) { return node_page(s, c, filter, parts, pool); });
}

api::Found list_nodes(SnapshotPtr state, CallPtr call) { return find_nodes(state, call, state->index(Topic::nodes), "all"); }

api::Found list_pool(SnapshotPtr state, CallPtr call) {
  if (!call->params.prefix.empty()) return refused(400, "prefix argument not allowed");
  const bool known = has_node_pool(*state, call->capture());
  return find_nodes(state, call, known ? state->index(Topic::nodes) : 0, call->capture());
}

api::Found read_node(SnapshotPtr state, CallPtr call) {
  const Uuid id = id_of(*call);
  if (id.is_nil()) return refused(500, text("node lookup failed: {}", not_an_id));
  const model::Node* node = state->node(id);
  if (!node) return missing(state->index(Topic::nodes), state, "node not found");
  return message_found(node->modify_index(), state, call, [node](const Snapshot&, const api::Call&) {
    model::Node shown = *node;
    shown.set_drain(node->has_drain_strategy());
    if (shown.csi_controller_plugins().empty()) shown.set_csi_controller_plugins("{}");
    if (shown.csi_node_plugins().empty()) shown.set_csi_node_plugins("{}");
    return shown;
  });
}

api::Found read_allocations(SnapshotPtr state, CallPtr call) {
  std::vector<const AllocRow*> rows;
  Index newest = 0;
  state->each_alloc_on_node(id_of(*call), [&](const AllocRow& row) {
    rows.push_back(&row);
    newest = std::max(newest, row.modify_index);
    return true;
  });
  const Index index = rows.empty() ? state->index(Topic::allocs) : newest;
  return found(index, state, call, [rows = std::move(rows)](const SnapshotPtr& s, const CallPtr& c) {
    api::AppendElement append = [s, rows](std::string& out, std::size_t i) {
      model::append_json(out, shown_alloc(*s, *rows[i]));
    };
    return api::list(rows.size(), std::move(append), c->params.pretty);
  });
}

http::Response node_error(const Error& error) {
  return error.code == Code::not_found ? api::refuse(500, error.message) : api::refuse(error);
}

/// `node_index` is where the node was changed; that of eligibility has always been 0.
http::Response drain_answer(const NodeUpdated& updated, Index node_index, bool pretty) {
  model::NodeDrainUpdateResponse answer;
  answer.set_node_modify_index(node_index);
  for (const std::string& id : updated.eval_ids) answer.add_eval_ids(id);
  answer.set_eval_create_index(updated.eval_create_index);
  answer.set_index(updated.index);
  http::Response response = api::json(answer, pretty);
  api::set_write_index(response, updated.index);
  return response;
}

Async<http::Response> set_eligibility(HttpParts* parts, api::Call call) {
  model::NodeEligibilityRequest body;
  if (auto refusal = decode(call, body)) co_return std::move(*refusal);
  SetEligibility request;
  request.node = parse_uuid(body.node_id().empty() ? call.capture() : body.node_id());
  request.eligibility = body.eligibility();
  if (request.eligibility != "eligible" && request.eligibility != "ineligible") {
    co_return api::refuse(500, text("invalid scheduling eligibility \"{}\"", request.eligibility));
  }
  if (!parts->server.snapshot()->node(request.node)) co_return api::refuse(500, "node not found");
  const Result<NodeUpdated> updated = co_await parts->server.set_eligibility(std::move(request));
  if (!updated) co_return node_error(updated.error());
  co_return drain_answer(*updated, 0, call.params.pretty);
}

Async<http::Response> drain(HttpParts* parts, api::Call call) {
  model::NodeDrainRequest body;
  if (auto refusal = decode(call, body)) co_return std::move(*refusal);
  DrainNode request;
  request.node = id_of(call);
  if (request.node.is_nil()) co_return api::refuse(500, text("node lookup failed: {}", not_an_id));
  if (!parts->server.snapshot()->node(request.node)) co_return api::refuse(500, "node not found");
  request.drain = body.has_drain_spec();
  request.deadline = Duration(body.drain_spec().deadline());
  request.ignore_system_jobs = body.drain_spec().ignore_system_jobs();
  request.mark_eligible = body.mark_eligible();
  for (const auto& [key, value] : body.meta()) request.meta.emplace(key, value);
  const Result<NodeUpdated> updated = co_await parts->server.drain_node(std::move(request));
  if (!updated) co_return node_error(updated.error());
  co_return drain_answer(*updated, updated->index, call.params.pretty);
}

/// What a node that is there is told about its servers.
void add_servers(const HttpParts& parts, const NodeUpdated& updated, const model::Node& node, model::NodeUpdateResponse& answer) {
  answer.set_heartbeat_ttl(updated.heartbeat_ttl.count());
  answer.set_leader_rpc_addr(parts.info.rpc_address);
  answer.set_num_nodes(static_cast<std::int64_t>(parts.server.snapshot()->node_count()));
  model::NodeServerInfo& server = *answer.add_servers();
  server.set_rpc_advertise_addr(parts.info.rpc_address);
  server.set_datacenter(parts.info.datacenter);
  answer.set_scheduling_eligibility(node.scheduling_eligibility());
}

/// `node` is null when it has gone.
http::Response update_answer(const HttpParts& parts, const NodeUpdated& updated, const model::Node* node, bool pretty) {
  model::NodeUpdateResponse answer;
  for (const std::string& id : updated.eval_ids) answer.add_eval_ids(id);
  answer.set_eval_create_index(updated.eval_create_index);
  if (node) add_servers(parts, updated, *node, answer);
  else answer.set_node_modify_index(updated.index);
  answer.set_index(updated.index);
  http::Response response = api::json(answer, pretty);
  api::set_write_index(response, updated.index);
  return response;
}

Async<http::Response> evaluate(HttpParts* parts, api::Call call) {
  const Uuid id = id_of(call);
  if (id.is_nil()) co_return api::refuse(500, text("node lookup failed: {}", not_an_id));
  const auto node = parts->server.snapshot()->shared_node(id);
  if (!node) co_return api::refuse(500, "node not found");
  const Result<NodeUpdated> updated = co_await parts->server.evaluate_node(id);
  if (!updated) co_return node_error(updated.error());
  co_return update_answer(*parts, *updated, node.get(), call.params.pretty);
}

Async<http::Response> purge(HttpParts* parts, api::Call call) {
  const Uuid id = id_of(call);
  if (id.is_nil()) co_return api::refuse(500, text("node lookup failed: {}", not_an_id));
  if (!parts->server.snapshot()->node(id)) co_return api::refuse(500, "node not found");
  const Result<NodeUpdated> updated = co_await parts->server.purge_node(id);
  if (!updated) co_return node_error(updated.error());
  co_return update_answer(*parts, *updated, nullptr, call.params.pretty);
}

}  // namespace

void add_node_routes(HttpParts& parts, std::vector<api::Route>& routes) {
  routes.push_back(read_route(parts, "/v1/nodes", "node:read", list_nodes, all_nodes));
  routes.push_back(read_route(parts, "/v1/node/pool/{name}/nodes", "node:read", list_pool, all_nodes));
  routes.push_back(read_route(parts, "/v1/node/{id}", "node:read", read_node, this_node));
  routes.push_back(read_route(parts, "/v1/node/{id}/allocations", "node:read", read_allocations, all_allocs));
  routes.push_back(write_route(parts, "PUT|POST", "/v1/node/{id}/eligibility", "node:write", set_eligibility));
  routes.push_back(write_route(parts, "PUT|POST", "/v1/node/{id}/drain", "node:write", drain));
  routes.push_back(write_route(parts, "PUT|POST", "/v1/node/{id}/evaluate", "node:write", evaluate));
  routes.push_back(write_route(parts, "PUT|POST", "/v1/node/{id}/purge", "node:write", purge));
}

}  // namespace drover::server
