#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include <boost/json.hpp>
#include <drover/result.h>

/// Reading what an engine says: absent members and members of another type read as nothing. For source files only.
namespace drover::docker {

namespace json = boost::json;

/// `invalid` names what was read.
inline Result<json::value> parse_json(std::string_view text, std::string_view what) {
  boost::system::error_code error;
  json::value value = json::parse(json::string_view(text.data(), text.size()), error);
  if (error) return fail(Code::invalid, "{} is no JSON: {}", what, error.message());
  return value;
}

/// The member at a path "State.Health.Status"; null where there is none.
inline const json::value& at(const json::value& value, std::string_view path) {
  static const json::value nothing;
  const json::value* here = &value;
  while (!path.empty()) {
    const std::size_t dot = std::min(path.find('.'), path.size());
    const json::object* object = here->if_object();
    if (object == nullptr) return nothing;
    here = object->if_contains(json::string_view(path.data(), dot));
    if (here == nullptr) return nothing;
    path.remove_prefix(std::min(path.size(), dot + 1));
  }
  return *here;
}

inline std::string text_at(const json::value& value, std::string_view path) {
  const json::string* found = at(value, path).if_string();
  return found == nullptr ? std::string() : std::string(found->data(), found->size());
}

inline std::int64_t integer_at(const json::value& value, std::string_view path) {
  const json::value& found = at(value, path);
  if (const auto* number = found.if_int64()) return *number;
  if (const auto* number = found.if_uint64()) return *number > INT64_MAX ? INT64_MAX : static_cast<std::int64_t>(*number);
  if (const auto* number = found.if_double()) return static_cast<std::int64_t>(*number);
  return 0;
}

inline bool bool_at(const json::value& value, std::string_view path) {
  const bool* found = at(value, path).if_bool();
  return found != nullptr && *found;
}

inline std::map<std::string, std::string> texts_at(const json::value& value, std::string_view path) {
  std::map<std::string, std::string> out;
  const json::object* object = at(value, path).if_object();
  if (object == nullptr) return out;
  for (const auto& member : *object) {
    if (const json::string* text = member.value().if_string()) out.emplace(std::string(member.key()), std::string(text->data(), text->size()));
  }
  return out;
}

inline json::object to_json(const std::map<std::string, std::string>& texts) {
  json::object out;
  for (const auto& [key, value] : texts) out[key] = value;
  return out;
}

inline json::array to_json(const std::vector<std::string>& texts) {
  json::array out;
  for (const std::string& text : texts) out.emplace_back(text);
  return out;
}

}  // namespace drover::docker
