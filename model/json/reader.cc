#include <algorithm>
#include <cmath>
#include <limits>
#include <string>
#include <utility>

#include <google/protobuf/message.h>
#include <boost/json.hpp>

#include "model/json/codec.h"
#include "model/json/plans.h"
#include "model/json/text.h"

namespace drover::model {
namespace {

using codec::FieldPlan;
using codec::Kind;
using codec::MessagePlan;
using google::protobuf::Message;
using google::protobuf::Reflection;
namespace bj = boost::json;

/// Where in the input we are; a chain of stack frames, turned into text only when something is wrong.
struct Place {
  const Place* parent = nullptr;
  std::string_view name;
  std::int64_t index = -1;

  std::string text() const {
    std::string out = parent ? parent->text() : std::string();
    if (index >= 0) return out + '[' + std::to_string(index) + ']';
    if (!out.empty() && !name.empty()) out += '.';
    return out.append(name);
  }
};

std::string_view kind_name(const bj::value& value) {
  switch (value.kind()) {
    case bj::kind::null:
      return "null";
    case bj::kind::bool_:
      return "a boolean";
    case bj::kind::int64:
    case bj::kind::uint64:
      return "an integer";
    case bj::kind::double_:
      return "a number with a fraction or beyond 64 bits";
    case bj::kind::string:
      return "a string";
    case bj::kind::array:
      return "a list";
    case bj::kind::object:
      return "an object";
  }
  return "something else";
}

Error wrong(const Place& place, std::string_view expected, const bj::value& found) {
  return fail(Code::invalid, "{}: expected {}, found {}", place.text(), expected, kind_name(found));
}

std::string_view view(const bj::string& text) { return {text.data(), text.size()}; }

/// Compact JSON with Go's way of writing numbers.
void append_value(std::string& out, const bj::value& value) {
  switch (value.kind()) {
    case bj::kind::null:
      out += "null";
      return;
    case bj::kind::bool_:
      out += value.get_bool() ? "true" : "false";
      return;
    case bj::kind::int64:
      return append_integer(out, std::int64_t{value.get_int64()});
    case bj::kind::uint64:
      return append_integer(out, std::uint64_t{value.get_uint64()});
    case bj::kind::double_:
      return append_real(out, value.get_double());
    case bj::kind::string:
      return append_quoted(out, view(value.get_string()));
    case bj::kind::array: {
      out += '[';
      bool first = true;
      for (const bj::value& item : value.get_array()) {
        if (!first) out += ',';
        first = false;
        append_value(out, item);
      }
      out += ']';
      return;
    }
    case bj::kind::object: {
      out += '{';
      bool first = true;
      for (const auto& member : value.get_object()) {
        if (!first) out += ',';
        first = false;
        append_quoted(out, {member.key().data(), member.key().size()});
        out += ':';
        append_value(out, member.value());
      }
      out += '}';
      return;
    }
  }
}

template <class Integer>
Result<Integer> integer(const bj::value& value, const Place& place) {
  constexpr bool is_signed = std::numeric_limits<Integer>::is_signed;
  constexpr std::string_view expected = is_signed ? "an integer" : "an integer of at least 0";
  constexpr auto least = std::numeric_limits<Integer>::min();
  constexpr auto most = std::numeric_limits<Integer>::max();
  const auto out_of_range = [&place] { return fail(Code::invalid, "{}: the number does not fit", place.text()); };
  if (const auto* number = value.if_int64()) {
    if (!is_signed && *number < 0)
      return fail(Code::invalid, "{}: expected {}, found {}", place.text(), expected, *number);
    if (!std::in_range<Integer>(*number)) return out_of_range();
    return static_cast<Integer>(*number);
  }
  if (const auto* number = value.if_uint64()) {
    if (!std::in_range<Integer>(*number)) return out_of_range();
    return static_cast<Integer>(*number);
  }
  if (const auto* number = value.if_double()) {
    // 1e3 and 2.0 are integers to people; past 2^53 a double no longer says which one.
    constexpr double exact_max = 9007199254740992.0;
    if (std::floor(*number) != *number || std::fabs(*number) > exact_max) return wrong(place, expected, value);
    const auto whole = static_cast<std::int64_t>(*number);
    if (!std::in_range<Integer>(whole) || static_cast<long double>(whole) < static_cast<long double>(least) ||
        static_cast<long double>(whole) > static_cast<long double>(most)) {
      return out_of_range();
    }
    return static_cast<Integer>(whole);
  }
  return wrong(place, expected, value);
}

Result<std::int64_t> duration(const bj::value& value, const Place& place) {
  const auto* text = value.if_string();
  if (!text) return integer<std::int64_t>(value, place);
  const auto parsed = parse_duration(view(*text));
  if (!parsed)
    return fail(Code::invalid, "{}: '{}' is not a duration such as \"30s\" or \"1h30m\"", place.text(), view(*text));
  return *parsed;
}

Result<std::int64_t> time(const bj::value& value, const Place& place) {
  const auto* text = value.if_string();
  if (!text) return integer<std::int64_t>(value, place);
  if (text->empty()) return std::int64_t{0};
  const auto parsed = parse_time(view(*text));
  if (!parsed) {
    return fail(Code::invalid, "{}: '{}' is not a time such as \"2026-01-31T12:00:00Z\"", place.text(), view(*text));
  }
  return *parsed;
}

Result<double> real(const bj::value& value, const Place& place) {
  if (!value.is_number()) return wrong(place, "a number", value);
  return value.to_number<double>();
}

Result<bool> boolean(const bj::value& value, const Place& place) {
  if (const auto* flag = value.if_bool()) return *flag;
  return wrong(place, "a boolean", value);
}

Result<std::string> text(const bj::value& value, Kind kind, const Place& place) {
  if (kind == Kind::raw) {
    std::string out;
    append_value(out, value);
    return out;
  }
  const auto* string = value.if_string();
  if (!string) return wrong(place, kind == Kind::bytes ? "a string in base64" : "a string", value);
  if (kind == Kind::text) return std::string(view(*string));
  auto bytes = parse_base64(view(*string));
  if (!bytes) return fail(Code::invalid, "{}: the string is not base64", place.text());
  return *std::move(bytes);
}

Result<void> read_message(const bj::value& value, const MessagePlan& plan, Message& message, const Place& place);

/// Where a value goes: a field, or a new element at the end of a list.
struct Slot {
  Message& message;
  const google::protobuf::FieldDescriptor* field;
  bool element;

#define DROVER_PUT(Type, Name)                                     \
  void put(Type value) {                                           \
    const Reflection& fields = *message.GetReflection();           \
    element ? fields.Add##Name(&message, field, std::move(value))  \
            : fields.Set##Name(&message, field, std::move(value)); \
  }
  DROVER_PUT(std::string, String)
  DROVER_PUT(bool, Bool)
  DROVER_PUT(std::int32_t, Int32)
  DROVER_PUT(std::uint32_t, UInt32)
  DROVER_PUT(std::int64_t, Int64)
  DROVER_PUT(std::uint64_t, UInt64)
  DROVER_PUT(double, Double)
#undef DROVER_PUT

  Message& child() {
    const Reflection& fields = *message.GetReflection();
    return element ? *fields.AddMessage(&message, field) : *fields.MutableMessage(&message, field);
  }
};

template <class T>
Result<void> put(Slot slot, Result<T> value) {
  DROVER_LET(auto known, std::move(value));
  slot.put(std::move(known));
  return {};
}

/// A value that is neither list nor map.
Result<void> read_one(const bj::value& value, const FieldPlan& plan, Slot slot, const Place& place) {
  switch (plan.kind) {
    case Kind::text:
    case Kind::raw:
    case Kind::bytes:
      return put(slot, text(value, plan.kind, place));
    case Kind::boolean:
      return put(slot, boolean(value, place));
    case Kind::int32:
      return put(slot, integer<std::int32_t>(value, place));
    case Kind::uint32:
      return put(slot, integer<std::uint32_t>(value, place));
    case Kind::uint64:
      return put(slot, integer<std::uint64_t>(value, place));
    case Kind::int64:
      return put(slot, integer<std::int64_t>(value, place));
    case Kind::duration:
      return put(slot, duration(value, place));
    case Kind::time:
      return put(slot, time(value, place));
    case Kind::real:
      return put(slot, real(value, place));
    case Kind::message:
      return read_message(value, *plan.child, slot.child(), place);
  }
  return {};
}

Result<void> read_list(const bj::value& value, const FieldPlan& plan, Message& message, const Place& place) {
  const auto* list = value.if_array();
  if (!list) return wrong(place, "a list", value);
  std::int64_t index = 0;
  for (const bj::value& item : *list) {
    const Place here{&place, {}, index++};
    if (item.is_null() && plan.kind != Kind::message) return wrong(here, "a value", item);
    if (item.is_null()) continue;
    DROVER_TRY(read_one(item, plan, Slot{message, plan.field, true}, here));
  }
  return {};
}

Result<void> read_map(const bj::value& value, const FieldPlan& plan, Message& message, const Place& place) {
  const auto* object = value.if_object();
  if (!object) return wrong(place, "an object", value);
  const FieldPlan& key = plan.child->fields[0];
  for (const auto& member : *object) {
    const std::string_view name(member.key().data(), member.key().size());
    const Place here{&place, name};
    Message& entry = *message.GetReflection()->AddMessage(&message, plan.field);
    entry.GetReflection()->SetString(&entry, key.field, std::string(name));
    if (member.value().is_null()) continue;
    DROVER_TRY(read_one(member.value(), plan.child->fields[1], Slot{entry, plan.child->fields[1].field, false}, here));
  }
  return {};
}

Result<void> read_field(const bj::value& value, const FieldPlan& plan, Message& message, const Place& place) {
  // Set twice (in two spellings), the last one counts.
  message.GetReflection()->ClearField(&message, plan.field);
  if (value.is_null()) return {};
  if (plan.map) return read_map(value, plan, message, place);
  if (plan.list) return read_list(value, plan, message, place);
  return read_one(value, plan, Slot{message, plan.field, false}, place);
}

Result<void> read_message(const bj::value& value, const MessagePlan& plan, Message& message, const Place& place) {
  if (plan.string_list) return value.is_null() ? Result<void>() : read_list(value, plan.fields[0], message, place);
  const auto* object = value.if_object();
  if (!object) return wrong(place, "an object", value);
  for (const auto& member : *object) {
    const FieldPlan* field = plan.find({member.key().data(), member.key().size()});
    if (!field) continue;
    DROVER_TRY(read_field(member.value(), *field, message, Place{&place, field->name}));
  }
  return {};
}

bool same_word(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

Result<bj::value> parse(std::string_view json) {
  if (json.size() > json_bytes_max) {
    return fail(Code::exhausted, "the JSON text has {} bytes, more than the {} allowed", json.size(), json_bytes_max);
  }
  try {
    bj::parse_options options;
    options.max_depth = json_depth_max;
    bj::stream_parser parser({}, options);
    bj::error_code problem;
    const std::size_t read = parser.write_some(json.data(), json.size(), problem);
    if (!problem && !parser.done()) parser.finish(problem);
    if (problem) return fail(Code::invalid, "not valid JSON at byte {}: {}", read, problem.message());
    return parser.release();
  } catch (const std::exception& problem) {  // out of memory, or longer than Boost can hold
    return fail(Code::exhausted, "read JSON: {}", problem.what());
  }
}

}  // namespace

Result<void> from_json(std::string_view json, Message& message) {
  message.Clear();
  DROVER_LET(const bj::value value, parse(json));
  return read_message(value, codec::plan_of(*message.GetDescriptor()), message,
                      Place{nullptr, message.GetDescriptor()->name()});
}

Result<void> from_json_member(std::string_view json, std::string_view member, Message& message) {
  message.Clear();
  DROVER_LET(const bj::value value, parse(json));
  const auto* object = value.if_object();
  if (!object) return wrong(Place{nullptr, "body"}, "an object", value);
  const bj::value* found = nullptr;
  for (const auto& entry : *object) {
    if (same_word({entry.key().data(), entry.key().size()}, member)) found = &entry.value();
  }
  if (!found || found->is_null()) return fail(Code::not_found, "the body has no member '{}'", member);
  return read_message(*found, codec::plan_of(*message.GetDescriptor()), message, Place{nullptr, member});
}

}  // namespace drover::model
