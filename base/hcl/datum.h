#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

#include <drover/result.h>

#include "base/hcl/number.h"
#include "base/value/value.h"

/// What expressions evaluate to. Beyond drover::Value, a datum knows its type: lists, sets and maps hold one element
/// type, tuples and objects a type each, and null has a type too.
namespace drover::hcl {

enum class Kind : std::uint8_t { dynamic, string, number, boolean, list, set, map, tuple, object };

/// The type of a datum. `dynamic` is the type of a bare null, and "any" in a constraint. A value; cheap to copy.
class Type {
 public:
  struct Attribute;
  using Attributes = std::vector<Attribute>;  ///< sorted by name

  Type(Kind primitive = Kind::dynamic) : kind_(primitive) {}  // NOLINT: conversions are the point
  static Type list(Type element);
  static Type set(Type element);
  static Type map(Type element);
  static Type tuple(std::vector<Type> items);
  static Type object(Attributes attributes);

  Kind kind() const { return kind_; }
  bool is(Kind kind) const { return kind_ == kind; }
  bool is_primitive() const { return kind_ == Kind::string || kind_ == Kind::number || kind_ == Kind::boolean; }
  bool is_collection() const { return kind_ == Kind::list || kind_ == Kind::set || kind_ == Kind::map; }
  bool is_sequence() const { return kind_ == Kind::list || kind_ == Kind::set || kind_ == Kind::tuple; }

  const Type& element() const;             ///< of a collection
  const std::vector<Type>& items() const;  ///< of a tuple
  const Attributes& attributes() const;    ///< of an object
  const Attribute* attribute(std::string_view name) const;

  friend bool operator==(const Type& a, const Type& b);

 private:
  struct Parts;
  Type(Kind kind, std::shared_ptr<const Parts> parts) : kind_(kind), parts_(std::move(parts)) {}

  Kind kind_;
  std::shared_ptr<const Parts> parts_;
};

/// "string", "list of number", "object", "tuple": for messages.
std::string to_text(const Type& type);

/// A typed value, null, or unknown (what stands for the result of an expression that failed).
class Datum {
 public:
  using List = std::vector<Datum>;
  using Map = std::map<std::string, Datum, std::less<>>;

  /// Null of the given type.
  static Datum null(Type type = Kind::dynamic) { return Datum(std::move(type), State::null); }
  static Datum unknown() { return Datum(Kind::dynamic, State::unknown); }

  Datum() : Datum(Kind::dynamic, State::null) {}
  Datum(bool value) : type_(Kind::boolean), state_(State::known), data_(value) {}               // NOLINT
  Datum(Number value) : type_(Kind::number), state_(State::known), data_(std::move(value)) {}   // NOLINT
  Datum(std::int64_t value) : Datum(Number(value)) {}                                           // NOLINT
  Datum(std::string_view value);                                                                // NOLINT
  Datum(const std::string& value) : Datum(std::string_view(value)) {}                           // NOLINT
  Datum(const char* value) : Datum(std::string_view(value)) {}                                  // NOLINT

  /// All elements must have the element type (or be null of it).
  static Datum list(Type element, List items);
  /// Sorts, and drops repeated elements.
  static Datum set(Type element, List items);
  static Datum map(Type element, Map members);
  static Datum tuple(List items);
  static Datum object(Map members);

  const Type& type() const { return type_; }
  Kind kind() const { return type_.kind(); }
  bool is_null() const { return state_ == State::null; }
  bool is_unknown() const { return state_ == State::unknown; }
  bool is_known() const { return state_ == State::known; }
  bool is_string() const { return is_known() && kind() == Kind::string; }
  bool is_sequence() const { return is_known() && type_.is_sequence(); }
  bool is_mapping() const { return is_known() && (kind() == Kind::map || kind() == Kind::object); }

  // Reading another kind than the one held is a programmer's error.
  bool boolean() const { return std::get<bool>(data_); }
  const Number& number() const { return std::get<Number>(data_); }
  const std::string& text() const { return std::get<std::string>(data_); }
  const List& items() const { return std::get<List>(data_); }
  const Map& members() const { return std::get<Map>(data_); }

  /// Equal in type and value; nulls are equal whatever their types.
  friend bool operator==(const Datum& a, const Datum& b);
  /// A stable order of any two data: the order of the elements of a set.
  static bool before(const Datum& a, const Datum& b);

 private:
  enum class State : std::uint8_t { null, unknown, known };
  Datum(Type type, State state) : type_(std::move(type)), state_(state) {}

  Type type_;
  State state_;
  std::variant<std::monostate, bool, Number, std::string, List, Map> data_;
};

struct Type::Attribute {
  std::string name;
  Type type;
  bool optional = false;
  Datum when_missing;  ///< of an optional attribute; null where none was given

  friend bool operator==(const Attribute& a, const Attribute& b) { return a.name == b.name && a.type == b.type && a.optional == b.optional; }
};

/// The datum as a schema-less value. Fails for infinite numbers, naming where they are.
Result<Value> to_value(const Datum& datum);
/// Lists become tuples, maps become objects.
Datum from_value(const Value& value);

}  // namespace drover::hcl
