#include <algorithm>

#include "base/json/json.h"
#include "model/json/codec.h"
#include "model/proto/deployment.pb.h"
#include "server/http/alloc_stubs.h"
#include "server/http/handlers.h"
#include "server/http/json_body.h"

/// Deployments: lists, single ones, their allocations, and what operators do with them.

namespace drover::server {
namespace {

std::vector<WaitFor> all_deployments(const api::Call&) { return {WaitFor{.topic = Topic::deployments}}; }

std::vector<const model::Deployment*> listed_deployments(const Snapshot& state, const api::Call& call) {
  const IdRange range = range_of(call.params.prefix);
  std::vector<const model::Deployment*> rows;
  state.each_deployment(range.first, [&](const model::Deployment& deployment) {
    if (!range.contains(parse_uuid(deployment.id()))) return false;
    if (shows(call, deployment.namespace_())) rows.push_back(&deployment);
    return true;
  });
  if (call.params.prefix.empty()) {
    std::stable_sort(rows.begin(), rows.end(), [](const auto* a, const auto* b) { return a->create_index() < b->create_index(); });
  }
  if (call.params.reverse) std::reverse(rows.begin(), rows.end());
  return rows;
}

http::Response deployment_page(const SnapshotPtr& state, const CallPtr& call, const api::Filter& filter) {
  const api::Params& params = call->params;
  return list_page(
      call, filter, listed_deployments(*state, *call),
      [&params](const model::Deployment* row) { return index_token(row->create_index(), row->id(), params); },
      [&params](const model::Deployment* row, const std::string& token) { return before_index_token(row->create_index(), row->id(), token, params); },
      [](const model::Deployment* row) -> const model::Deployment& { return *row; },
      [state](std::string& out, const model::Deployment* row) { model::append_json(out, *row); });
}

api::Found list_deployments(SnapshotPtr state, CallPtr call) {
  Result<api::Filter> filter = filter_of(*call);
  if (!filter) return refused(400, filter.error().message);
  const std::string problem = prefix_problem(call->params.prefix, "");
  if (!problem.empty()) return refused(500, problem);
  return found(state->index(Topic::deployments), state, call,
               [filter = std::move(*filter)](const SnapshotPtr& s, const CallPtr& c) { return deployment_page(s, c, filter); });
}

api::Found read_deployment(SnapshotPtr state, CallPtr call) {
  const Uuid id = id_of(*call);
  if (id.is_nil()) return refused(500, text("deployment lookup failed: {}", not_an_id));
  const model::Deployment* deployment = state->deployment(id);
  if (!deployment) return missing(state->index(Topic::deployments), state, "deployment not found");
  return message_found(deployment->modify_index(), state, call, [deployment](const Snapshot&, const api::Call&) { return *deployment; });
}

api::Found read_allocations(SnapshotPtr state, CallPtr call) {
  const Uuid id = id_of(*call);
  if (id.is_nil()) return refused(500, std::string(not_an_id));
  return found(state->index(Topic::allocs), state, call, [id](const SnapshotPtr& s, const CallPtr& c) {
    std::vector<const AllocRow*> rows;
    if (const model::Deployment* deployment = s->deployment(id)) {
      s->each_alloc_of_job(deployment->namespace_(), deployment->job_id(), [&](const AllocRow& row) {
        if (s->deployment_of(row) == id) rows.push_back(&row);
        return true;
      });
    }
    return alloc_list(s, std::move(rows), {}, c->params.pretty);
  });
}

/// The id in the body must be that of the path.
std::optional<http::Response> check_deployment_id(const api::Call& call, const Value& body) {
  const std::string id = text_member(body, "DeploymentID");
  if (id.empty()) return api::refuse(400, "DeploymentID must be specified");
  if (id != call.capture()) return api::refuse(400, "Deployment ID does not match");
  return std::nullopt;
}

std::optional<http::Response> check_is_id(const api::Call& call) {
  if (!id_of(call).is_nil()) return std::nullopt;
  return api::refuse(500, text("deployment lookup failed: {}", not_an_id));
}

/// The body of an action that has one: an object that names the deployment of the path.
Body action_of(const api::Call& call) {
  Body body = body_of(call);
  if (!body.refusal) body.refusal = check_deployment_id(call, body.value);
  if (!body.refusal) body.refusal = check_is_id(call);
  return body;
}

std::vector<std::string> texts_member(const Value& body, std::string_view key) {
  std::vector<std::string> texts;
  const Value* list = member(body, key);
  if (!list || !list->is_list()) return texts;
  for (const Value& item : list->items()) {
    if (item.is_text()) texts.push_back(item.text());
  }
  return texts;
}

http::Response answer(const Result<DeploymentUpdated>& done, bool pretty) {
  if (!done) return api::refuse(500, done.error().message);
  Value value = Value::map();
  value.set("DeploymentModifyIndex", static_cast<std::int64_t>(done->deployment_modify_index));
  value.set("EvalCreateIndex", static_cast<std::int64_t>(done->eval_create_index));
  value.set("EvalID", done->eval_id);
  value.set("Index", static_cast<std::int64_t>(done->index));
  value.set("RevertedJobVersion", done->reverted_job_version ? Value(static_cast<std::int64_t>(*done->reverted_job_version)) : Value());
  http::Response response = api::json(json::write(value), pretty);
  api::set_write_index(response, done->index);
  return response;
}

Async<http::Response> fail_deployment(HttpParts* parts, api::Call call) {
  if (auto refusal = check_is_id(call)) co_return std::move(*refusal);
  const FailDeployment request{id_of(call)};
  const Result<DeploymentUpdated> done = co_await parts->server.fail_deployment(request);
  co_return answer(done, call.params.pretty);
}

Async<http::Response> pause_deployment(HttpParts* parts, api::Call call) {
  Body body = action_of(call);
  if (body.refusal) co_return std::move(*body.refusal);
  const PauseDeployment request{.deployment = id_of(call), .pause = bool_member(body.value, "Pause")};
  const Result<DeploymentUpdated> done = co_await parts->server.pause_deployment(request);
  co_return answer(done, call.params.pretty);
}

Async<http::Response> promote_deployment(HttpParts* parts, api::Call call) {
  Body body = action_of(call);
  if (body.refusal) co_return std::move(*body.refusal);
  PromoteDeployment request{.deployment = id_of(call), .all = bool_member(body.value, "All"), .groups = texts_member(body.value, "Groups")};
  const Result<DeploymentUpdated> done = co_await parts->server.promote_deployment(std::move(request));
  co_return answer(done, call.params.pretty);
}

Async<http::Response> unblock_deployment(HttpParts* parts, api::Call call) {
  Body body = action_of(call);
  if (body.refusal) co_return std::move(*body.refusal);
  const UnblockDeployment request{id_of(call)};
  const Result<DeploymentUpdated> done = co_await parts->server.unblock_deployment(request);
  co_return answer(done, call.params.pretty);
}

Async<http::Response> set_allocation_health(HttpParts* parts, api::Call call) {
  Body body = action_of(call);
  if (body.refusal) co_return std::move(*body.refusal);
  SetDeploymentHealth request{.deployment = id_of(call),
                              .healthy = texts_member(body.value, "HealthyAllocationIDs"),
                              .unhealthy = texts_member(body.value, "UnhealthyAllocationIDs")};
  const Result<DeploymentUpdated> done = co_await parts->server.set_deployment_health(std::move(request));
  co_return answer(done, call.params.pretty);
}

}  // namespace

void add_deployment_routes(HttpParts& parts, std::vector<api::Route>& routes) {
  routes.push_back(read_route(parts, "/v1/deployments", "read-job", list_deployments, all_deployments));
  routes.push_back(read_route(parts, "/v1/deployment/{id}", "read-job", read_deployment, all_deployments));
  const auto action = [&](std::string_view path, Writer writer) { routes.push_back(write_route(parts, "PUT|POST", path, "submit-job", writer)); };
  action("/v1/deployment/fail/{id}", fail_deployment);
  action("/v1/deployment/pause/{id}", pause_deployment);
  action("/v1/deployment/promote/{id}", promote_deployment);
  action("/v1/deployment/unblock/{id}", unblock_deployment);
  action("/v1/deployment/allocation-health/{id}", set_allocation_health);
  routes.push_back(read_route(parts, "/v1/deployment/allocations/{id}", "read-job", read_allocations, all_deployments));
}

}  // namespace drover::server
