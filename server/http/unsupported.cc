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
    {"*", "/v1/client/allocation/{id}/snapshot"},
    {"GET|PUT|POST", "/v1/client/allocation/{id}/pause"},
    {"GET|POST", "/v1/client/metadata"},
    {"GET", "/v1/client/identity"},
    {"PUT|POST", "/v1/client/identity/renew"},
    {"GET|PUT|POST", "/v1/node/pools"},
    {"GET|PUT|POST|DELETE", "/v1/node/pool/{name}"},
    {"GET", "/v1/node/pool/{name}/nodes"},
    {"GET", "/v1/node/pool/{name}/jobs"},
    {"GET", "/v1/vars"},
    {"GET|PUT|POST|DELETE", "/v1/var/{path}"},
    {"PUT|POST", "/v1/agent/join"},
    {"PUT|POST", "/v1/agent/force-leave"},
    {"GET", "/v1/agent/monitor/export"},
    {"GET", "/v1/agent/pprof/{profile}"},
    {"GET", "/v1/agent/host"},
    {"GET", "/v1/agent/schedulers"},
    {"GET|PUT|POST", "/v1/agent/schedulers/config"},
    {"PUT|POST", "/v1/agent/reload"},
    {"*", "/v1/agent/keyring/{operation}"},
    {"GET|DELETE", "/v1/operator/raft/configuration"},
    {"GET|DELETE", "/v1/operator/raft/peer"},
    {"PUT|POST", "/v1/operator/raft/transfer-leadership"},
    {"GET|PUT", "/v1/operator/autopilot/configuration"},
    {"GET", "/v1/operator/autopilot/health"},
    {"GET|PUT|POST", "/v1/operator/snapshot"},
    {"GET|PUT|POST|DELETE", "/v1/operator/keyring/{operation}"},
    {"GET|PUT", "/v1/operator/license"},
    {"POST", "/v1/operator/utilization"},
    {"GET", "/v1/operator/upgrade-check/{check}"},
    {"GET|PUT|POST", "/v1/volumes"},
    {"GET", "/v1/volumes/{kind}"},
    {"*", "/v1/volume/{path}"},
    {"GET", "/v1/plugins"},
    {"GET", "/v1/plugin/{path}"},
    {"*", "/v1/sentinel/{path}"},
    {"*", "/v1/quotas"},
    {"*", "/v1/quota-usages"},
    {"*", "/v1/quota"},
    {"*", "/v1/quota/{path}"},
    {"*", "/v1/recommendations"},
    {"*", "/v1/recommendations/apply"},
    {"*", "/v1/recommendation"},
    {"*", "/v1/recommendation/{id}"},
};

constexpr Known of_acls[] = {
    {"PUT|POST", "/v1/acl/bootstrap"},
    {"GET", "/v1/acl/tokens"},
    {"PUT|POST", "/v1/acl/token"},
    {"GET|PUT|POST|DELETE", "/v1/acl/token/{accessor}"},
    {"PUT|POST", "/v1/acl/token/onetime"},
    {"PUT|POST", "/v1/acl/token/onetime/exchange"},
    {"GET", "/v1/acl/policies"},
    {"GET|PUT|POST|DELETE", "/v1/acl/policy/{name}"},
    {"GET", "/v1/acl/roles"},
    {"PUT|POST", "/v1/acl/role"},
    {"GET|PUT|POST|DELETE", "/v1/acl/role/{id}"},
    {"GET", "/v1/acl/role/name/{name}"},
    {"GET", "/v1/acl/auth-methods"},
    {"PUT|POST", "/v1/acl/auth-method"},
    {"GET|PUT|POST|DELETE", "/v1/acl/auth-method/{name}"},
    {"GET", "/v1/acl/binding-rules"},
    {"PUT|POST", "/v1/acl/binding-rule"},
    {"GET|PUT|POST|DELETE", "/v1/acl/binding-rule/{id}"},
    {"PUT|POST", "/v1/acl/oidc/auth-url"},
    {"PUT|POST", "/v1/acl/oidc/complete-auth"},
    {"PUT|POST", "/v1/acl/login"},
    {"PUT|POST", "/v1/acl/identity/client-introduction-token"},
};

Async<http::Response> refuse_not_yet(HttpParts*, api::Call call) {
  co_return api::refuse(501, text("{} {} is not supported yet", call.request.method, call.request.path));
}

Async<http::Response> acls_are_off(HttpParts*, api::Call) { co_return api::refuse(400, "ACL support disabled"); }

}  // namespace

void add_unsupported_routes(HttpParts& parts, std::vector<api::Route>& routes) {
  using api::Looks;
  for (const Known& known : not_yet) {
    routes.push_back(local_route(parts, known.methods, known.path, "", refuse_not_yet, Looks::nothing));
  }
  for (const Known& known : of_acls) {
    routes.push_back(local_route(parts, known.methods, known.path, "", acls_are_off, Looks::common));
  }
}

}  // namespace drover::server
