#include "model/json/given_empty.h"

#include <google/protobuf/message.h>
#include <google/protobuf/unknown_field_set.h>

namespace drover::model {
namespace {

/// The marks are an unknown field: this number is no member of any message of ours.
constexpr int mark_number = 100'000;

}  // namespace

void mark_given_empty(google::protobuf::Message& message, const google::protobuf::FieldDescriptor& field) {
  if (!is_given_empty(message, field)) message.GetReflection()->MutableUnknownFields(&message)->AddVarint(mark_number, static_cast<std::uint64_t>(field.number()));
}

bool is_given_empty(const google::protobuf::Message& message, const google::protobuf::FieldDescriptor& field) {
  const google::protobuf::UnknownFieldSet& marks = message.GetReflection()->GetUnknownFields(message);
  for (int i = 0; i < marks.field_count(); ++i) {
    const google::protobuf::UnknownField& mark = marks.field(i);
    if (mark.number() == mark_number && mark.type() == google::protobuf::UnknownField::TYPE_VARINT && mark.varint() == static_cast<std::uint64_t>(field.number())) return true;
  }
  return false;
}

}  // namespace drover::model
