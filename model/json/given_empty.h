#pragma once

namespace google::protobuf {
class FieldDescriptor;
class Message;
}  // namespace google::protobuf

/// A message cannot tell a list or map that was given and is empty from one that was not given. The JSON of a job file
/// can (`[]` and null): so the reader of job files leaves a mark beside such a field, which the JSON writer heeds. A
/// mark is part of the message where it is copied, and means nothing to anyone else.
namespace drover::model {

/// Any list or map field.
void mark_given_empty(google::protobuf::Message& message, const google::protobuf::FieldDescriptor& field);
bool is_given_empty(const google::protobuf::Message& message, const google::protobuf::FieldDescriptor& field);

}  // namespace drover::model
