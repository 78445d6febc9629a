#include "server/http/json_body.h"

#include <algorithm>

#include "api/answer.h"
#include "base/json/json.h"
#include "server/http/json_words.h"

namespace drover::server {
namespace {

bool same_name(std::string_view a, std::string_view b) {
  constexpr auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

/// What clients know the body of a request as.
struct Shape {
  std::string_view path;  ///< a `*` takes one element or more
  std::string_view name;
};

constexpr Shape shapes[] = {
    {"/v1/jobs", "api.JobRegisterRequest"},
    {"/v1/jobs/parse", "api.JobsParseRequest"},
    {"/v1/jobs/statuses", "api.JobStatusesRequest"},
    {"/v1/validate/job", "api.JobValidateRequest"},
    {"/v1/job/*/plan", "api.JobPlanRequest"},
    {"/v1/job/*/evaluate", "structs.JobEvaluateRequest"},
    {"/v1/job/*/versions/*/tag", "api.TagVersionRequest"},
    {"/v1/job/*/revert", "structs.JobRevertRequest"},
    {"/v1/job/*/stable", "structs.JobStabilityRequest"},
    {"/v1/job/*/scale", "api.ScalingRequest"},
    {"/v1/job/*/dispatch", "structs.JobDispatchRequest"},
    {"/v1/job/*", "api.JobRegisterRequest"},
    {"/v1/client/allocation/*/restart", "struct { TaskName string; AllTasks bool }"},
    {"/v1/client/allocation/*/signal", "structs.AllocSignalRequest"},
    {"/v1/client/allocation/*/pause", "struct { Task string; ScheduleState string }"},
    {"/v1/node/*/drain", "api.NodeUpdateDrainRequest"},
    {"/v1/node/*/eligibility", "structs.NodeUpdateEligibilityRequest"},
    {"/v1/deployment/pause/*", "structs.DeploymentPauseRequest"},
    {"/v1/deployment/promote/*", "structs.DeploymentPromoteRequest"},
    {"/v1/deployment/unblock/*", "structs.DeploymentUnblockRequest"},
    {"/v1/deployment/allocation-health/*", "structs.DeploymentAllocHealthRequest"},
    {"/v1/search", "structs.SearchRequest"},
    {"/v1/search/fuzzy", "structs.FuzzySearchRequest"},
    {"/v1/acl/token/onetime/exchange", "structs.OneTimeTokenExchangeRequest"},
    {"/v1/acl/token", "struct { ExpirationTTL interface {}; Hash string; *structs.Alias }"},
    {"/v1/acl/token/*", "struct { ExpirationTTL interface {}; Hash string; *structs.Alias }"},
    {"/v1/acl/policy/*", "structs.ACLPolicy"},
    {"/v1/acl/role", "structs.ACLRole"},
    {"/v1/acl/role/*", "structs.ACLRole"},
    {"/v1/acl/auth-method", "struct { MaxTokenTTL interface {}; *structs.Alias }"},
    {"/v1/acl/auth-method/*", "struct { MaxTokenTTL interface {}; *structs.Alias }"},
    {"/v1/acl/binding-rule", "structs.ACLBindingRule"},
    {"/v1/acl/binding-rule/*", "structs.ACLBindingRule"},
    {"/v1/acl/oidc/auth-url", "structs.ACLOIDCAuthURLRequest"},
    {"/v1/acl/oidc/complete-auth", "structs.ACLOIDCCompleteAuthRequest"},
    {"/v1/acl/login", "structs.ACLLoginRequest"},
    {"/v1/agent/keyring/*", "structs.KeyringRequest"},
    {"/v1/operator/scheduler/configuration", "api.SchedulerConfiguration"},
};

bool fits(std::string_view pattern, std::string_view path) {
  const std::size_t star = pattern.find('*');
  if (star == std::string_view::npos) return pattern == path;
  if (!path.starts_with(pattern.substr(0, star))) return false;
  pattern.remove_prefix(star + 1);
  path.remove_prefix(star);
  if (pattern.find('*') == std::string_view::npos) return path.size() > pattern.size() && path.ends_with(pattern);
  for (std::size_t at = 1; at < path.size(); ++at) {
    if (path.substr(at).starts_with(pattern.substr(0, pattern.find('*'))) && fits(pattern, path.substr(at))) return true;
  }
  return false;
}

/// What a JSON text is, by its first character; "" for an object and for null.
std::string_view kind_of(std::string_view json) {
  const std::size_t first = json.find_first_not_of(" \t\r\n");
  if (first == std::string_view::npos) return "";
  switch (json[first]) {
    case '[': return "array";
    case '"': return "string";
    case 't':
    case 'f': return "bool";
    case '{':
    case 'n': return "";
    default: return "number";
  }
}

/// The refusal of a body that is no object, in the words that clients of the route know; "" where there are none.
std::string wrong_shape(std::string_view path, std::string_view body) {
  const std::string_view kind = kind_of(body);
  if (kind.empty()) return "";
  const auto found = std::ranges::find_if(shapes, [path](const Shape& shape) { return fits(shape.path, path); });
  return found == std::end(shapes) ? "" : text("json: cannot unmarshal {} into Go value of type {}", kind, found->name);
}

}  // namespace

std::string json_problem(const Error& error, const api::Call& call) {
  std::string problem = json_syntax_problem(call.request.body);
  if (problem.empty()) problem = wrong_shape(call.request.path, call.request.body);
  return problem.empty() ? error.message : problem;
}

Body body_of(const api::Call& call) {
  if (call.request.body.empty()) return {.value = {}, .refusal = api::refuse(400, "Request body is empty")};
  Result<Value> value = json::parse(call.request.body);
  if (!value) return {.value = {}, .refusal = api::refuse(400, json_problem(value.error(), call))};
  if (!value->is_map() && !value->is_null()) {
    const Error error = fail(Code::invalid, "expected an object, found a {}", to_text(value->kind()));
    return {.value = {}, .refusal = api::refuse(400, json_problem(error, call))};
  }
  return {.value = std::move(*value), .refusal = std::nullopt};
}

const Value* member(const Value& object, std::string_view key) {
  if (!object.is_map()) return nullptr;
  for (const auto& [name, value] : object.members()) {
    if (same_name(name, key)) return value.is_null() ? nullptr : &value;
  }
  return nullptr;
}

std::string text_member(const Value& object, std::string_view key) {
  const Value* found = member(object, key);
  return found && found->is_text() ? found->text() : "";
}

bool bool_member(const Value& object, std::string_view key) {
  const Value* found = member(object, key);
  return found && found->is_bool() && found->boolean();
}

std::optional<std::int64_t> int_member(const Value& object, std::string_view key) {
  const Value* found = member(object, key);
  if (!found || !found->is_integer()) return std::nullopt;
  return found->integer();
}

}  // namespace drover::server
