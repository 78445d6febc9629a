#include "model/diff/parts.h"

#include <algorithm>
#include <set>
#include <span>

#include "base/json/json.h"

namespace drover::model::diff {
namespace {

using google::protobuf::FieldDescriptor;
using google::protobuf::Message;

/// Optional members for which "not set" is something else than zero.
constexpr std::string_view may_be_missing[] = {
    "TaskGroup.ShutdownDelay", "TaskGroup.MaxRunDuration", "TaskGroup.StopAfterClientDisconnect", "TaskGroup.MaxClientDisconnect",
    "Template.Uid",            "Template.Gid"};
/// Those that are shown as "nil" then.
constexpr std::string_view may_be_nil[] = {"DisconnectStrategy.StopOnClientAfter", "DisconnectStrategy.Replace"};

bool is_in(std::span<const std::string_view> names, const std::string& name) { return std::ranges::find(names, name) != names.end(); }

bool contains(Names names, std::string_view name) { return std::ranges::find(names, name) != names.end(); }

bool is_scalar(const FieldDescriptor& field) {
  return !field.is_repeated() && field.cpp_type() != FieldDescriptor::CPPTYPE_MESSAGE && field.type() != FieldDescriptor::TYPE_BYTES;
}

std::string text_of(const Message& message, const FieldDescriptor& field) {
  const auto& fields = *message.GetReflection();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_BOOL: return fields.GetBool(message, &field) ? "true" : "false";
    case FieldDescriptor::CPPTYPE_INT32: return std::to_string(fields.GetInt32(message, &field));
    case FieldDescriptor::CPPTYPE_INT64: return std::to_string(fields.GetInt64(message, &field));
    case FieldDescriptor::CPPTYPE_UINT32: return std::to_string(fields.GetUInt32(message, &field));
    case FieldDescriptor::CPPTYPE_UINT64: return std::to_string(fields.GetUInt64(message, &field));
    case FieldDescriptor::CPPTYPE_STRING: return fields.GetString(message, &field);
    default: return "";
  }
}

Flat scalars(const Message* message, const std::function<bool(std::string_view)>& wanted) {
  Flat out;
  if (!message) return out;
  const auto& type = *message->GetDescriptor();
  for (int i = 0; i < type.field_count(); ++i) {
    const FieldDescriptor& field = *type.field(i);
    if (!is_scalar(field) || !wanted(field.json_name())) continue;
    const bool unset = field.has_presence() && !message->GetReflection()->HasField(*message, &field);
    const std::string full_name = type.name() + "." + field.json_name();
    if (unset && is_in(may_be_missing, full_name)) continue;
    out.emplace(field.json_name(), unset && is_in(may_be_nil, full_name) ? "nil" : text_of(*message, field));
  }
  return out;
}

void flatten(Flat& out, const std::string& name, const Value& value) {
  switch (value.kind()) {
    case Value::Kind::null: out[name] = "nil"; break;
    case Value::Kind::text: out[name] = value.text(); break;
    case Value::Kind::list:
      for (std::size_t i = 0; i < value.items().size(); ++i) flatten(out, name + "[" + std::to_string(i) + "]", value.items()[i]);
      break;
    case Value::Kind::map:
      for (const auto& [key, inner] : value.members()) flatten(out, name.empty() ? key : name + "[" + key + "]", inner);
      break;
    default: out[name] = json::write(value);
  }
}

std::string value_in(const Flat& flat, const std::string& name) {
  const auto found = flat.find(name);
  return found == flat.end() ? "" : found->second;
}

void add_field(Fields& out, const char* type, std::string_view name, std::string before, std::string after) {
  FieldDiff& field = *out.Add();
  field.set_type(type);
  field.set_name(std::string(name));
  field.set_old(std::move(before));
  field.set_new_(std::move(after));
}

}  // namespace

Flat flat(const Message* message, Names except) {
  return scalars(message, [except](std::string_view name) { return !contains(except, name); });
}

Flat flat_only(const Message* message, Names only) {
  return scalars(message, [only](std::string_view name) { return contains(only, name); });
}

Flat flat_json(const std::string& text) {
  Flat out;
  const Result<Value> value = json::parse(text.empty() ? "{}" : text);
  if (value) flatten(out, "", *value);
  return out;
}

void add_map(Flat& out, const std::string& name, const google::protobuf::Map<std::string, std::string>& map) {
  for (const auto& [key, value] : map) out[name + "[" + key + "]"] = value;
}

void compare(const Flat& before, const Flat& after, Surroundings surroundings, Fields& out) {
  std::set<std::string> names;
  for (const auto& [name, value] : before) names.insert(name);
  for (const auto& [name, value] : after) names.insert(name);
  for (const std::string& name : names) {
    std::string was = value_in(before, name);
    std::string is = value_in(after, name);
    if (was == is) {
      if (surroundings == Surroundings::with) add_field(out, none, name, std::move(was), std::move(is));
      continue;
    }
    const char* type = was.empty() ? added : is.empty() ? deleted : edited;
    add_field(out, type, name, std::move(was), std::move(is));
  }
}

const char* type_of(bool has_before, bool has_after) { return !has_before ? added : !has_after ? deleted : edited; }

bool same(const Message* a, const Message* b) {
  if (!a || !b) return a == b;
  std::string texts[2];
  for (const int i : {0, 1}) {
    google::protobuf::io::StringOutputStream stream(&texts[i]);
    google::protobuf::io::CodedOutputStream coded(&stream);
    coded.SetSerializationDeterministic(true);
    (i == 0 ? a : b)->SerializeToCodedStream(&coded);
  }
  return texts[0] == texts[1];
}

void compare_object(std::string_view name, const Message* before, const Message* after, Objects& out, Names except) {
  const Flat was = flat(before, except);
  const Flat is = flat(after, except);
  if (!before && !after) return;
  if (before && after && was == is) return;
  ObjectDiff& object = *out.Add();
  object.set_name(std::string(name));
  object.set_type(type_of(before, after));
  compare(was, is, Surroundings::with, *object.mutable_fields());
}

void compare_texts(std::string_view name, const Texts& before, const Texts& after, bool show_equal, Objects& out) {
  const std::set<std::string> was(before.begin(), before.end());
  const std::set<std::string> is(after.begin(), after.end());
  if (was == is && (!show_equal || was.empty())) return;
  ObjectDiff object;
  bool any_added = false;
  bool any_deleted = false;
  for (const std::string& text : is) {
    if (was.contains(text)) continue;
    any_added = true;
    add_field(*object.mutable_fields(), added, name, "", text);
  }
  for (const std::string& text : was) {
    const bool kept = is.contains(text);
    any_deleted = any_deleted || !kept;
    add_field(*object.mutable_fields(), kept ? none : deleted, name, text, kept ? text : "");
  }
  object.set_name(std::string(name));
  object.set_type(any_added && any_deleted ? edited : any_added ? added : any_deleted ? deleted : none);
  *out.Add() = std::move(object);
}

}  // namespace drover::model::diff
