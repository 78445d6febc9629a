#include "cli/driver_trace.h"

#include <google/protobuf/message.h>

#include <algorithm>
#include <cctype>
#include <memory>
#include <vector>

#include "base/json/json.h"
#include "base/msgpack/msgpack.h"

namespace drover::cli {
namespace {

namespace protobuf = google::protobuf;
using Fields = std::vector<const protobuf::FieldDescriptor*>;

const char* const hidden = "<hidden>";
constexpr const char* packed_configs[] = {"msgpack_driver_config", "msgpack_config"};

std::string counted(std::size_t bytes) { return "<" + std::to_string(bytes) + " bytes>"; }

/// "environment" and its like: a map from names to texts.
void hide_in_map(protobuf::Message& message, const protobuf::FieldDescriptor& field) {
  const protobuf::Reflection& reflection = *message.GetReflection();
  const protobuf::FieldDescriptor* value = field.message_type()->map_value();
  if (value->cpp_type() != protobuf::FieldDescriptor::CPPTYPE_STRING) return;
  for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
    protobuf::Message& entry = *reflection.MutableRepeatedMessage(&message, &field, i);
    const std::string name = entry.GetReflection()->GetString(entry, field.message_type()->map_key());
    if (speaks_of_secrets(name)) entry.GetReflection()->SetString(&entry, value, hidden);
  }
}

void hide_bytes(protobuf::Message& message, const protobuf::FieldDescriptor& field) {
  const protobuf::Reflection& reflection = *message.GetReflection();
  const std::string bytes = reflection.GetString(message, &field);
  const bool is_config = std::find(std::begin(packed_configs), std::end(packed_configs), field.name()) != std::end(packed_configs);
  const Result<Value> config = is_config ? msgpack::decode(bytes) : Result<Value>(Value());
  const bool readable = is_config && config.ok();
  reflection.SetString(&message, &field, readable ? json::write(without_secrets(*config)) : counted(bytes.size()));
}

void hide(protobuf::Message& message) {
  const protobuf::Reflection& reflection = *message.GetReflection();
  Fields fields;
  reflection.ListFields(message, &fields);
  for (const protobuf::FieldDescriptor* field : fields) {
    if (field->is_map()) {
      hide_in_map(message, *field);
    } else if (field->cpp_type() == protobuf::FieldDescriptor::CPPTYPE_MESSAGE && field->is_repeated()) {
      for (int i = 0; i < reflection.FieldSize(message, field); ++i) hide(*reflection.MutableRepeatedMessage(&message, field, i));
    } else if (field->cpp_type() == protobuf::FieldDescriptor::CPPTYPE_MESSAGE) {
      hide(*reflection.MutableMessage(&message, field));
    } else if (field->type() == protobuf::FieldDescriptor::TYPE_BYTES && !field->is_repeated()) {
      hide_bytes(message, *field);
    }
  }
}

/// Not protobuf's own JSON: that knows bytes only as base64, and we have made texts of them.
std::string as_json(const protobuf::Message& message);

Value value_of(const protobuf::Message& message, const protobuf::FieldDescriptor& field, int index) {
  using Kind = protobuf::FieldDescriptor;
  const protobuf::Reflection& r = *message.GetReflection();
  const bool many = index >= 0;
  switch (field.cpp_type()) {
    case Kind::CPPTYPE_INT32: return Value(std::int64_t{many ? r.GetRepeatedInt32(message, &field, index) : r.GetInt32(message, &field)});
    case Kind::CPPTYPE_INT64: return Value(std::int64_t{many ? r.GetRepeatedInt64(message, &field, index) : r.GetInt64(message, &field)});
    case Kind::CPPTYPE_UINT32: return Value(std::int64_t{many ? r.GetRepeatedUInt32(message, &field, index) : r.GetUInt32(message, &field)});
    case Kind::CPPTYPE_UINT64: return Value(static_cast<std::int64_t>(many ? r.GetRepeatedUInt64(message, &field, index) : r.GetUInt64(message, &field)));
    case Kind::CPPTYPE_DOUBLE: return Value(many ? r.GetRepeatedDouble(message, &field, index) : r.GetDouble(message, &field));
    case Kind::CPPTYPE_FLOAT: return Value(static_cast<double>(many ? r.GetRepeatedFloat(message, &field, index) : r.GetFloat(message, &field)));
    case Kind::CPPTYPE_BOOL: return Value(many ? r.GetRepeatedBool(message, &field, index) : r.GetBool(message, &field));
    case Kind::CPPTYPE_ENUM: return Value(std::string((many ? r.GetRepeatedEnum(message, &field, index) : r.GetEnum(message, &field))->name()));
    case Kind::CPPTYPE_STRING: return Value(many ? r.GetRepeatedString(message, &field, index) : r.GetString(message, &field));
    case Kind::CPPTYPE_MESSAGE: break;
  }
  return json::parse(as_json(many ? r.GetRepeatedMessage(message, &field, index) : r.GetMessage(message, &field))).value_or(Value());
}

Value map_value(const protobuf::Message& message, const protobuf::FieldDescriptor& field) {
  Value map = Value::map();
  const protobuf::Reflection& reflection = *message.GetReflection();
  for (int i = 0; i < reflection.FieldSize(message, &field); ++i) {
    const protobuf::Message& entry = reflection.GetRepeatedMessage(message, &field, i);
    const Value key = value_of(entry, *field.message_type()->map_key(), -1);
    map.set(key.is_text() ? key.text() : json::write(key), value_of(entry, *field.message_type()->map_value(), -1));
  }
  std::sort(map.members().begin(), map.members().end(), [](const auto& a, const auto& b) { return a.first < b.first; });
  return map;
}

std::string as_json(const protobuf::Message& message) {
  Value out = Value::map();
  Fields fields;
  message.GetReflection()->ListFields(message, &fields);
  for (const protobuf::FieldDescriptor* field : fields) {
    if (field->is_map()) {
      out.set(field->name(), map_value(message, *field));
    } else if (field->is_repeated()) {
      Value list = Value::list();
      for (int i = 0; i < message.GetReflection()->FieldSize(message, field); ++i) list.push(value_of(message, *field, i));
      out.set(field->name(), std::move(list));
    } else {
      out.set(field->name(), value_of(message, *field, -1));
    }
  }
  return json::write(out);
}

}  // namespace

bool speaks_of_secrets(const std::string& name) {
  std::string lower = name;
  std::transform(lower.begin(), lower.end(), lower.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  constexpr const char* words[] = {"secret", "token", "password", "passwd", "passphrase", "credential", "private", "apikey", "api_key", "access_key", "auth"};
  return std::any_of(std::begin(words), std::end(words), [&lower](const char* word) { return lower.find(word) != std::string::npos; });
}

Value without_secrets(const Value& value) {
  Value out = value;
  if (out.is_list()) {
    for (Value& item : out.items()) item = without_secrets(item);
  } else if (out.is_map()) {
    for (auto& [name, member] : out.members()) {
      const bool is_plain = !member.is_map() && !member.is_list();
      member = speaks_of_secrets(name) && is_plain ? Value(hidden) : without_secrets(member);
    }
  }
  return out;
}

std::string shown_message(const std::string& method, bool is_request, const std::string& bytes) {
  std::string name = method.empty() ? "" : method.substr(1);
  std::replace(name.begin(), name.end(), '/', '.');
  const protobuf::MethodDescriptor* called = protobuf::DescriptorPool::generated_pool()->FindMethodByName(name);
  if (called == nullptr) return "\"" + counted(bytes.size()) + "\"";
  const protobuf::Descriptor* type = is_request ? called->input_type() : called->output_type();
  const std::unique_ptr<protobuf::Message> message(protobuf::MessageFactory::generated_factory()->GetPrototype(type)->New());
  if (!message->ParseFromString(bytes)) return "\"" + counted(bytes.size()) + " that are no message\"";
  hide(*message);
  return as_json(*message);
}

}  // namespace drover::cli
