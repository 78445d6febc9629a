#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "api/route.h"
#include "base/value/value.h"

/// Small request bodies, read member by member.
namespace drover::server {

/// The object in a request's body; null when it is empty JSON (`null`).
struct Body {
  Value value;
  std::optional<http::Response> refusal;  ///< the answer to a body that is missing or no object
};
Body body_of(const api::Call& call);

/// What is wrong with the body of a call that could not be read: in the words that clients know where it is no JSON, or
/// no object at all; else those of `error`.
std::string json_problem(const Error& error, const api::Call& call);

/// A member whose name is `key` in any case; null when it is absent or null.
const Value* member(const Value& object, std::string_view key);
/// The same as text, truth or number; empty, false or nothing when it is absent or something else.
std::string text_member(const Value& object, std::string_view key);
bool bool_member(const Value& object, std::string_view key);
std::optional<std::int64_t> int_member(const Value& object, std::string_view key);

}  // namespace drover::server
