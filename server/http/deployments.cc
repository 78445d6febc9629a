#include <algorithm>

#include "model/json/codec.h"
#include "model/proto/deployment.pb.h"
#include "server/http/alloc_stubs.h"
#include "server/http/handlers.h"

namespace drover::server {
namespace {

std::vector<WaitFor> all_deployments(const api::Call&) { return {WaitFor{.topic = Topic::deployments}}; }

api::Found list_deployments(SnapshotPtr state, CallPtr call) {
  if (auto refusal = refuse_filter(*call)) return std::move(*refusal);
  const std::string problem = prefix_problem(call->params.prefix, "");
  if (!problem.empty()) return refused(500, problem);
  return found(state->index(Topic::deployments), state, call, [](const SnapshotPtr& s, const CallPtr& c) {
    const IdRange range = range_of(c->params.prefix);
    std::vector<const model::Deployment*> rows;
    s->each_deployment(range.first, [&](const model::Deployment& deployment) {
      if (!range.contains(parse_uuid(deployment.id()))) return false;
      if (shows(*c, deployment.namespace_())) rows.push_back(&deployment);
      return true;
    });
    if (c->params.prefix.empty()) {
      std::stable_sort(rows.begin(), rows.end(), [](const auto* a, const auto* b) { return a->create_index() < b->create_index(); });
    }
    if (c->params.reverse) std::reverse(rows.begin(), rows.end());
    api::AppendElement append = [s, rows](std::string& out, std::size_t i) { model::append_json(out, *rows[i]); };
    return api::list(rows.size(), std::move(append), c->params.pretty);
  });
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
