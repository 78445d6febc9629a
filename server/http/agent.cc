#include <sys/utsname.h>

#include <algorithm>
#include <thread>

#include "base/json/json.h"
#include "base/value/value.h"
#include "model/proto/agent_view.pb.h"
#include "server/http/agent_view.h"
#include "server/http/handlers.h"
#include "server/http/node_gauges.h"
#include "server/http/state_gauges.h"

/// What an agent says of itself and of the servers: /v1/agent, /v1/status, /v1/regions, /v1/metrics.
namespace drover::server {
namespace {

http::Response json_of(const Value& value, bool pretty) { return api::json(json::write(value), pretty); }

Async<http::Response> leader(HttpParts* parts, api::Call call) {
  const bool leading = parts->server.leading();
  co_return json_of(leading ? parts->info.rpc_address : std::string(), call.params.pretty);
}

Async<http::Response> peers(HttpParts* parts, api::Call call) {
  co_return json_of(Value::List{parts->info.rpc_address}, call.params.pretty);
}

Async<http::Response> regions(HttpParts* parts, api::Call call) {
  co_return json_of(Value::List{parts->info.region}, call.params.pretty);
}

Async<http::Response> servers(HttpParts* parts, api::Call call) {
  if (!parts->info.client) co_return api::refuse(501, "Invalid method");
  co_return json_of(Value::List{parts->info.rpc_address}, call.params.pretty);
}

Async<http::Response> set_servers(HttpParts* parts, api::Call call) {
  if (!parts->info.client) co_return api::refuse(501, "Invalid method");
  if (!call.request.parameter("address")) co_return api::refuse(400, "missing server address");
  for (const auto& [name, value] : call.request.query) {
    if (name == "address" && value != parts->info.rpc_address) {
      co_return api::refuse(400, text("the server of this process serves its own client; {} cannot be set", value));
    }
  }
  co_return api::empty();
}

Async<http::Response> members(HttpParts* parts, api::Call call) {
  model::ServerMembers answer;
  answer.set_server_name(parts->info.name);
  answer.set_server_region(parts->info.region);
  answer.set_server_dc(parts->info.datacenter);
  model::AgentMember& member = *answer.add_members();
  member = member_of(parts->info);
  co_return api::json(answer, call.params.pretty);
}

Async<http::Response> self(HttpParts* parts, api::Call call) {
  const SnapshotPtr state = parts->server.snapshot();
  co_return json_of(self_of(parts->info, state->index(), parts->server.leading()), call.params.pretty);
}

Value health_of(const std::string& problem) {
  Value out = Value::map();
  out.set("message", problem.empty() ? std::string("ok") : problem);
  out.set("ok", problem.empty());
  return out;
}

Async<http::Response> health(HttpParts* parts, api::Call call) {
  const std::string type = api::text_parameter(call.request, "type");
  Value out = Value::map();
  bool well = true;
  if (parts->info.client && (type.empty() || type == "client")) {
    const std::string problem = parts->info.client_problem ? parts->info.client_problem() : "";
    well = well && problem.empty();
    out.set("client", health_of(problem));
  }
  if (type.empty() || type == "server") {
    const bool known_region = call.params.region.empty() || call.params.region == parts->info.region;
    const std::string problem = !known_region ? "No path to region" : parts->server.leading() ? "" : "No cluster leader";
    well = well && problem.empty();
    out.set("server", health_of(problem));
  }
  if (well) co_return json_of(out, call.params.pretty);
  co_return api::refuse(500, json::write(out));
}

constexpr std::size_t host_use_max = 1 << 20;  ///< bytes of an agent's answer; what is longer is not looked at

/// Keeps what is written to it.
class Gatherer final : public http::StreamWriter {
 public:
  Async<bool> write(std::string piece) override {
    text += piece;
    co_return text.size() <= host_use_max;
  }
  Async<bool> flush() override { co_return true; }

  std::string text;
};

/// How the host of this process's node is used; null where its agent does not say.
Async<Value> host_use(HttpParts* parts, std::string node) {
  http::Request request;
  request.method = "GET";
  request.target = "/v1/client/stats";
  request.path = request.target;
  http::Response response = co_await parts->clients.handle(std::move(node), std::move(request));
  Gatherer answer;
  answer.text = std::move(response.body);
  bool whole = true;
  if (response.stream) whole = co_await response.stream(answer);
  if (!whole) co_return Value();
  Result<Value> value = json::parse(answer.text);
  if (response.status != 200 || !value) co_return Value();
  co_return std::move(*value);
}

/// Every figure names the host that it was taken on.
void add_host_label(std::vector<api::Gauge>& gauges) {
  utsname host{};
  ::uname(&host);
  for (api::Gauge& gauge : gauges) {
    gauge.labels.emplace_back("host", host.nodename);
    std::sort(gauge.labels.begin(), gauge.labels.end());
  }
}

Async<http::Response> metrics(HttpParts* parts, api::Call call) {
  const SnapshotPtr state = parts->server.snapshot();
  std::vector<api::Gauge> gauges = state_gauges(*state);
  const std::string local = parts->clients.local_node();
  if (const model::Node* node = local.empty() ? nullptr : state->node(parse_uuid(local))) {
    const Value host = co_await host_use(parts, local);
    for (api::Gauge& gauge : node_gauges(*state, *node, host)) gauges.push_back(std::move(gauge));
  }
  if (parts->info.more_gauges) {
    for (api::Gauge& gauge : parts->info.more_gauges()) gauges.push_back(std::move(gauge));
  }
  add_host_label(gauges);
  if (api::text_parameter(call.request, "format") != "prometheus") {
    co_return api::json(api::metrics_json(std::move(gauges), parts->loop.now()), call.params.pretty);
  }
  if (!parts->info.prometheus) co_return api::refuse(415, "Prometheus is not enabled");
  http::Response response;
  response.headers.set("Content-Type", "text/plain; version=0.0.4; charset=utf-8; escaping=underscores");
  response.body = api::metrics_prometheus(std::move(gauges));
  co_return response;
}

Async<http::Response> to_ui(HttpParts*, api::Call call) {
  http::Response response;
  response.status = 307;
  const auto question = call.request.target.find('?');
  const std::string query = question == std::string::npos ? "" : call.request.target.substr(question);
  response.headers.set("Location", "/ui/" + query);
  response.headers.set("Content-Type", "text/html; charset=utf-8");
  response.body = "<a href=\"/ui/\">Temporary Redirect</a>.\n\n";
  co_return response;
}

Async<http::Response> ui(HttpParts*, api::Call) {
  http::Response response;
  response.headers.set("Content-Type", "text/html; charset=utf-8");
  response.body = "<!doctype html><title>drover</title><p>This agent has no web page; use the command line or the API.</p>\n";
  co_return response;
}

}  // namespace

void add_agent_routes(HttpParts& parts, std::vector<api::Route>& routes) {
  using api::Looks;
  routes.push_back(local_route(parts, "GET", "/v1/status/leader", "", leader, Looks::regional));
  routes.push_back(local_route(parts, "GET", "/v1/status/peers", "", peers, Looks::regional));
  routes.push_back(local_route(parts, "GET", "/v1/regions", "", regions, Looks::common));
  routes.push_back(local_route(parts, "GET", "/v1/agent/self", "agent:read", self, Looks::nothing));
  routes.push_back(local_route(parts, "GET", "/v1/agent/members", "node:read", members, Looks::common));
  routes.push_back(local_route(parts, "GET", "/v1/agent/health", "", health, Looks::common));
  routes.push_back(local_route(parts, "GET", "/v1/agent/servers", "agent:read", servers, Looks::nothing));
  routes.push_back(local_route(parts, "PUT|POST", "/v1/agent/servers", "agent:write", set_servers, Looks::nothing));
  routes.push_back(local_route(parts, "GET", "/v1/metrics", "", metrics, Looks::nothing));
  routes.push_back(local_route(parts, "GET", "/", "", to_ui, Looks::nothing));
  routes.push_back(local_route(parts, "GET", "/ui/{path}", "", ui, Looks::nothing));
}

}  // namespace drover::server
