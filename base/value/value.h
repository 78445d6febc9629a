#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <variant>
#include <vector>

namespace drover {

/// A schema-less value: what `config`, variables and opaque bodies hold. Null, bool, int64, double, text, list, or a
/// map in the order of insertion. A plain value: copies, moves and compares; integers and doubles are different kinds.
class Value {
 public:
  using List = std::vector<Value>;
  using Member = std::pair<std::string, Value>;
  using Map = std::vector<Member>;  ///< keys are unique (set() keeps it so)
  enum class Kind : std::uint8_t { null, boolean, integer, real, text, list, map };

  Value() = default;
  Value(std::nullptr_t) {}                                            // NOLINT: conversions are the point
  Value(bool value) : data_(value) {}                                 // NOLINT
  Value(int value) : data_(static_cast<std::int64_t>(value)) {}       // NOLINT
  Value(std::int64_t value) : data_(value) {}                         // NOLINT
  Value(double value) : data_(value) {}                               // NOLINT
  Value(const char* value) : data_(std::string(value)) {}             // NOLINT
  Value(std::string_view value) : data_(std::string(value)) {}        // NOLINT
  Value(std::string value) : data_(std::move(value)) {}               // NOLINT
  Value(List value) : data_(std::move(value)) {}                      // NOLINT
  Value(Map value) : data_(std::move(value)) {}                       // NOLINT

  static Value list() { return Value(List{}); }
  static Value map() { return Value(Map{}); }

  Kind kind() const { return static_cast<Kind>(data_.index()); }
  bool is_null() const { return kind() == Kind::null; }
  bool is_bool() const { return kind() == Kind::boolean; }
  bool is_integer() const { return kind() == Kind::integer; }
  bool is_real() const { return kind() == Kind::real; }
  bool is_number() const { return is_integer() || is_real(); }
  bool is_text() const { return kind() == Kind::text; }
  bool is_list() const { return kind() == Kind::list; }
  bool is_map() const { return kind() == Kind::map; }

  // Reading another kind than the one held is a programmer's error.
  bool boolean() const { return std::get<bool>(data_); }
  std::int64_t integer() const { return std::get<std::int64_t>(data_); }
  double real() const { return is_integer() ? static_cast<double>(integer()) : std::get<double>(data_); }
  const std::string& text() const { return std::get<std::string>(data_); }
  const List& items() const { return std::get<List>(data_); }
  List& items() { return std::get<List>(data_); }
  const Map& members() const { return std::get<Map>(data_); }
  Map& members() { return std::get<Map>(data_); }

  /// The member of that name, or null where there is none or this is no map.
  const Value* find(std::string_view key) const;
  Value* find(std::string_view key);
  /// Adds or replaces a member; turns a null into a map first.
  Value& set(std::string_view key, Value value);
  /// Appends to a list; turns a null into a list first.
  Value& push(Value value);

  friend bool operator==(const Value&, const Value&) = default;

 private:
  std::variant<std::monostate, bool, std::int64_t, double, std::string, List, Map> data_;
};

/// "null", "bool", "integer", "number", "string", "list", "map": for error texts.
std::string_view to_text(Value::Kind kind);

}  // namespace drover
