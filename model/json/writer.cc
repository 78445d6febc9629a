#include <algorithm>
#include <vector>

#include <google/protobuf/message.h>

#include "model/json/codec.h"
#include "model/json/given_empty.h"
#include "model/json/plans.h"
#include "model/json/text.h"

namespace drover::model {
namespace {

using google::protobuf::Message;
using google::protobuf::Reflection;
using codec::FieldPlan;
using codec::Kind;
using codec::MessagePlan;

void write_message(std::string& out, const Message& message, const MessagePlan& plan, Form form);

void write_text(std::string& out, const FieldPlan& plan, const std::string& value) {
  if (plan.kind == Kind::text) return append_quoted(out, value);
  if (value.empty()) {
    out += "null";
  } else if (plan.kind == Kind::raw) {
    out += value;
  } else {
    out += '"';
    append_base64(out, value);
    out += '"';
  }
}

void write_time(std::string& out, std::int64_t ns) {
  if (ns == 0) {
    out += "null";
    return;
  }
  out += '"';
  append_time(out, ns);
  out += '"';
}

/// The value of a field that is neither list nor map.
void write_single(std::string& out, const Message& message, const Reflection& fields, const FieldPlan& plan, Form form) {
  const auto* field = plan.field;
  std::string scratch;
  switch (plan.kind) {
    case Kind::text:
    case Kind::raw:
    case Kind::bytes: return write_text(out, plan, fields.GetStringReference(message, field, &scratch));
    case Kind::boolean: out += fields.GetBool(message, field) ? "true" : "false"; return;
    case Kind::int32: return append_integer(out, std::int64_t{fields.GetInt32(message, field)});
    case Kind::uint32: return append_integer(out, std::uint64_t{fields.GetUInt32(message, field)});
    case Kind::uint64: return append_integer(out, std::uint64_t{fields.GetUInt64(message, field)});
    case Kind::int64:
    case Kind::duration: return append_integer(out, std::int64_t{fields.GetInt64(message, field)});
    case Kind::time: return write_time(out, fields.GetInt64(message, field));
    case Kind::real: return append_real(out, fields.GetDouble(message, field));
    case Kind::message: return write_message(out, fields.GetMessage(message, field), *plan.child, form);
  }
}

void write_element(std::string& out, const Message& message, const Reflection& fields, const FieldPlan& plan, int i, Form form) {
  const auto* field = plan.field;
  std::string scratch;
  switch (plan.kind) {
    case Kind::text:
    case Kind::raw:
    case Kind::bytes: return write_text(out, plan, fields.GetRepeatedStringReference(message, field, i, &scratch));
    case Kind::boolean: out += fields.GetRepeatedBool(message, field, i) ? "true" : "false"; return;
    case Kind::int32: return append_integer(out, std::int64_t{fields.GetRepeatedInt32(message, field, i)});
    case Kind::uint32: return append_integer(out, std::uint64_t{fields.GetRepeatedUInt32(message, field, i)});
    case Kind::uint64: return append_integer(out, std::uint64_t{fields.GetRepeatedUInt64(message, field, i)});
    case Kind::int64:
    case Kind::duration: return append_integer(out, std::int64_t{fields.GetRepeatedInt64(message, field, i)});
    case Kind::time: return write_time(out, fields.GetRepeatedInt64(message, field, i));
    case Kind::real: return append_real(out, fields.GetRepeatedDouble(message, field, i));
    case Kind::message: return write_message(out, fields.GetRepeatedMessage(message, field, i), *plan.child, form);
  }
}

void write_list(std::string& out, const Message& message, const Reflection& fields, const FieldPlan& plan, Form form) {
  out += '[';
  const int size = fields.FieldSize(message, plan.field);
  for (int i = 0; i < size; ++i) {
    if (i > 0) out += ',';
    write_element(out, message, fields, plan, i, form);
  }
  out += ']';
}

/// By key, because the order inside a map differs in every run.
void write_map(std::string& out, const Message& message, const Reflection& fields, const FieldPlan& plan, Form form) {
  const FieldPlan& key = plan.child->fields[0];
  const FieldPlan& value = plan.child->fields[1];
  struct Entry {
    std::string key;
    const Message* message;
  };
  std::vector<Entry> entries;
  const int size = fields.FieldSize(message, plan.field);
  entries.reserve(static_cast<std::size_t>(size));
  for (int i = 0; i < size; ++i) {
    const Message& entry = fields.GetRepeatedMessage(message, plan.field, i);
    entries.push_back({entry.GetReflection()->GetString(entry, key.field), &entry});
  }
  std::ranges::sort(entries, {}, &Entry::key);

  out += '{';
  for (const Entry& entry : entries) {
    if (&entry != entries.data()) out += ',';
    append_quoted(out, entry.key);
    out += ':';
    const Reflection& fields_of_entry = *entry.message->GetReflection();
    if (plan.null_values && fields_of_entry.GetMessage(*entry.message, value.field).ByteSizeLong() == 0) {
      out += "null";
    } else {
      write_single(out, *entry.message, fields_of_entry, value, form);
    }
  }
  out += '}';
}

bool is_unset(const Message& message, const Reflection& fields, const FieldPlan& plan) {
  if (plan.list || plan.map) return fields.FieldSize(message, plan.field) == 0;
  return !fields.HasField(message, plan.field);
}

/// A scalar that was set, but to its default value: left out like one that was not.
bool is_zero(const Message& message, const Reflection& fields, const FieldPlan& plan) {
  if (!plan.nullable) return false;
  switch (plan.kind) {
    case Kind::boolean: return !fields.GetBool(message, plan.field);
    case Kind::int64:
    case Kind::duration: return fields.GetInt64(message, plan.field) == 0;
    case Kind::uint64: return fields.GetUInt64(message, plan.field) == 0;
    case Kind::text: return fields.GetString(message, plan.field).empty();
    default: return false;
  }
}

/// Whether an unset field shows as null rather than as its default value.
bool is_null_when_unset(const FieldPlan& plan) {
  return plan.nullable || (!plan.always && (plan.list || plan.map || plan.kind == Kind::message));
}

void write_message(std::string& out, const Message& message, const MessagePlan& plan, Form form) {
  const Reflection& fields = *message.GetReflection();
  if (plan.string_list) return write_list(out, message, fields, plan.fields[0], form);

  out += '{';
  bool first = true;
  for (const FieldPlan& field : plan.fields) {
    if (field.internal || (form == Form::stored && !field.in_stored)) continue;
    const bool omit = form == Form::stored ? field.omit_stored : field.omit_sent;
    const bool shows_presence = omit || is_null_when_unset(field);
    const bool unset = shows_presence && is_unset(message, fields, field);
    if (omit && (unset || is_zero(message, fields, field))) continue;
    if (!first) out += ',';
    first = false;
    out += field.key;
    if (field.blank) {
      out += "\"\"";
    } else if (unset && (field.list || field.map) && is_given_empty(message, *field.field)) {
      out += field.map ? "{}" : "[]";
    } else if (unset) {
      out += "null";
    } else if (field.map) {
      write_map(out, message, fields, field, form);
    } else if (field.list) {
      write_list(out, message, fields, field, form);
    } else {
      write_single(out, message, fields, field, form);
    }
  }
  out += '}';
}

void new_line(std::string& out, int depth) {
  out += '\n';
  out.append(static_cast<std::size_t>(depth) * 4, ' ');
}

/// The end of the string that begins at `from` (a quote): the position after its closing quote.
std::size_t string_end(std::string_view json, std::size_t from) {
  std::size_t i = from + 1;
  while (i < json.size() && json[i] != '"') i += json[i] == '\\' ? 2 : 1;
  return std::min(i + 1, json.size());
}

}  // namespace

void append_json(std::string& out, const Message& message, Form form) {
  write_message(out, message, codec::plan_of(*message.GetDescriptor()), form);
}

std::string to_json(const Message& message, Form form) {
  std::string out;
  append_json(out, message, form);
  return out;
}

std::string to_json_pretty(const Message& message, Form form) { return pretty_json(to_json(message, form)); }

std::string pretty_json(std::string_view compact) {
  std::string out;
  out.reserve(compact.size() * 2);
  int depth = 0;
  for (std::size_t i = 0; i < compact.size(); ++i) {
    const char c = compact[i];
    const char next = i + 1 < compact.size() ? compact[i + 1] : '\0';
    switch (c) {
      case '"': {
        const std::size_t end = string_end(compact, i);
        out.append(compact, i, end - i);
        i = end - 1;
        break;
      }
      case '{':
      case '[':
        out += c;
        if (next == '}' || next == ']') {
          out += next;
          ++i;
        } else {
          new_line(out, ++depth);
        }
        break;
      case '}':
      case ']':
        new_line(out, --depth);
        out += c;
        break;
      case ',':
        out += c;
        new_line(out, depth);
        break;
      case ':': out += ": "; break;
      case ' ':
      case '\n':
      case '\r':
      case '\t': break;
      default: out += c;
    }
  }
  out += '\n';
  return out;
}

}  // namespace drover::model
