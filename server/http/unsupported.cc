#include "server/http/handlers.h"

/// Endpoints of /v1 that are known but not there: they are refused by name, so that nobody takes the answer of another
/// route for theirs (a job id may hold slashes).
namespace drover::server {
namespace {

struct Known {
  std::string_view methods;
  std::string_view path;
};

constexpr Known not_yet[] = {
    {"*", "/v1/job/{id}/action"},
    {"GET|POST", "/v1/client/metadata"},
    {"GET", "/v1/client/identity"},
    {"PUT|POST", "/v1/client/identity/renew"},
    {"PUT|POST|DELETE", "/v1/var/{path}"},
    {"GET", "/v1/agent/monitor/export"},
    {"GET", "/v1/agent/pprof/{profile}"},
    {"GET", "/v1/agent/host"},
    {"GET", "/v1/agent/schedulers"},
    {"PUT|POST", "/v1/agent/reload"},
    {"GET|PUT|POST", "/v1/operator/snapshot"},
    {"GET|PUT|POST|DELETE", "/v1/operator/keyring/{operation}"},
    {"PUT|POST", "/v1/volumes"},
    {"GET|PUT|POST|DELETE", "/v1/volumes/{kind}"},
    {"*", "/v1/volume/{path}"},
};

Async<http::Response> refuse_not_yet(HttpParts*, api::Call call) {
  co_return api::refuse(501, text("{} {} is not supported yet", call.request.method, call.request.path));
}

}  // namespace

void add_unsupported_routes(HttpParts& parts, std::vector<api::Route>& routes) {
  using api::Looks;
  for (const Known& known : not_yet) {
    routes.push_back(local_route(parts, known.methods, known.path, "", refuse_not_yet, Looks::nothing));
  }
}

}  // namespace drover::server
