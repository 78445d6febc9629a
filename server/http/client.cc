#include "model/proto/node.pb.h"
#include "server/http/handlers.h"
#include "server/http/json_body.h"
#include "server/http/json_words.h"

/// /v1/client/…: finds the node that is meant and lets its agent answer.
namespace drover::server {
namespace {

http::Response unknown_alloc(const std::string& id) { return api::refuse(404, text("Unknown allocation \"{}\"", id)); }

Async<http::Response> ask_node_of_alloc(HttpParts* parts, std::string alloc_id, api::Call call) {
  const Uuid id = parse_uuid(alloc_id);
  if (id.is_nil()) co_return api::refuse(500, text("alloc lookup failed: {}", not_an_id));
  const SnapshotPtr state = parts->server.snapshot();
  const AllocRow* row = state->alloc(id);
  if (!row) co_return unknown_alloc(alloc_id);
  co_return co_await parts->clients.handle(to_text(state->node_of(*row)), std::move(call.request));
}

/// What is asked of the request itself, before its allocation is looked for; "" when it is complete.
std::string missing_in(const http::Request& request, std::string_view operation) {
  const auto given = [&request](std::string_view name) { return !api::text_parameter(request, name).empty(); };
  if (operation == "logs") {
    if (!given("task")) return "must provide task name";
    const std::string type = api::text_parameter(request, "type");
    if (type != "stdout" && type != "stderr") return "must provide log type (stdout/stderr)";
    return "";
  }
  return operation == "ls" || given("path") ? "" : "must provide a file name";
}

Async<http::Response> files(HttpParts* parts, api::Call call) {
  constexpr std::string_view operations[] = {"ls", "stat", "cat", "readat", "stream", "logs"};
  const std::string operation = call.capture(0);
  const std::string alloc = call.capture(1);
  if (std::find(std::begin(operations), std::end(operations), operation) == std::end(operations)) {
    co_return api::refuse(404, "Invalid method");
  }
  if (alloc.empty()) co_return api::refuse(400, "must provide a valid alloc id");
  if (operation == "ls") {  // the only one of them that looks at what all reads have
    const auto params = api::parse_params(call.request);
    std::optional<http::Response> refusal;
    if (!params) refusal = api::refuse(400, params.error().message);
    else if (!params->region.empty() && params->region != parts->info.region) refusal = api::refuse(500, "No path to region");
    if (refusal) {
      refusal->headers.set("Vary", "Accept-Encoding, Origin");
      co_return std::move(*refusal);
    }
  }
  const std::string missing = missing_in(call.request, operation);
  if (!missing.empty()) {
    http::Response refusal = api::refuse(400, missing);
    const bool known = parts->server.snapshot()->alloc(parse_uuid(alloc)) != nullptr;
    if (!known) refusal.headers.set("Vary", "Accept-Encoding, Origin");
    co_return refusal;
  }
  co_return co_await ask_node_of_alloc(parts, alloc, std::move(call));
}

Async<http::Response> no_operation(HttpParts*, api::Call) { co_return api::refuse(404, "Invalid method"); }

Async<http::Response> of_alloc(HttpParts* parts, api::Call call) {
  const std::string alloc = call.capture(0);
  co_return co_await ask_node_of_alloc(parts, alloc, std::move(call));
}

/// A body that may be absent is judged before the allocation is looked for.
Async<http::Response> restart(HttpParts* parts, api::Call call) {
  if (!call.request.body.empty()) {
    Body body = body_of(call);
    if (body.refusal) co_return api::refuse(500, body.refusal->body);
    if (!text_member(body.value, "TaskName").empty() && bool_member(body.value, "AllTasks")) {
      co_return api::refuse(500, "task name cannot be set when restarting all tasks");
    }
  }
  const std::string alloc = call.capture(0);
  co_return co_await ask_node_of_alloc(parts, alloc, std::move(call));
}

Async<http::Response> signal(HttpParts* parts, api::Call call) {
  Body body = body_of(call);
  if (body.refusal) co_return api::refuse(400, "Failed to decode body: " + body.refusal->body);
  const std::string alloc = call.capture(0);
  co_return co_await ask_node_of_alloc(parts, alloc, std::move(call));
}

/// Collecting says nothing when it is done.
Async<http::Response> collect(HttpParts* parts, api::Call call) {
  const std::string alloc = call.capture(0);
  http::Response response = co_await ask_node_of_alloc(parts, alloc, std::move(call));
  if (response.status == 200) co_return api::empty();
  co_return response;
}

/// Schedules of tasks belong to another edition; what is asked is looked at as it is there.
Async<http::Response> pause(HttpParts* parts, api::Call call) {
  if (call.request.method != "GET") {
    Body body;
    if (!call.request.body.empty()) body = body_of(call);
    if (body.refusal) co_return api::refuse(500, body.refusal->body);
    constexpr std::string_view states[] = {"pause", "run", "scheduled"};
    const std::string state = text_member(body.value, "ScheduleState");
    if (std::find(std::begin(states), std::end(states), state) == std::end(states)) {
      co_return api::refuse(400, "Not a valid task schedule state");
    }
  }
  const Uuid id = parse_uuid(call.capture(0));
  if (id.is_nil()) co_return api::refuse(500, text("alloc lookup failed: {}", not_an_id));
  if (!parts->server.snapshot()->alloc(id)) co_return unknown_alloc(call.capture(0));
  co_return api::refuse(500, "Enterprise only");
}

/// Moving an allocation's files to another node.
Async<http::Response> snapshot(HttpParts* parts, api::Call call) {
  if (!parts->server.snapshot()->alloc(parse_uuid(call.capture(0)))) co_return api::refuse(500, "allocation not found");
  co_return api::refuse(501, "snapshots of an allocation's files are not supported yet");
}

Async<void> say_unknown(std::string alloc, http::WebSocket& client) {
  constexpr int refused_code = 1008;
  client.close(refused_code, text("Unknown allocation \"{}\"", alloc));
  co_return;
}

/// A command in a running task: its errors are told on the websocket.
Async<http::Response> exec(HttpParts* parts, api::Call call) {
  if (!http::wants_websocket(call.request)) {
    const std::string command = api::text_parameter(call.request, "command");
    std::string problem = command.empty() ? "unexpected end of JSON input" : json_syntax_problem(command);
    if (!problem.empty()) co_return api::refuse(500, "failed to marshal command into json: " + problem);
    co_return api::refuse(500, "exec is a websocket: the request does not ask for an upgrade to one");
  }
  const std::string alloc = call.capture(0);
  if (parts->server.snapshot()->alloc(parse_uuid(alloc))) co_return co_await ask_node_of_alloc(parts, alloc, std::move(call));
  http::Response response;
  response.status = 101;
  response.websocket = [alloc](http::WebSocket& client) { return say_unknown(alloc, client); };
  co_return response;
}

/// What checks of an allocation say, asked beside the allocation itself.
Async<http::Response> checks(HttpParts* parts, api::Call call) {
  const std::string alloc = call.capture(0);
  call.request.path = text("/v1/client/allocation/{}/checks", alloc);
  call.request.target = call.request.path;
  co_return co_await ask_node_of_alloc(parts, alloc, std::move(call));
}

Async<http::Response> unknown_of_alloc(HttpParts*, api::Call) { co_return api::refuse(404, "resource not found"); }

/// The node named by `node_id`, else the one of this process.
Async<http::Response> ask_node(HttpParts* parts, api::Call call, int status_of_unknown) {
  const std::string named = api::text_parameter(call.request, "node_id");
  const std::string node = named.empty() ? parts->clients.local_node() : named;
  if (node.empty()) co_return api::refuse(400, "No local Node and node_id not provided");
  const Uuid id = parse_uuid(node);
  if (id.is_nil()) co_return api::refuse(500, text("node lookup failed: {}", not_an_id));
  if (!parts->server.snapshot()->node(id)) co_return api::refuse(status_of_unknown, text("Unknown node {}", node));
  co_return co_await parts->clients.handle(node, std::move(call.request));
}

Async<http::Response> stats(HttpParts* parts, api::Call call) { co_return co_await ask_node(parts, std::move(call), 404); }
Async<http::Response> collect_node(HttpParts* parts, api::Call call) {
  http::Response response = co_await ask_node(parts, std::move(call), 500);
  if (response.status == 200) co_return api::empty();
  co_return response;
}

}  // namespace

void add_client_routes(HttpParts& parts, std::vector<api::Route>& routes) {
  using api::Looks;
  routes.push_back(local_route(parts, "*", "/v1/client/fs/{operation}/{alloc}", "read-fs|read-logs", files, Looks::nothing));
  routes.push_back(local_route(parts, "*", "/v1/client/fs/{operation}", "", no_operation, Looks::nothing));
  routes.push_back(local_route(parts, "*", "/v1/client/allocation/{id}/stats", "read-job", of_alloc, Looks::regional));
  routes.push_back(local_route(parts, "*", "/v1/client/allocation/{id}/checks", "read-job", of_alloc, Looks::regional));
  routes.push_back(local_route(parts, "GET", "/v1/allocation/{id}/checks", "read-job", checks, Looks::regional));
  routes.push_back(local_route(parts, "*", "/v1/client/allocation/{id}/exec", "alloc-exec|alloc-node-exec", exec, Looks::regional));
  routes.push_back(local_route(parts, "*", "/v1/client/allocation/{id}/restart", "alloc-lifecycle", restart, Looks::regional));
  routes.push_back(local_route(parts, "PUT|POST", "/v1/client/allocation/{id}/signal", "alloc-lifecycle", signal, Looks::regional));
  routes.push_back(local_route(parts, "*", "/v1/client/allocation/{id}/gc", "submit-job|gc-allocation", collect, Looks::regional));
  routes.push_back(local_route(parts, "GET|PUT|POST", "/v1/client/allocation/{id}/pause", "submit-job", pause, Looks::regional));
  routes.push_back(local_route(parts, "*", "/v1/client/allocation/{id}/snapshot", "", snapshot, Looks::nothing));
  routes.push_back(local_route(parts, "*", "/v1/client/allocation/{path}", "", unknown_of_alloc, Looks::nothing));
  routes.push_back(local_route(parts, "*", "/v1/client/stats", "node:read", stats, Looks::common));
  routes.push_back(local_route(parts, "*", "/v1/client/gc", "node:write", collect_node, Looks::common));
}

}  // namespace drover::server
