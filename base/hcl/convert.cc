#include "base/hcl/convert.h"

#include <algorithm>
#include <set>

namespace drover::hcl {
namespace {

std::string need(Kind kind) {
  switch (kind) {
    case Kind::string: return "string required";
    case Kind::number: return "a number is required";
    case Kind::boolean: return "a bool is required";
    case Kind::list: return "list required";
    case Kind::set: return "set required";
    case Kind::map: return "map required";
    case Kind::tuple: return "tuple required";
    case Kind::object: return "object required";
    case Kind::dynamic: return "";
  }
  return "";
}

Error mismatch(const Datum& datum, const Type& wanted) {
  const bool shaped = !datum.type().is_primitive() || !wanted.is_primitive();
  return fail(Code::invalid, "{}{}", need(wanted.kind()), shaped ? ", but have " + to_text(datum.type()) : "");
}

Result<Datum> to_primitive(const Datum& datum, const Type& wanted) {
  if (wanted.is(Kind::string)) {
    if (datum.kind() == Kind::number) return Datum(datum.number().to_text());
    if (datum.kind() == Kind::boolean) return Datum(datum.boolean() ? "true" : "false");
  }
  if (wanted.is(Kind::number) && datum.kind() == Kind::string)
    if (const auto number = Number::parse(datum.text())) return Datum(*number);
  if (wanted.is(Kind::boolean) && datum.kind() == Kind::string) {
    const std::string& text = datum.text();
    if (text == "true" || text == "1") return Datum(true);
    if (text == "false" || text == "0") return Datum(false);
    for (const char* word : {"true", "false"})
      if (text.size() == std::string_view(word).size() &&
          std::equal(text.begin(), text.end(), word, [](char a, char b) { return (a | 0x20) == b; }))
        return fail(Code::invalid, "a bool is required; to convert from string, use lowercase \"{}\"", word);
  }
  return mismatch(datum, wanted);
}

/// Converts every element; for `dynamic` they are unified first.
Result<Datum::List> converted_items(const Datum& datum, Type& element) {
  if (element.is(Kind::dynamic)) {
    std::vector<Type> types;
    for (const Datum& item : datum.items()) types.push_back(item.type());
    const auto common = types.empty() ? (datum.type().is_collection() ? datum.type().element() : Type()) : unify(types);
    if (!common) return fail(Code::invalid, "all list elements must have the same type");
    element = *common;
  }
  Datum::List out;
  std::size_t index = 0;
  for (const Datum& item : datum.items()) {
    Result<Datum> value = convert(item, element);
    if (!value) return value.error().within(text("element {}", index));
    out.push_back(std::move(value).value());
    ++index;
  }
  return out;
}

Result<Datum> to_map(const Datum& datum, Type element) {
  if (!datum.is_mapping()) return mismatch(datum, Type::map(element));
  if (element.is(Kind::dynamic)) {
    std::vector<Type> types;
    for (const auto& [name, item] : datum.members()) types.push_back(item.type());
    const auto common = types.empty() ? (datum.kind() == Kind::map ? datum.type().element() : Type()) : unify(types);
    if (!common) return fail(Code::invalid, "all map elements must have the same type");
    element = *common;
  }
  Datum::Map out;
  for (const auto& [name, item] : datum.members()) {
    Result<Datum> value = convert(item, element);
    if (!value) return value.error().within(text("element \"{}\"", name));
    out.emplace(name, std::move(value).value());
  }
  return Datum::map(std::move(element), std::move(out));
}

Result<Datum> to_object(const Datum& datum, const Type& wanted) {
  if (!datum.is_mapping()) return mismatch(datum, wanted);
  Datum::Map out;
  for (const Type::Attribute& attribute : wanted.attributes()) {
    const auto at = datum.members().find(attribute.name);
    if (at == datum.members().end()) {
      if (!attribute.optional) return fail(Code::invalid, "attribute \"{}\" is required", attribute.name);
      out.emplace(attribute.name, attribute.when_missing.is_null() ? Datum::null(attribute.type) : attribute.when_missing);
      continue;
    }
    Result<Datum> value = convert(at->second, attribute.type);
    if (!value) return value.error().within(text("attribute \"{}\"", attribute.name));
    out.emplace(attribute.name, std::move(value).value());
  }
  return Datum::object(std::move(out));
}

Result<Datum> to_tuple(const Datum& datum, const Type& wanted) {
  const bool sequence = datum.kind() == Kind::tuple || datum.kind() == Kind::list;
  if (!sequence) return mismatch(datum, wanted);
  if (datum.items().size() != wanted.items().size()) return fail(Code::invalid, "a tuple of {} elements is required, but have {}", wanted.items().size(), datum.items().size());
  Datum::List out;
  for (std::size_t i = 0; i < datum.items().size(); ++i) {
    Result<Datum> value = convert(datum.items()[i], wanted.items()[i]);
    if (!value) return value.error().within(text("element {}", i));
    out.push_back(std::move(value).value());
  }
  return Datum::tuple(std::move(out));
}

bool all_of_kinds(const std::vector<Type>& types, std::initializer_list<Kind> kinds) {
  return std::all_of(types.begin(), types.end(), [&](const Type& type) { return std::find(kinds.begin(), kinds.end(), type.kind()) != kinds.end(); });
}

bool any_of_kind(const std::vector<Type>& types, Kind kind) {
  return std::any_of(types.begin(), types.end(), [&](const Type& type) { return type.is(kind); });
}

/// The types of everything inside, to be unified into one element type.
std::vector<Type> inner_types(const std::vector<Type>& types) {
  std::vector<Type> out;
  for (const Type& type : types) {
    if (type.is_collection()) out.push_back(type.element());
    if (type.is(Kind::tuple)) out.insert(out.end(), type.items().begin(), type.items().end());
    if (type.is(Kind::object))
      for (const Type::Attribute& attribute : type.attributes()) out.push_back(attribute.type);
  }
  return out;
}

std::optional<Type> unify_inner(const std::vector<Type>& types, Type (*wrap)(Type)) {
  const std::optional<Type> element = unify(inner_types(types));
  return element ? std::optional(wrap(*element)) : std::nullopt;
}

std::optional<Type> unify_objects(const std::vector<Type>& types) {
  Type::Attributes out;
  for (const Type::Attribute& attribute : types[0].attributes()) {
    std::vector<Type> column;
    for (const Type& type : types) {
      const Type::Attribute* same = type.attribute(attribute.name);
      if (!same || type.attributes().size() != types[0].attributes().size()) return unify_inner(types, &Type::map);
      column.push_back(same->type);
    }
    const std::optional<Type> type = unify(column);
    if (!type) return std::nullopt;
    out.push_back(Type::Attribute{attribute.name, *type, false, {}});
  }
  for (const Type& type : types)
    if (type.attributes().size() != out.size()) return unify_inner(types, &Type::map);
  return Type::object(std::move(out));
}

std::optional<Type> unify_tuples(const std::vector<Type>& types) {
  std::vector<Type> out;
  for (const Type& type : types)
    if (type.items().size() != types[0].items().size()) return unify_inner(types, &Type::list);
  for (std::size_t i = 0; i < types[0].items().size(); ++i) {
    std::vector<Type> column;
    for (const Type& type : types) column.push_back(type.items()[i]);
    const std::optional<Type> type = unify(column);
    if (!type) return std::nullopt;
    out.push_back(*type);
  }
  return Type::tuple(std::move(out));
}

}  // namespace

Result<Datum> convert(const Datum& datum, const Type& wanted) {
  if (datum.is_unknown() || datum.type() == wanted) return datum;
  if (datum.is_null()) return wanted.is(Kind::dynamic) ? datum : Datum::null(wanted);
  switch (wanted.kind()) {
    case Kind::dynamic: return datum;
    case Kind::string: case Kind::number: case Kind::boolean: return to_primitive(datum, wanted);
    case Kind::list: case Kind::set: {
      if (!datum.type().is_sequence()) return mismatch(datum, wanted);
      Type element = wanted.element();
      DROVER_LET(Datum::List items, converted_items(datum, element));
      return wanted.is(Kind::list) ? Datum::list(element, std::move(items)) : Datum::set(element, std::move(items));
    }
    case Kind::map: return to_map(datum, wanted.element());
    case Kind::tuple: return to_tuple(datum, wanted);
    case Kind::object: return to_object(datum, wanted);
  }
  return datum;
}

bool convertible(const Type& from, const Type& wanted) {
  if (from == wanted || from.is(Kind::dynamic) || wanted.is(Kind::dynamic)) return true;
  switch (wanted.kind()) {
    case Kind::string: return from.is_primitive();
    case Kind::number: case Kind::boolean: return from.is(Kind::string);
    case Kind::list: case Kind::set: {
      if (!from.is_sequence()) return false;
      const std::vector<Type> inner = inner_types({from});
      return std::all_of(inner.begin(), inner.end(), [&](const Type& type) { return convertible(type, wanted.element()); });
    }
    case Kind::map: {
      if (!from.is(Kind::map) && !from.is(Kind::object)) return false;
      const std::vector<Type> inner = inner_types({from});
      return std::all_of(inner.begin(), inner.end(), [&](const Type& type) { return convertible(type, wanted.element()); });
    }
    case Kind::tuple: {
      if (from.is(Kind::list)) return true;
      if (!from.is(Kind::tuple) || from.items().size() != wanted.items().size()) return false;
      for (std::size_t i = 0; i < from.items().size(); ++i)
        if (!convertible(from.items()[i], wanted.items()[i])) return false;
      return true;
    }
    case Kind::object: {
      if (from.is(Kind::map)) return true;
      if (!from.is(Kind::object)) return false;
      return std::all_of(wanted.attributes().begin(), wanted.attributes().end(), [&](const Type::Attribute& attribute) {
        const Type::Attribute* own = from.attribute(attribute.name);
        return own ? convertible(own->type, attribute.type) : attribute.optional;
      });
    }
    case Kind::dynamic: break;
  }
  return true;
}

std::optional<Type> unify(const std::vector<Type>& all) {
  std::vector<Type> types;
  for (const Type& type : all)
    if (!type.is(Kind::dynamic)) types.push_back(type);
  if (types.empty()) return Type();
  if (std::all_of(types.begin(), types.end(), [&](const Type& type) { return type == types[0]; })) return types[0];
  if (all_of_kinds(types, {Kind::map, Kind::object}) && any_of_kind(types, Kind::map)) return unify_inner(types, &Type::map);
  if (all_of_kinds(types, {Kind::list, Kind::tuple}) && any_of_kind(types, Kind::list)) return unify_inner(types, &Type::list);
  if (all_of_kinds(types, {Kind::set, Kind::tuple}) && any_of_kind(types, Kind::set)) return unify_inner(types, &Type::set);
  if (all_of_kinds(types, {Kind::object})) return unify_objects(types);
  if (all_of_kinds(types, {Kind::tuple})) return unify_tuples(types);
  if (!all_of_kinds(types, {Kind::string, Kind::number, Kind::boolean})) {
    for (const Type& candidate : types)
      if (!candidate.is_primitive() && std::all_of(types.begin(), types.end(), [&](const Type& type) { return convertible(type, candidate); })) return candidate;
    return std::nullopt;
  }
  if (any_of_kind(types, Kind::string)) return Type(Kind::string);
  return std::nullopt;
}

}  // namespace drover::hcl
