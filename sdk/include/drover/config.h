#pragma once

#include <concepts>
#include <cstdint>
#include <functional>
#include <limits>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include <drover/result.h>

/// One declaration of a configuration struct gives its schema, decoding, defaults, error texts and documentation.
///
///   struct Options {
///     std::string command;
///     std::vector<std::string> args;
///     int retries = 3;
///     std::optional<Auth> auth;                       // Auth has its own describe()
///
///     static void describe(drover::sdk::Fields<Options>& fields) {
///       fields.field("command", &Options::command).required().doc("absolute path of the program");
///       fields.field("args", &Options::args);
///       fields.field("retries", &Options::retries);   // what is absent keeps the member's initial value
///       fields.block("auth", &Options::auth);
///     }
///     drover::Result<void> check() const { … }        // optional: what no type can say
///   };
///
/// Members may be std::string, bool, integers, double, std::vector<T>, std::map<std::string, T>, std::optional<T>, and
/// structs with a describe() of their own: block() takes at most one of them, blocks() any number.
namespace drover::sdk {

/// A value of the configuration, read-only, that knows its place ("config.auth[0].username") for error texts. Valid
/// while the configuration it came from is.
class ConfigValue {
 public:
  ConfigValue(const void* value, std::string path) : value_(value), path_(std::move(path)) {}

  bool is_null() const;
  const std::string& path() const { return path_; }

  // Each gives the value converted, or an error that names the place and what was found there.
  Result<std::string> text() const;
  Result<bool> boolean() const;
  Result<std::int64_t> integer() const;
  Result<double> real() const;
  Result<std::vector<ConfigValue>> items() const;
  Result<std::vector<std::pair<std::string, ConfigValue>>> members() const;
  /// The member of a map; a null value where there is none.
  Result<ConfigValue> member(std::string_view name) const;

 private:
  const void* value_;
  std::string path_;
};

struct ConfigSchema;

/// One entry of a schema, without its C++ type.
struct ConfigField {
  enum class Kind : std::uint8_t { attribute, block, block_list };

  std::string name;
  Kind kind = Kind::attribute;
  std::string type;  ///< of an attribute: "string", "list(number)", …
  bool is_required = false;
  std::string default_literal;  ///< as written in a job file: "5", "\"volume\""; empty = none
  std::string doc_text;
  std::shared_ptr<const ConfigSchema> nested;                                ///< of blocks
  std::function<Result<void>(void* target, const ConfigValue& value)> read;  ///< not called for null
};

/// What a configuration block may contain.
struct ConfigSchema {
  std::vector<ConfigField> fields;
};

namespace detail {

std::string quoted_literal(std::string_view text);

template <class T>
struct IsVector : std::false_type {};
template <class T>
struct IsVector<std::vector<T>> : std::true_type {};
template <class T>
struct IsMap : std::false_type {};
template <class T>
struct IsMap<std::map<std::string, T>> : std::true_type {};
template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};

template <class T>
std::string type_expression() {
  if constexpr (std::is_same_v<T, std::string>)
    return "string";
  else if constexpr (std::is_same_v<T, bool>)
    return "bool";
  else if constexpr (std::is_arithmetic_v<T>)
    return "number";
  else if constexpr (IsVector<T>::value)
    return "list(" + type_expression<typename T::value_type>() + ")";
  else if constexpr (IsMap<T>::value)
    return "map(" + type_expression<typename T::mapped_type>() + ")";
  else if constexpr (IsOptional<T>::value)
    return type_expression<typename T::value_type>();
  else
    static_assert(!sizeof(T), "a struct is a block: use block() or blocks()");
}

template <class T>
std::string literal(const T& value) {
  if constexpr (std::is_convertible_v<T, std::string_view>)
    return quoted_literal(value);
  else if constexpr (std::is_same_v<T, bool>)
    return value ? "true" : "false";
  else if constexpr (std::is_arithmetic_v<T>)
    return drover::text("{}", value);
  else {
    std::string out = "[";
    for (const auto& item : value) out += (out.size() > 1 ? ", " : "") + literal(item);
    return out + "]";
  }
}

template <class T>
Result<void> read_value(const ConfigValue& value, T& target);

template <class T>
Result<void> read_integer(const ConfigValue& value, T& target) {
  DROVER_LET(const std::int64_t number, value.integer());
  const bool too_small =
      std::is_unsigned_v<T> ? number < 0 : number < static_cast<std::int64_t>(std::numeric_limits<T>::min());
  const bool too_large =
      sizeof(T) < sizeof(number) && number > static_cast<std::int64_t>(std::numeric_limits<T>::max());
  if (too_small || too_large) return fail(Code::invalid, "{}: {} is out of range", value.path(), number);
  target = static_cast<T>(number);
  return {};
}

}  // namespace detail

/// The schema of a struct with describe(); made once.
template <class T>
const ConfigSchema& schema_of();

/// Fills `target` from a map, keeping the initial value of every member that is absent or null.
template <class T>
Result<void> decode(const ConfigValue& value, T& target) {
  for (const ConfigField& field : schema_of<T>().fields) {
    DROVER_LET(const ConfigValue member, value.member(field.name));
    if (!member.is_null()) {
      DROVER_TRY(field.read(&target, member));
    } else if (field.is_required) {
      return fail(Code::invalid, "{} is required", member.path());
    }
  }
  if constexpr (requires(const T& t) {
                  { t.check() } -> std::same_as<Result<void>>;
                })
    return target.check();
  return {};
}

/// Collects the description of one struct.
template <class T>
class Fields {
 public:
  /// Refines the entry just added.
  class Entry {
   public:
    Entry(ConfigSchema& schema, std::size_t index) : schema_(schema), index_(index) {}
    Entry& required() { return field().is_required = true, *this; }
    /// Shown to users; leave it out where the member's initial value says it all.
    template <class V>
    Entry& fallback(const V& value) {
      return field().default_literal = detail::literal(value), *this;
    }
    Entry& doc(std::string text) { return field().doc_text = std::move(text), *this; }

   private:
    ConfigField& field() { return schema_.fields[index_]; }
    ConfigSchema& schema_;
    std::size_t index_;
  };

  explicit Fields(ConfigSchema& schema) : schema_(schema) {}

  /// `name = value`.
  template <class M>
  Entry field(std::string name, M T::*member) {
    return add(std::move(name), ConfigField::Kind::attribute, detail::type_expression<M>(), nullptr,
               [member](void* target, const ConfigValue& value) {
                 return detail::read_value(value, static_cast<T*>(target)->*member);
               });
  }

  /// `name { key = value }`, once or several times, merged into one map; later entries win.
  template <class V>
  Entry merged_maps(std::string name, std::map<std::string, V> T::*member) {
    return add(std::move(name), ConfigField::Kind::attribute, "list(map(" + detail::type_expression<V>() + "))",
               nullptr, [member](void* target, const ConfigValue& value) -> Result<void> {
                 std::vector<std::map<std::string, V>> maps;
                 DROVER_TRY(detail::read_value(value, maps));
                 auto& merged = static_cast<T*>(target)->*member;
                 merged.clear();
                 for (auto& one : maps)
                   for (auto& [key, each] : one) merged.insert_or_assign(key, std::move(each));
                 return {};
               });
  }

  /// `name { … }`, at most once; the struct describes itself.
  template <class B>
  Entry block(std::string name, std::optional<B> T::*member) {
    return add(std::move(name), ConfigField::Kind::block, {}, nested<B>(),
               [member](void* target, const ConfigValue& value) {
                 return decode(value, (static_cast<T*>(target)->*member).emplace());
               });
  }

  /// The same for a struct that is always there: absent, it keeps its initial values.
  template <class B>
  Entry block(std::string name, B T::*member) {
    return add(
        std::move(name), ConfigField::Kind::block, {}, nested<B>(),
        [member](void* target, const ConfigValue& value) { return decode(value, static_cast<T*>(target)->*member); });
  }

  /// `name { … }`, any number of times.
  template <class B>
  Entry blocks(std::string name, std::vector<B> T::*member) {
    return add(std::move(name), ConfigField::Kind::block_list, {}, nested<B>(),
               [member](void* target, const ConfigValue& value) -> Result<void> {
                 DROVER_LET(const auto items, value.items());
                 auto& list = static_cast<T*>(target)->*member;
                 list.clear();
                 for (const ConfigValue& item : items) DROVER_TRY(decode(item, list.emplace_back()));
                 return {};
               });
  }

 private:
  template <class B>
  static std::shared_ptr<const ConfigSchema> nested() {
    return std::shared_ptr<const ConfigSchema>(&schema_of<B>(), [](const ConfigSchema*) {});  // lives for ever
  }

  template <class Read>
  Entry add(std::string name, ConfigField::Kind kind, std::string type, std::shared_ptr<const ConfigSchema> its_nested,
            Read read) {
    schema_.fields.push_back(
        {std::move(name), kind, std::move(type), false, {}, {}, std::move(its_nested), std::move(read)});
    return Entry(schema_, schema_.fields.size() - 1);
  }

  ConfigSchema& schema_;
};

template <class T>
const ConfigSchema& schema_of() {
  static const ConfigSchema schema = [] {
    ConfigSchema made;
    Fields<T> fields(made);
    T::describe(fields);
    return made;
  }();
  return schema;
}

namespace detail {

template <class T>
Result<void> read_value(const ConfigValue& value, T& target) {
  if constexpr (std::is_same_v<T, std::string>) {
    DROVER_LET(target, value.text());
  } else if constexpr (std::is_same_v<T, bool>) {
    DROVER_LET(target, value.boolean());
  } else if constexpr (std::is_integral_v<T>) {
    return read_integer(value, target);
  } else if constexpr (std::is_floating_point_v<T>) {
    DROVER_LET(const double number, value.real());
    target = static_cast<T>(number);
  } else if constexpr (IsOptional<T>::value) {
    return read_value(value, target.emplace());
  } else if constexpr (IsVector<T>::value) {
    DROVER_LET(const auto items, value.items());
    target.clear();
    for (const ConfigValue& item : items) {
      typename T::value_type element{};
      if (!item.is_null()) DROVER_TRY(read_value(item, element));
      target.push_back(std::move(element));
    }
  } else {
    DROVER_LET(const auto members, value.members());
    target.clear();
    for (const auto& [key, each] : members) {
      typename T::mapped_type element{};
      if (!each.is_null()) DROVER_TRY(read_value(each, element));
      target.insert_or_assign(key, std::move(element));
    }
  }
  return {};
}

}  // namespace detail

/// A configuration without any option.
struct NoConfig {
  static void describe(Fields<NoConfig>&) {}
};

}  // namespace drover::sdk
