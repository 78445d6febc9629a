#include "api/filter.h"

#include <charconv>
#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include <google/protobuf/message.h>

#include "api/filter_parser.h"
#include "api/params.h"
#include "base/json/json.h"
#include "model/json/plans.h"
#include "model/json/text.h"

namespace drover::api {
namespace filter {
namespace {

using google::protobuf::Message;
using google::protobuf::Reflection;
using model::codec::FieldPlan;
using model::codec::MessagePlan;
using FieldKind = model::codec::Kind;

/// What a path leads to: a scalar, or a place in a message or in JSON text.
struct Datum {
  enum class Type : std::uint8_t { nothing, boolean, integer, natural, real, text, list, map, object };
  Type type = Type::nothing;
  bool boolean = false;
  std::int64_t integer = 0;
  std::uint64_t natural = 0;
  double real = 0;
  std::string text;
  const Message* message = nullptr;  ///< object: itself; list and map: where it is a member
  const FieldPlan* field = nullptr;  ///< list and map
  std::shared_ptr<const Value> json; ///< list and map of JSON text
  bool keeps_empty = false;          ///< an empty list or map that is not nil
};
using Type = Datum::Type;
using Names = std::vector<std::pair<std::string, Datum>>;

Datum of_text(std::string value) {
  Datum out;
  out.type = Type::text;
  out.text = std::move(value);
  return out;
}

Datum of_boolean(bool value) {
  Datum out;
  out.type = Type::boolean;
  out.boolean = value;
  return out;
}

Datum of_integer(std::int64_t value) {
  Datum out;
  out.type = Type::integer;
  out.integer = value;
  return out;
}

Datum of_natural(std::uint64_t value) {
  Datum out;
  out.type = Type::natural;
  out.natural = value;
  return out;
}

Datum of_real(double value) {
  Datum out;
  out.type = Type::real;
  out.real = value;
  return out;
}

Datum of_json(const std::shared_ptr<const Value>& owner, const Value& value) {
  Datum out;
  switch (value.kind()) {
    case Value::Kind::null: break;
    case Value::Kind::boolean: return of_boolean(value.boolean());
    case Value::Kind::integer: return of_integer(value.integer());
    case Value::Kind::real: return of_real(value.real());
    case Value::Kind::text: return of_text(value.text());
    case Value::Kind::list: out.type = Type::list; out.json = {owner, &value}; break;
    case Value::Kind::map: out.type = Type::map; out.json = {owner, &value}; break;
  }
  return out;
}

Datum of_raw(const std::string& text) {
  if (text.empty()) return {};
  Result<Value> parsed = json::parse(text);
  if (!parsed) return {};
  const auto owner = std::make_shared<const Value>(std::move(*parsed));
  return of_json(owner, *owner);
}

Datum of_object(const Message& message) {
  Datum out;
  out.type = Type::object;
  out.message = &message;
  return out;
}

Datum of_time(std::int64_t ns) {
  if (ns == 0) return {};
  std::string text;
  model::append_time(text, ns);
  return of_text(std::move(text));
}

/// Member `plan` of a message, or element `i` of it when it is a list.
Datum of_field(const Message& message, const FieldPlan& plan, int i) {
  const Reflection& fields = *message.GetReflection();
  const auto* field = plan.field;
  const bool element = i >= 0;
  switch (plan.kind) {
    case FieldKind::text:
    case FieldKind::bytes: return of_text(element ? fields.GetRepeatedString(message, field, i) : fields.GetString(message, field));
    case FieldKind::raw: return of_raw(element ? fields.GetRepeatedString(message, field, i) : fields.GetString(message, field));
    case FieldKind::boolean: return of_boolean(element ? fields.GetRepeatedBool(message, field, i) : fields.GetBool(message, field));
    case FieldKind::int32: return of_integer(element ? fields.GetRepeatedInt32(message, field, i) : fields.GetInt32(message, field));
    case FieldKind::uint32: return of_natural(element ? fields.GetRepeatedUInt32(message, field, i) : fields.GetUInt32(message, field));
    case FieldKind::uint64: return of_natural(element ? fields.GetRepeatedUInt64(message, field, i) : fields.GetUInt64(message, field));
    case FieldKind::int64:
    case FieldKind::duration: return of_integer(element ? fields.GetRepeatedInt64(message, field, i) : fields.GetInt64(message, field));
    case FieldKind::time: return of_time(element ? fields.GetRepeatedInt64(message, field, i) : fields.GetInt64(message, field));
    case FieldKind::real: return of_real(element ? fields.GetRepeatedDouble(message, field, i) : fields.GetDouble(message, field));
    case FieldKind::message: return of_object(element ? fields.GetRepeatedMessage(message, field, i) : fields.GetMessage(message, field));
  }
  return {};
}

/// A member as JSON shows it: an unset one is nothing.
Datum member_of(const Message& message, const FieldPlan& plan) {
  if (plan.list || plan.map) {
    Datum out;
    out.type = plan.list ? Type::list : Type::map;
    out.message = &message;
    out.field = &plan;
    out.keeps_empty = plan.always;
    return out;
  }
  const bool may_be_unset = plan.nullable || (plan.kind == FieldKind::message && !plan.always);
  if (may_be_unset && !message.GetReflection()->HasField(message, plan.field)) return {};
  return of_field(message, plan, -1);
}

std::size_t size_of(const Datum& datum) {
  if (datum.json) return datum.json->is_list() ? datum.json->items().size() : datum.json->members().size();
  return static_cast<std::size_t>(datum.message->GetReflection()->FieldSize(*datum.message, datum.field->field));
}

/// Element `i` of a list; entry `i` of a map (in no particular order) with its key.
std::pair<std::string, Datum> entry_of(const Datum& datum, std::size_t i) {
  if (datum.json) {
    if (datum.json->is_list()) return {std::to_string(i), of_json(datum.json, datum.json->items()[i])};
    const auto& [key, value] = datum.json->members()[i];
    return {key, of_json(datum.json, value)};
  }
  const int at = static_cast<int>(i);
  if (datum.type == Type::list) return {std::to_string(i), of_field(*datum.message, *datum.field, at)};
  const Message& entry = datum.message->GetReflection()->GetRepeatedMessage(*datum.message, datum.field->field, at);
  const MessagePlan& plan = *datum.field->child;
  return {entry.GetReflection()->GetString(entry, plan.fields[0].field), member_of(entry, plan.fields[1])};
}

std::string pointer_of(const Path& path) {
  std::string out;
  for (const std::string& part : path) out += '/' + part;
  return out;
}

Error unknown_member(const Path& path, std::size_t part) {
  return fail(Code::invalid, "error finding value in datum: {} at part {}: couldn't find key: struct field with name \"{}\"",
              pointer_of(path), part, path[part]);
}

/// One step of a path. Nothing when the key or element is not there.
Result<Datum> step(const Datum& from, const Path& path, std::size_t part) {
  const std::string& key = path[part];
  switch (from.type) {
    case Type::nothing: return Datum{};
    case Type::object: {
      const FieldPlan* plan = model::codec::plan_of(*from.message->GetDescriptor()).find(key);
      if (!plan || plan->name != key || plan->internal || !plan->in_stored) return unknown_member(path, part);
      return plan->blank ? of_text("") : member_of(*from.message, *plan);
    }
    case Type::map:
      for (std::size_t i = 0; i < size_of(from); ++i) {
        auto [name, value] = entry_of(from, i);
        if (name == key) return std::move(value);
      }
      return Datum{};
    case Type::list: {
      std::size_t index = 0;
      const auto [end, error] = std::from_chars(key.data(), key.data() + key.size(), index);
      if (error != std::errc() || end != key.data() + key.size()) {
        return fail(Code::invalid, "error finding value in datum: {} at part {}: '{}' is no index of a list", pointer_of(path), part, key);
      }
      return index < size_of(from) ? entry_of(from, index).second : Datum{};
    }
    default:
      return fail(Code::invalid, "error finding value in datum: {} at part {}: couldn't find key: a value has no member \"{}\"",
                  pointer_of(path), part, key);
  }
}

Result<Datum> find(const Path& path, const Datum& root, const Names& names) {
  const Datum* from = &root;
  std::size_t part = 0;
  for (auto name = names.rbegin(); name != names.rend(); ++name) {
    if (name->first != path.front()) continue;
    from = &name->second;
    part = 1;
    break;
  }
  Datum at = *from;
  for (; part < path.size(); ++part) {
    DROVER_LET(at, step(at, path, part));
  }
  return at;
}

// Operators.

template <class Number>
Result<bool> same_number(Number number, const std::string& value, std::string_view parser) {
  Number wanted{};
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), wanted);
  if (error != std::errc() || end != value.data() + value.size()) {
    return fail(Code::invalid, "error coercing value \"{}\": strconv.{}: parsing \"{}\": invalid syntax", value, parser, value);
  }
  return number == wanted;
}

Result<bool> equals(const Datum& datum, const std::string& value) {
  switch (datum.type) {
    case Type::nothing: return false;
    case Type::text: return datum.text == value;
    case Type::integer: return same_number(datum.integer, value, "ParseInt");
    case Type::natural: return same_number(datum.natural, value, "ParseUint");
    case Type::real: return same_number(datum.real, value, "ParseFloat");
    case Type::boolean: {
      const Result<bool> wanted = parse_bool(value);
      if (!wanted) return fail(Code::invalid, "error coercing value \"{}\": strconv.ParseBool: parsing \"{}\": invalid syntax", value, value);
      return datum.boolean == *wanted;
    }
    case Type::list:
    case Type::map:
    case Type::object: return fail(Code::invalid, "a list or an object cannot be compared with \"{}\"", value);
  }
  return false;
}

Result<bool> is_empty(const Datum& datum) {
  switch (datum.type) {
    case Type::nothing: return true;
    case Type::text: return datum.text.empty();
    case Type::list:
    case Type::map: return size_of(datum) == 0;
    default: return fail(Code::invalid, "only texts, lists and maps can be empty");
  }
}

Result<bool> is_nil(const Datum& datum) {
  if (datum.type == Type::list || datum.type == Type::map) return size_of(datum) == 0 && !datum.keeps_empty;
  return datum.type == Type::nothing;
}

Result<bool> holds(const Datum& datum, const std::string& value) {
  switch (datum.type) {
    case Type::nothing: return false;
    case Type::text: return datum.text.find(value) != std::string::npos;
    case Type::list:
    case Type::map:
      for (std::size_t i = 0; i < size_of(datum); ++i) {
        const auto [key, element] = entry_of(datum, i);
        if (datum.type == Type::map) {
          if (key == value) return true;
          continue;
        }
        DROVER_LET(const bool same, equals(element, value));
        if (same) return true;
      }
      return false;
    default: return fail(Code::invalid, "only texts, lists and maps can contain \"{}\"", value);
  }
}

/// The problem of a pattern in the words that clients know.
std::string problem_of(const re2::RE2& pattern) {
  const std::string& what = pattern.error_arg();
  switch (pattern.error_code()) {
    case re2::RE2::ErrorMissingBracket: return text("missing closing ]: `{}`", what);
    case re2::RE2::ErrorMissingParen: return text("missing closing ): `{}`", pattern.pattern());
    case re2::RE2::ErrorUnexpectedParen: return text("unexpected ): `{}`", pattern.pattern());
    case re2::RE2::ErrorRepeatArgument: return text("missing argument to repetition operator: `{}`", what);
    case re2::RE2::ErrorRepeatOp: return text("invalid nested repetition operator: `{}`", what);
    case re2::RE2::ErrorRepeatSize: return text("invalid repeat count: `{}`", what);
    case re2::RE2::ErrorBadEscape: return text("invalid escape sequence: `{}`", what);
    case re2::RE2::ErrorBadCharRange: return text("invalid character class range: `{}`", what);
    case re2::RE2::ErrorTrailingBackslash: return "trailing backslash at end of expression: ``";
    default: return pattern.error();
  }
}

Result<bool> matches(const Datum& datum, const re2::RE2& pattern) {
  if (!pattern.ok()) {
    return fail(Code::invalid, "failed to compile regular expression \"{}\": error parsing regexp: {}", pattern.pattern(), problem_of(pattern));
  }
  if (datum.type == Type::nothing) return false;
  if (datum.type != Type::text) return fail(Code::invalid, "only texts can match \"{}\"", pattern.pattern());
  return re2::RE2::PartialMatch(re2::StringPiece(datum.text.data(), datum.text.size()), pattern);
}

Result<bool> fits(const Expression& expression, const Datum& datum) {
  switch (expression.op) {
    case Operator::equal: return equals(datum, expression.value);
    case Operator::empty: return is_empty(datum);
    case Operator::nil: return is_nil(datum);
    case Operator::in: return holds(datum, expression.value);
    case Operator::matches: return matches(datum, *expression.pattern);
  }
  return false;
}

Result<bool> evaluate(const Expression& expression, const Datum& root, Names& names);

/// Names for one element: alone it is the element of a list, or the key of a map.
void bind(const Expression& expression, const Datum& over, std::pair<std::string, Datum> entry, Names& names) {
  const bool both = !expression.second_name.empty();
  const bool keyed = over.type == Type::map;
  if (both || keyed) {
    names.emplace_back(expression.first_name, of_text(std::move(entry.first)));
    if (both) names.emplace_back(expression.second_name, std::move(entry.second));
  } else {
    names.emplace_back(expression.first_name, std::move(entry.second));
  }
}

Result<bool> quantified(const Expression& expression, const Datum& root, Names& names) {
  DROVER_LET(const Datum over, find(expression.path, root, names));
  const bool all = expression.kind == Kind::all;
  if (over.type == Type::nothing) return all;
  if (over.type != Type::list && over.type != Type::map) return fail(Code::invalid, "{} has no elements", pointer_of(expression.path));
  const std::size_t outer = names.size();
  for (std::size_t i = 0; i < size_of(over); ++i) {
    bind(expression, over, entry_of(over, i), names);
    const Result<bool> one = evaluate(*expression.left, root, names);
    names.resize(outer);
    if (!one) return one;
    if (*one != all) return !all;
  }
  return all;
}

Result<bool> evaluate(const Expression& expression, const Datum& root, Names& names) {
  switch (expression.kind) {
    case Kind::either:
    case Kind::both: {
      DROVER_LET(const bool left, evaluate(*expression.left, root, names));
      if (left == (expression.kind == Kind::either)) return left;
      return evaluate(*expression.right, root, names);
    }
    case Kind::negated: {
      DROVER_LET(const bool inner, evaluate(*expression.left, root, names));
      return !inner;
    }
    case Kind::any:
    case Kind::all: return quantified(expression, root, names);
    case Kind::match: {
      DROVER_LET(const Datum datum, find(expression.path, root, names));
      DROVER_LET(const bool fit, fits(expression, datum));
      return fit != expression.inverted;
    }
  }
  return false;
}

bool begins_with(const Expression* expression, std::string_view member) {
  if (!expression) return false;
  if (!expression->path.empty() && expression->path.front() == member) return true;
  return begins_with(expression->left.get(), member) || begins_with(expression->right.get(), member);
}

}  // namespace
}  // namespace filter

Result<Filter> Filter::parse(std::string_view text) {
  Filter out;
  if (!text.empty()) {
    DROVER_LET(out.root_, filter::parse(text));
  }
  return out;
}

Result<bool> Filter::passes(const google::protobuf::Message& message) const {
  if (!root_) return true;
  filter::Names names;
  return filter::evaluate(*root_, filter::of_object(message), names);
}

bool Filter::mentions(std::string_view member) const { return filter::begins_with(root_.get(), member); }

}  // namespace drover::api
