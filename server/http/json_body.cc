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

}  // namespace

std::string json_problem(const Error& error, std::string_view body) {
  std::string problem = json_syntax_problem(body);
  return problem.empty() ? error.message : problem;
}

Body body_of(const api::Call& call) {
  if (call.request.body.empty()) return {.value = {}, .refusal = api::refuse(400, "Request body is empty")};
  Result<Value> value = json::parse(call.request.body);
  if (!value) return {.value = {}, .refusal = api::refuse(400, json_problem(value.error(), call.request.body))};
  if (!value->is_map() && !value->is_null()) {
    return {.value = {}, .refusal = api::refuse(400, text("expected an object, found a {}", to_text(value->kind())))};
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
