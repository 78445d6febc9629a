#include "server/http/handlers.h"

#include <cctype>

#include "model/json/codec.h"
#include "model/proto/job.pb.h"
#include "server/http/json_body.h"

namespace drover::server {
namespace {

/// Until one of `what` has changed after `seen`.
Async<bool> wait_past(HttpParts* parts, std::vector<WaitFor> what, Index seen, Duration limit) {
  const Result<SnapshotPtr> state = co_await parts->server.wait(std::move(what), seen, limit);
  co_return state.ok();
}

struct ReadRoute {
  HttpParts* parts;
  Reader reader;
  WaitsFor waits_for;
};

Async<http::Response> answer(ReadRoute route, api::Call asked) {
  const auto call = std::make_shared<const api::Call>(std::move(asked));
  HttpParts* parts = route.parts;
  const Duration jitter = api::jitter_of(call->params.wait, parts->random.unit());
  api::ReadNow read = [parts, route, call] { return route.reader(parts->server.snapshot(), call); };
  api::WaitPast wait = [parts, route, call](Index seen, Duration limit) {
    return wait_past(parts, route.waits_for(*call), seen, limit);
  };
  co_return co_await api::answer_read(call->params, jitter, parts->loop, std::move(read), std::move(wait));
}

}  // namespace

api::Route read_route(HttpParts& parts, std::string_view path, std::string_view capability, Reader reader, WaitsFor waits_for) {
  const ReadRoute route{&parts, std::move(reader), waits_for};
  return {.methods = "GET",
          .path = path,
          .capability = capability,
          .blocking = true,
          .handler = [route](api::Call call) { return answer(route, std::move(call)); }};
}

api::Route any_method(api::Route route) {
  route.methods = "*";
  return route;
}

api::Route write_route(HttpParts& parts, std::string_view methods, std::string_view path, std::string_view capability,
                       Writer writer) {
  return {.methods = methods, .path = path, .capability = capability, .handler = [parts = &parts, writer](api::Call call) {
            return writer(parts, std::move(call));
          }};
}

void add_write_routes(HttpParts& parts, std::vector<api::Route>& routes, std::initializer_list<WriteRow> rows) {
  for (const WriteRow& row : rows) routes.push_back(write_route(parts, row.methods, row.path, row.capability, row.writer));
}

api::Route local_route(HttpParts& parts, std::string_view methods, std::string_view path, std::string_view capability,
                       Writer writer, api::Looks looks) {
  api::Route route = write_route(parts, methods, path, capability, writer);
  route.looks = looks;
  return route;
}

api::Found refused(int status, std::string text) {
  return {.refusal = api::refuse(status, std::move(text))};
}

api::Found missing(Index table, const SnapshotPtr& state, std::string_view text) {
  return {.index = table, .seen = state->index(), .build = [text = std::string(text)] { return api::refuse(404, text); }};
}

std::optional<http::Response> decode(const api::Call& call, google::protobuf::Message& message) {
  if (call.request.body.empty()) return api::refuse(400, "Request body is empty");
  if (call.request.body == "null") return std::nullopt;  // as an empty object
  const Result<void> read = model::from_json(call.request.body, message);
  if (!read) return api::refuse(400, json_problem(read.error(), call));
  return std::nullopt;
}

std::string namespace_of(const api::Call& call, const std::string& of_body, const model::Job* job) {
  if (call.params.ns_given) return call.params.ns;
  if (!of_body.empty()) return of_body;
  if (job && !job->namespace_().empty()) return job->namespace_();
  return std::string(api::default_namespace);
}

Uuid id_of(const api::Call& call) { return parse_uuid(call.capture()); }

std::string prefix_problem(const std::string& prefix, std::string_view what) {
  if (ids_with_prefix(prefix)) return "";
  const std::string lead = what.empty() ? "index error: " : text("{} lookup failed: index error: ", what);
  std::size_t digits = 0;
  for (const char c : prefix) digits += c != '-';
  if (digits % 2 != 0) return lead + "Input (without hyphens) must be even length";
  for (const char c : prefix) {
    if (c != '-' && !std::isxdigit(static_cast<unsigned char>(c))) {
      char code[8];
      std::snprintf(code, sizeof code, "%04X", static_cast<unsigned char>(c));
      return text("{}Invalid UUID: encoding/hex: invalid byte: U+{} '{}'", lead, code, c);
    }
  }
  return lead + "UUID must be 36 characters";
}

IdRange range_of(const std::string& prefix) {
  const auto range = ids_with_prefix(prefix);
  return range ? *range : IdRange{};
}

bool shows(const api::Call& call, std::string_view ns) { return call.params.any_namespace() || call.params.ns == ns; }

Result<api::Filter> filter_of(const api::Call& call) {
  Result<api::Filter> filter = api::Filter::parse(call.params.filter);
  if (filter) return filter;
  return filter.error().within("failed to create result paginator: failed to read filter expression");
}

std::string index_token(Index create_index, const std::string& id, const api::Params& params) {
  return params.prefix.empty() ? api::to_token({.index = create_index, .id = id}) : id;
}

bool before_index_token(Index create_index, const std::string& id, const std::string& token, const api::Params& params) {
  const api::PlaceByIndex place{.index = params.prefix.empty() ? create_index : 0, .id = id};
  const api::PlaceByIndex wanted = api::parse_place(token);
  return params.reverse ? wanted < place : place < wanted;
}

std::vector<api::Route> http_routes(HttpParts& parts) {
  std::vector<api::Route> routes;
  add_job_routes(parts, routes);
  add_job_write_routes(parts, routes);
  add_job_action_routes(parts, routes);
  add_job_status_routes(parts, routes);
  add_event_routes(parts, routes);
  add_job_file_routes(parts, routes);
  add_alloc_routes(parts, routes);
  add_eval_routes(parts, routes);
  add_deployment_routes(parts, routes);
  add_node_routes(parts, routes);
  add_client_routes(parts, routes);
  add_agent_routes(parts, routes);
  add_system_routes(parts, routes);
  add_operator_routes(parts, routes);
  add_node_pool_routes(parts, routes);
  add_acl_routes(parts, routes);
  add_storage_routes(parts, routes);
  add_service_routes(parts, routes);
  add_scaling_routes(parts, routes);
  add_search_routes(parts, routes);
  add_unsupported_routes(parts, routes);
  return routes;
}

}  // namespace drover::server
