#include <charconv>

#include "base/json/json.h"
#include "model/json/codec.h"
#include "model/proto/agent_view.pb.h"
#include "model/proto/namespace.pb.h"
#include "server/commands/scheduler_config.h"
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

api::Found read_scheduler_configuration(HttpParts* parts, SnapshotPtr state, CallPtr call) {
  model::SchedulerConfigurationResponse answer;
  *answer.mutable_scheduler_config() = scheduler_configuration(*state, parts->server.config());
  answer.set_index(answer.scheduler_config().create_index());
  answer.set_known_leader(true);
  return message_found(answer.index(), state, call, [answer](const Snapshot&, const api::Call&) { return answer; });
}

/// The modify index that a client has seen, by ?cas=.
Result<std::optional<Index>> seen_index(const http::Request& request) {
  const std::string seen = api::text_parameter(request, "cas");
  if (seen.empty()) return std::optional<Index>();
  Index index = 0;
  const auto [end, problem] = std::from_chars(seen.data(), seen.data() + seen.size(), index);
  if (problem != std::errc() || end != seen.data() + seen.size()) {
    return fail(Code::invalid, "Error parsing cas value: strconv.ParseUint: parsing \"{}\": invalid syntax", seen);
  }
  return std::optional<Index>(index);
}

Async<http::Response> set_scheduler_configuration(HttpParts* parts, api::Call call) {
  auto wanted = std::make_shared<model::SchedulerConfiguration>();
  if (const auto refusal = decode(call, *wanted)) co_return api::refuse(400, "Error parsing scheduler config: " + refusal->body);
  const Result<std::optional<Index>> seen = seen_index(call.request);
  if (!seen) co_return api::refuse(400, seen.error().message);
  SetSchedulerConfiguration request{.configuration = wanted, .only_if = *seen};
  const Result<SchedulerConfigurationSet> done = co_await parts->server.set_scheduler_configuration(std::move(request));
  if (!done && done.error().code == Code::invalid) co_return api::refuse(400, done.error().message);
  if (!done) co_return api::refuse(done.error());
  Value answer = Value::map();
  answer.set("Index", static_cast<std::int64_t>(done->index));
  answer.set("Updated", done->updated);
  http::Response response = api::json(json::write(answer), call.params.pretty);
  api::set_write_index(response, done->index);
  co_return response;
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
  Reader read_configuration = [parts = &parts](SnapshotPtr state, CallPtr call) {
    return read_scheduler_configuration(parts, std::move(state), std::move(call));
  };
  routes.push_back(
      read_route(parts, "/v1/operator/scheduler/configuration", "operator:read", std::move(read_configuration), nothing));
  routes.push_back(
      write_route(parts, "PUT|POST", "/v1/operator/scheduler/configuration", "operator:write", set_scheduler_configuration));
  routes.push_back(read_route(parts, "/v1/namespaces", "", list_namespaces, nothing));
  routes.push_back(read_route(parts, "/v1/namespace/{name}", "", read_namespace, nothing));
  routes.push_back(write_route(parts, "PUT|POST", "/v1/namespace", "management", change_namespace));
  routes.push_back(write_route(parts, "PUT|POST|DELETE", "/v1/namespace/{name}", "management", change_namespace));
}

}  // namespace drover::server
