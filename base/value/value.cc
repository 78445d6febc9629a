#include "base/value/value.h"

#include <algorithm>

namespace drover {

const Value* Value::find(std::string_view key) const {
  if (!is_map()) return nullptr;
  const auto found = std::ranges::find(members(), key, &Member::first);
  return found == members().end() ? nullptr : &found->second;
}

Value* Value::find(std::string_view key) { return const_cast<Value*>(std::as_const(*this).find(key)); }

Value& Value::set(std::string_view key, Value value) {
  if (is_null()) data_ = Map{};
  if (Value* existing = find(key)) {
    *existing = std::move(value);
  } else {
    members().emplace_back(std::string(key), std::move(value));
  }
  return *this;
}

Value& Value::push(Value value) {
  if (is_null()) data_ = List{};
  items().push_back(std::move(value));
  return *this;
}

std::string_view to_text(Value::Kind kind) {
  constexpr std::string_view names[] = {"null", "bool", "integer", "number", "string", "list", "map"};
  return names[static_cast<std::size_t>(kind)];
}

}  // namespace drover
