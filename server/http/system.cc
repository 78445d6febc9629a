#include "model/json/codec.h"
#include "model/proto/agent_view.pb.h"
#include "model/proto/namespace.pb.h"
#include "server/http/handlers.h"

/// Garbage collection, the configuration of the scheduler, and the one namespace there is.
namespace drover::server {
namespace {

constexpr Index built_in_index = 1;  ///< of what exists without a command

std::vector<WaitFor> nothing(const api::Call&) { return {}; }

Async<http::Response> collect_garbage(HttpParts* parts, api::Call call) {
  if (const auto params = api::parse_params(call.request); !params) co_return api::refuse(400, params.error().message);
  const Result<void> done = co_await parts->server.collect_garbage();
  co_return done ? api::empty() : api::refuse(done.error());
}

/// Summaries are kept with the jobs and cannot disagree with them.
Async<http::Response> reconcile_summaries(HttpParts*, api::Call) { co_return api::empty(); }

api::Found read_scheduler_configuration(SnapshotPtr state, CallPtr call) {
  return message_found(built_in_index, state, call, [](const Snapshot&, const api::Call&) {
    model::SchedulerConfigurationResponse answer;
    model::SchedulerConfiguration& config = *answer.mutable_scheduler_config();
    config.set_scheduler_algorithm("binpack");
    config.mutable_preemption_config()->set_system_scheduler_enabled(false);
    config.set_create_index(built_in_index);
    config.set_modify_index(built_in_index);
    answer.set_index(built_in_index);
    answer.set_known_leader(true);
    return answer;
  });
}

Async<http::Response> set_scheduler_configuration(HttpParts*, api::Call) {
  co_return api::refuse(501, "changing the scheduler's configuration is not supported yet");
}

model::Namespace default_namespace() {
  model::Namespace out;
  out.set_name(std::string(api::default_namespace));
  out.set_description("Default shared namespace");
  out.set_create_index(built_in_index);
  out.set_modify_index(built_in_index);
  return out;
}

api::Found list_namespaces(SnapshotPtr state, CallPtr call) {
  return found(built_in_index, state, call, [](const SnapshotPtr&, const CallPtr& c) {
    const bool shown = api::default_namespace.starts_with(c->params.prefix);
    api::AppendElement append = [](std::string& out, std::size_t) { model::append_json(out, default_namespace()); };
    return api::list(shown ? 1 : 0, std::move(append), c->params.pretty);
  });
}

api::Found read_namespace(SnapshotPtr state, CallPtr call) {
  if (call->capture() != api::default_namespace) return missing(built_in_index, state, "Namespace not found");
  return message_found(built_in_index, state, call, [](const Snapshot&, const api::Call&) { return default_namespace(); });
}

Async<http::Response> change_namespace(HttpParts*, api::Call call) {
  if (call.request.method == "DELETE" && call.capture() == api::default_namespace) {
    co_return api::refuse(500, "can not delete default namespace");
  }
  co_return api::refuse(501, "namespaces besides 'default' are not supported yet");
}

}  // namespace

void add_system_routes(HttpParts& parts, std::vector<api::Route>& routes) {
  routes.push_back(write_route(parts, "PUT", "/v1/system/gc", "management", collect_garbage));
  routes.push_back(write_route(parts, "PUT", "/v1/system/reconcile/summaries", "management", reconcile_summaries));
  routes.push_back(
      read_route(parts, "/v1/operator/scheduler/configuration", "operator:read", read_scheduler_configuration, nothing));
  routes.push_back(
      write_route(parts, "PUT|POST", "/v1/operator/scheduler/configuration", "operator:write", set_scheduler_configuration));
  routes.push_back(read_route(parts, "/v1/namespaces", "", list_namespaces, nothing));
  routes.push_back(read_route(parts, "/v1/namespace/{name}", "", read_namespace, nothing));
  routes.push_back(write_route(parts, "PUT|POST", "/v1/namespace", "management", change_namespace));
  routes.push_back(write_route(parts, "PUT|POST|DELETE", "/v1/namespace/{name}", "management", change_namespace));
}

}  // namespace drover::server
