#include "base/json/json.h"
#include "server/http/handlers.h"
#include "server/http/json_body.h"

/// /v1/acl while ACLs are off: what is wrong with a request itself is said first, then that they are off.
namespace drover::server {
namespace {

constexpr std::string_view acls_off = "ACL support disabled";

Async<http::Response> refuse(HttpParts*, api::Call) { co_return api::refuse(400, std::string(acls_off)); }

Async<http::Response> refuse_body(HttpParts*, api::Call call) {
  Body body = body_of(call);
  if (body.refusal) co_return std::move(*body.refusal);
  co_return api::refuse(400, std::string(acls_off));
}

/// An object whose own name must be that of the path.
struct Named {
  std::string_view path;
  std::string_view member;    ///< which holds the name; "" where it is not compared
  std::string_view mismatch;  ///< what is said when it is another one
};

constexpr Named named[] = {
    {"/v1/acl/token/{accessor}", "AccessorID", "ACL token accessor does not match request path"},
    {"/v1/acl/policy/{name}", "Name", "ACL policy name does not match request path"},
    {"/v1/acl/role/{id}", "ID", "ACL role ID does not match request path"},
    {"/v1/acl/auth-method/{name}", "Name", "ACL auth-method name does not match request path"},
    {"/v1/acl/binding-rule/{id}", "", ""},
};

http::Response judge(const Named& object, const api::Call& call) {
  Body body = body_of(call);
  if (body.refusal) return std::move(*body.refusal);
  if (!object.member.empty() && text_member(body.value, object.member) != call.capture()) {
    return api::refuse(400, std::string(object.mismatch));
  }
  return api::refuse(400, std::string(acls_off));
}

Async<http::Response> answer_named(const Named* object, api::Call call) { co_return judge(*object, call); }

std::vector<WaitFor> nothing(const api::Call&) { return {}; }

/// The token of whoever asks: everybody's, with every right.
api::Found own_token(SnapshotPtr state, CallPtr call) {
  return found(0, state, call, [](const SnapshotPtr&, const CallPtr& c) {
    Value out = Value::map();
    out.set("AccessorID", "acls-disabled");
    out.set("CreateIndex", 0);
    out.set("CreateTime", "0001-01-01T00:00:00Z");
    out.set("ExpirationTTL", "");
    out.set("ExpirationTime", nullptr);
    out.set("Global", false);
    out.set("Hash", nullptr);
    out.set("ModifyIndex", 0);
    out.set("Name", "ACLs disabled token");
    out.set("Policies", nullptr);
    out.set("Roles", nullptr);
    out.set("SecretID", "");
    out.set("Type", "client");
    return api::json(json::write(out), c->params.pretty);
  });
}

api::Found own_policies(SnapshotPtr, CallPtr) { return refused(403, "Permission denied"); }

struct Known {
  std::string_view methods;
  std::string_view path;
  Writer writer;
};

constexpr Known known[] = {
    {"PUT|POST", "/v1/acl/bootstrap", refuse},
    {"GET", "/v1/acl/tokens", refuse},
    {"PUT|POST", "/v1/acl/token", refuse_body},
    {"PUT|POST", "/v1/acl/token/onetime", refuse},
    {"PUT|POST", "/v1/acl/token/onetime/exchange", refuse_body},
    {"GET", "/v1/acl/policies", refuse},
    {"GET", "/v1/acl/roles", refuse},
    {"PUT|POST", "/v1/acl/role", refuse_body},
    {"GET", "/v1/acl/role/name/{name}", refuse},
    {"GET", "/v1/acl/auth-methods", refuse},
    {"PUT|POST", "/v1/acl/auth-method", refuse_body},
    {"GET", "/v1/acl/binding-rules", refuse},
    {"PUT|POST", "/v1/acl/binding-rule", refuse_body},
    {"PUT|POST", "/v1/acl/oidc/auth-url", refuse_body},
    {"PUT|POST", "/v1/acl/oidc/complete-auth", refuse_body},
    {"PUT|POST", "/v1/acl/login", refuse_body},
    {"PUT|POST", "/v1/acl/identity/client-introduction-token", refuse_body},
};

}  // namespace

void add_acl_routes(HttpParts& parts, std::vector<api::Route>& routes) {
  using api::Looks;
  for (const Known& one : known) routes.push_back(local_route(parts, one.methods, one.path, "", one.writer, Looks::common));
  for (const Named& object : named) {
    routes.push_back(local_route(parts, "GET|DELETE", object.path, "", refuse, Looks::common));
    api::Route write = local_route(parts, "PUT|POST", object.path, "", refuse, Looks::common);
    write.handler = [&object](api::Call call) { return answer_named(&object, std::move(call)); };
    routes.push_back(std::move(write));
  }
  routes.push_back(read_route(parts, "/v1/acl/token/self", "", own_token, nothing));
  routes.push_back(read_route(parts, "/v1/acl/policy/self", "", own_policies, nothing));
}

}  // namespace drover::server
