#include "sdk/src/schema.h"

#include <charconv>
#include <cmath>

namespace drover::sdk {
namespace {

namespace hclspec = hashicorp::nomad::plugins::shared::hclspec;

const Value null_value;

const Value& at(const void* value) { return *static_cast<const Value*>(value); }

Error mismatch(const ConfigValue& value, const void* found, std::string_view wanted) {
  return fail(Code::invalid, "{} must be {}, not {}", value.path(), wanted, to_text(at(found).kind()));
}

template <class T>
bool parse_all(const std::string& text, T& number) {
  const char* end = text.data() + text.size();
  const auto [stopped, error] = std::from_chars(text.data(), end, number);
  return error == std::errc() && stopped == end && !text.empty();
}

void to_wire(const ConfigField& field, hclspec::Spec& spec) {
  switch (field.kind) {
    case ConfigField::Kind::attribute: {
      hclspec::Spec* own = &spec;
      if (!field.default_literal.empty()) {
        own = spec.mutable_default_()->mutable_primary();
        spec.mutable_default_()->mutable_default_()->mutable_literal()->set_value(field.default_literal);
      }
      own->mutable_attr()->set_name(field.name);
      own->mutable_attr()->set_type(field.type);
      own->mutable_attr()->set_required(field.is_required);
      return;
    }
    case ConfigField::Kind::block:
      spec.mutable_block_value()->set_name(field.name);
      spec.mutable_block_value()->set_required(field.is_required);
      return to_wire(*field.nested, *spec.mutable_block_value()->mutable_nested());
    case ConfigField::Kind::block_list:
      spec.mutable_block_list()->set_name(field.name);
      spec.mutable_block_list()->set_min_items(field.is_required ? 1 : 0);
      return to_wire(*field.nested, *spec.mutable_block_list()->mutable_nested());
  }
}

}  // namespace

void to_wire(const ConfigSchema& schema, hclspec::Spec& spec) {
  auto& attributes = *spec.mutable_object()->mutable_attributes();
  for (const ConfigField& field : schema.fields) to_wire(field, attributes[field.name]);
}

bool ConfigValue::is_null() const { return value_ == nullptr || at(value_).is_null(); }

Result<std::string> ConfigValue::text() const {
  const Value& value = at(value_);
  if (value.is_text()) return value.text();
  if (value.is_bool()) return std::string(value.boolean() ? "true" : "false");
  if (value.is_integer()) return std::to_string(value.integer());
  if (value.is_real()) return drover::text("{}", value.real());
  return mismatch(*this, value_, "a string");
}

Result<bool> ConfigValue::boolean() const {
  const Value& value = at(value_);
  if (value.is_bool()) return value.boolean();
  if (value.is_text() && (value.text() == "true" || value.text() == "1")) return true;
  if (value.is_text() && (value.text() == "false" || value.text() == "0")) return false;
  if (value.is_integer() && (value.integer() == 0 || value.integer() == 1)) return value.integer() == 1;
  return mismatch(*this, value_, "true or false");
}

Result<std::int64_t> ConfigValue::integer() const {
  const Value& value = at(value_);
  if (value.is_integer()) return value.integer();
  if (value.is_real() && std::trunc(value.real()) == value.real() && std::abs(value.real()) < 9e18) {
    return static_cast<std::int64_t>(value.real());
  }
  std::int64_t number = 0;
  if (value.is_text() && parse_all(value.text(), number)) return number;
  if (value.is_text() || value.is_real()) {
    return fail(Code::invalid, "{} must be a whole number, not {}", path_, text().value());
  }
  return mismatch(*this, value_, "a whole number");
}

Result<double> ConfigValue::real() const {
  const Value& value = at(value_);
  if (value.is_number()) return value.real();
  double number = 0;
  if (value.is_text() && parse_all(value.text(), number)) return number;
  return mismatch(*this, value_, "a number");
}

Result<std::vector<ConfigValue>> ConfigValue::items() const {
  const Value& value = at(value_);
  if (!value.is_list()) return mismatch(*this, value_, "a list");
  std::vector<ConfigValue> items;
  for (const Value& item : value.items()) items.emplace_back(&item, path_ + "[" + std::to_string(items.size()) + "]");
  return items;
}

Result<std::vector<std::pair<std::string, ConfigValue>>> ConfigValue::members() const {
  const Value& value = at(value_);
  if (!value.is_map()) return mismatch(*this, value_, "a map");
  std::vector<std::pair<std::string, ConfigValue>> members;
  for (const auto& [key, member] : value.members()) members.emplace_back(key, ConfigValue(&member, path_ + "." + key));
  return members;
}

Result<ConfigValue> ConfigValue::member(std::string_view name) const {
  const Value& value = at(value_);
  if (!value.is_map() && !value.is_null()) return mismatch(*this, value_, "a map");
  const Value* found = value.find(name);
  return ConfigValue(found != nullptr ? found : &null_value, path_ + "." + std::string(name));
}

namespace detail {

std::string quoted_literal(std::string_view text) {
  std::string out = "\"";
  for (std::size_t i = 0; i < text.size(); ++i) {
    const char c = text[i];
    if (c == '"' || c == '\\') out += '\\';
    if (c == '\n') {
      out += "\\n";
      continue;
    }
    out += c;
    const bool template_start = (c == '$' || c == '%') && i + 1 < text.size() && text[i + 1] == '{';
    if (template_start) out += c;  // "$${" stands for "${"
  }
  return out + "\"";
}

}  // namespace detail
}  // namespace drover::sdk
