#include "model/json/plans.h"

#include <algorithm>
#include <memory>

#include "model/proto/common.pb.h"
#include "model/proto/options.pb.h"

namespace drover::model::codec {
namespace {

using google::protobuf::Descriptor;
using google::protobuf::FieldDescriptor;

using Plans = std::unordered_map<const Descriptor*, std::unique_ptr<MessagePlan>>;

std::string lower(std::string_view text) {
  std::string out(text);
  for (char& c : out) c = c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
  return out;
}

Kind kind_of(const FieldDescriptor& field) {
  const auto& options = field.options();
  switch (field.cpp_type()) {
    case FieldDescriptor::CPPTYPE_MESSAGE: return Kind::message;
    case FieldDescriptor::CPPTYPE_BOOL: return Kind::boolean;
    case FieldDescriptor::CPPTYPE_INT32: return Kind::int32;
    case FieldDescriptor::CPPTYPE_UINT32: return Kind::uint32;
    case FieldDescriptor::CPPTYPE_UINT64: return Kind::uint64;
    case FieldDescriptor::CPPTYPE_DOUBLE: return Kind::real;
    case FieldDescriptor::CPPTYPE_INT64:
      if (options.GetExtension(json_duration)) return Kind::duration;
      return options.GetExtension(json_time) ? Kind::time : Kind::int64;
    case FieldDescriptor::CPPTYPE_STRING:
      if (field.type() == FieldDescriptor::TYPE_BYTES) return Kind::bytes;
      return options.GetExtension(json_raw) ? Kind::raw : Kind::text;
    default: break;
  }
  GOOGLE_CHECK(false) << field.full_name() << " has a type that the JSON codec does not know";
  return Kind::text;
}

const MessagePlan* build(const Descriptor& type, Plans& plans);

FieldPlan field_plan(const FieldDescriptor& field, const google::protobuf::MessageOptions& whole, Plans& plans) {
  const auto& options = field.options();
  FieldPlan plan;
  plan.field = &field;
  plan.name = field.json_name();
  plan.key = '"' + plan.name + "\":";
  plan.kind = kind_of(field);
  plan.map = field.is_map();
  plan.list = field.is_repeated() && !plan.map;
  plan.nullable = field.has_presence() && plan.kind != Kind::message;
  plan.always = options.GetExtension(json_always);
  const bool omit = (whole.GetExtension(json_omit_empty) || options.GetExtension(json_omit)) && !plan.always;
  plan.omit_sent = omit || options.GetExtension(json_omit_sent);
  plan.omit_stored = omit || (whole.GetExtension(json_omit_empty_stored) && !plan.always);
  plan.in_stored = !options.GetExtension(json_sent_only);
  plan.null_values = options.GetExtension(json_null_values);
  plan.internal = options.GetExtension(json_internal);
  plan.blank = options.GetExtension(json_blank);
  if (plan.kind == Kind::message) plan.child = build(*field.message_type(), plans);
  return plan;
}

const MessagePlan* build(const Descriptor& type, Plans& plans) {
  auto& slot = plans[&type];
  if (slot) return slot.get();
  // In the table before its fields are looked at: messages may hold themselves.
  slot = std::make_unique<MessagePlan>();
  MessagePlan& plan = *slot;
  plan.string_list = &type == StringList::descriptor();
  for (int i = 0; i < type.field_count(); ++i) plan.fields.push_back(field_plan(*type.field(i), type.options(), plans));
  if (!type.options().map_entry()) std::ranges::sort(plan.fields, {}, &FieldPlan::name);
  for (std::size_t i = 0; i < plan.fields.size(); ++i) plan.by_lower_name.emplace(lower(plan.fields[i].name), i);
  return &plan;
}

}  // namespace

const FieldPlan* MessagePlan::find(std::string_view key) const {
  const auto found = by_lower_name.find(lower(key));
  return found == by_lower_name.end() ? nullptr : &fields[found->second];
}

const MessagePlan& plan_of(const Descriptor& type) {
  // One table a thread instead of one behind a mutex: some hundred small entries.
  thread_local Plans plans;
  return *build(type, plans);
}

}  // namespace drover::model::codec
