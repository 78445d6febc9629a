#include "base/hcl/datum.h"

#include <algorithm>
#include <cmath>

#include "base/hcl/unicode.h"

namespace drover::hcl {

struct Type::Parts {
  std::vector<Type> types;
  Attributes attributes;
};

Type Type::list(Type element) { return Type(Kind::list, std::make_shared<Parts>(Parts{{std::move(element)}, {}})); }
Type Type::set(Type element) { return Type(Kind::set, std::make_shared<Parts>(Parts{{std::move(element)}, {}})); }
Type Type::map(Type element) { return Type(Kind::map, std::make_shared<Parts>(Parts{{std::move(element)}, {}})); }
Type Type::tuple(std::vector<Type> items) { return Type(Kind::tuple, std::make_shared<Parts>(Parts{std::move(items), {}})); }
Type Type::object(Attributes attributes) {
  std::sort(attributes.begin(), attributes.end(), [](const Attribute& a, const Attribute& b) { return a.name < b.name; });
  return Type(Kind::object, std::make_shared<Parts>(Parts{{}, std::move(attributes)}));
}

const Type& Type::element() const {
  DROVER_ASSERT(is_collection());
  return parts_->types[0];
}

const std::vector<Type>& Type::items() const {
  DROVER_ASSERT(kind_ == Kind::tuple);
  return parts_->types;
}

const Type::Attributes& Type::attributes() const {
  DROVER_ASSERT(kind_ == Kind::object);
  return parts_->attributes;
}

const Type::Attribute* Type::attribute(std::string_view name) const {
  for (const Attribute& attribute : attributes())
    if (attribute.name == name) return &attribute;
  return nullptr;
}

bool operator==(const Type& a, const Type& b) {
  if (a.kind_ != b.kind_) return false;
  if (a.parts_ == b.parts_) return true;
  return a.parts_ && b.parts_ && a.parts_->types == b.parts_->types && a.parts_->attributes == b.parts_->attributes;
}

std::string to_text(const Type& type) {
  switch (type.kind()) {
    case Kind::dynamic: return "dynamic";
    case Kind::string: return "string";
    case Kind::number: return "number";
    case Kind::boolean: return "bool";
    case Kind::list: return "list of " + to_text(type.element());
    case Kind::set: return "set of " + to_text(type.element());
    case Kind::map: return "map of " + to_text(type.element());
    case Kind::tuple: return "tuple";
    case Kind::object: return "object";
  }
  return "";
}

Datum::Datum(std::string_view value) : type_(Kind::string), state_(State::known), data_(unicode::normalize(value)) {}

Datum Datum::list(Type element, List items) {
  Datum out(Type::list(std::move(element)), State::known);
  out.data_ = std::move(items);
  return out;
}

Datum Datum::set(Type element, List items) {
  std::sort(items.begin(), items.end(), &Datum::before);
  items.erase(std::unique(items.begin(), items.end()), items.end());
  Datum out(Type::set(std::move(element)), State::known);
  out.data_ = std::move(items);
  return out;
}

Datum Datum::map(Type element, Map members) {
  Datum out(Type::map(std::move(element)), State::known);
  out.data_ = std::move(members);
  return out;
}

Datum Datum::tuple(List items) {
  std::vector<Type> types;
  types.reserve(items.size());
  for (const Datum& item : items) types.push_back(item.type());
  Datum out(Type::tuple(std::move(types)), State::known);
  out.data_ = std::move(items);
  return out;
}

Datum Datum::object(Map members) {
  Type::Attributes attributes;
  attributes.reserve(members.size());
  for (const auto& [name, value] : members) attributes.push_back(Type::Attribute{name, value.type(), false, {}});
  Datum out(Type::object(std::move(attributes)), State::known);
  out.data_ = std::move(members);
  return out;
}

bool operator==(const Datum& a, const Datum& b) {
  if (a.is_null() || b.is_null()) return a.is_null() && b.is_null();
  return a.state_ == b.state_ && a.type_ == b.type_ && a.data_ == b.data_;
}

bool Datum::before(const Datum& a, const Datum& b) {
  if (a.state_ != b.state_) return a.state_ < b.state_;
  if (a.data_.index() != b.data_.index()) return a.data_.index() < b.data_.index();
  switch (a.data_.index()) {
    case 1: return !a.boolean() && b.boolean();
    case 2: return a.number() < b.number();
    case 3: return a.text() < b.text();
    case 4: return std::lexicographical_compare(a.items().begin(), a.items().end(), b.items().begin(), b.items().end(), &Datum::before);
    case 5:
      return std::lexicographical_compare(a.members().begin(), a.members().end(), b.members().begin(), b.members().end(), [](const auto& x, const auto& y) {
        return x.first != y.first ? x.first < y.first : before(x.second, y.second);
      });
    default: return false;
  }
}

Result<Value> to_value(const Datum& datum) {
  if (!datum.is_known()) return Value();
  switch (datum.kind()) {
    case Kind::boolean: return Value(datum.boolean());
    case Kind::string: return Value(datum.text());
    case Kind::number: {
      const Number& number = datum.number();
      if (const auto whole = number.to_int64()) return Value(*whole);
      const double real = number.to_double();
      if (!std::isfinite(real)) return fail(Code::invalid, "a number beyond the range of a double cannot be stored");
      return Value(real);
    }
    case Kind::list: case Kind::set: case Kind::tuple: {
      Value out = Value::list();
      for (const Datum& item : datum.items()) {
        DROVER_LET(Value value, to_value(item));
        out.push(std::move(value));
      }
      return out;
    }
    case Kind::map: case Kind::object: {
      Value::Map out;
      for (const auto& [name, item] : datum.members()) {
        DROVER_LET(Value value, to_value(item));
        out.emplace_back(name, std::move(value));
      }
      return Value(std::move(out));
    }
    case Kind::dynamic: break;
  }
  return Value();
}

Datum from_value(const Value& value) {
  switch (value.kind()) {
    case Value::Kind::null: return Datum::null();
    case Value::Kind::boolean: return Datum(value.boolean());
    case Value::Kind::integer: return Datum(value.integer());
    case Value::Kind::real: return Datum(Number(value.real()));
    case Value::Kind::text: return Datum(value.text());
    case Value::Kind::list: {
      Datum::List items;
      for (const Value& item : value.items()) items.push_back(from_value(item));
      return Datum::tuple(std::move(items));
    }
    case Value::Kind::map: {
      Datum::Map members;
      for (const auto& [name, item] : value.members()) members.insert_or_assign(unicode::normalize(name), from_value(item));
      return Datum::object(std::move(members));
    }
  }
  return Datum::null();
}

}  // namespace drover::hcl
