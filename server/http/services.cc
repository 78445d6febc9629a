#include "server/http/handlers.h"

/// Services: nothing registers any yet, which is what these answer.
namespace drover::server {
namespace {

std::vector<WaitFor> nothing(const api::Call&) { return {}; }

api::Found no_services(SnapshotPtr state, CallPtr call) {
  return found(0, state, call, [](const SnapshotPtr&, const CallPtr&) { return api::json("[]"); });
}

api::Found of_job(SnapshotPtr state, CallPtr call) {
  if (!state->current(call->params.ns, call->capture())) return missing(state->index(Topic::jobs), state, "job not found");
  return no_services(std::move(state), std::move(call));
}

api::Found of_alloc(SnapshotPtr state, CallPtr call) {
  const Uuid id = id_of(*call);
  if (id.is_nil()) return refused(500, text("alloc lookup failed: {}", not_an_id));
  if (!state->alloc(id)) return refused(404, "allocation not found");
  return no_services(std::move(state), std::move(call));
}

Async<http::Response> remove(HttpParts*, api::Call) { co_return api::refuse(500, "service registration not found"); }

}  // namespace

void add_service_routes(HttpParts& parts, std::vector<api::Route>& routes) {
  routes.push_back(read_route(parts, "/v1/services", "read-job", no_services, nothing));
  routes.push_back(read_route(parts, "/v1/service/{name}", "read-job", no_services, nothing));
  routes.push_back(write_route(parts, "DELETE", "/v1/service/{name}/{id}", "submit-job|delete-service-registration", remove));
  routes.push_back(read_route(parts, "/v1/job/{id}/services", "read-job", of_job, nothing));
  routes.push_back(read_route(parts, "/v1/allocation/{id}/services", "read-job", of_alloc, nothing));
}

}  // namespace drover::server
