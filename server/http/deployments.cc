#include <algorithm>

#include "model/json/codec.h"
#include "model/proto/deployment.pb.h"
#include "server/http/alloc_stubs.h"
#include "server/http/handlers.h"

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
    s->each_alloc(Uuid{}, [&](const AllocRow& row) {
      if (s->deployment_of(row) == id) rows.push_back(&row);
      return true;
    });
    return alloc_list(s, std::move(rows), {}, c->params.pretty);
  });
}

/// No deployment is ever made, so none can be acted on.
Async<http::Response> act(HttpParts*, api::Call) { co_return api::refuse(500, "deployment not found"); }

}  // namespace

void add_deployment_routes(HttpParts& parts, std::vector<api::Route>& routes) {
  routes.push_back(read_route(parts, "/v1/deployments", "read-job", list_deployments, all_deployments));
  routes.push_back(read_route(parts, "/v1/deployment/{id}", "read-job", read_deployment, all_deployments));
  for (const auto* path : {"/v1/deployment/fail/{id}", "/v1/deployment/pause/{id}", "/v1/deployment/promote/{id}",
                           "/v1/deployment/unblock/{id}", "/v1/deployment/allocation-health/{id}"}) {
    routes.push_back(write_route(parts, "PUT|POST", path, "submit-job", act));
  }
  routes.push_back(read_route(parts, "/v1/deployment/allocations/{id}", "read-job", read_allocations, all_deployments));
}

}  // namespace drover::server
