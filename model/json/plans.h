#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include <google/protobuf/descriptor.h>

/// What the codec must know of a message type, computed once a type (and thread).
namespace drover::model::codec {

struct MessagePlan;

enum class Kind : std::uint8_t { text, raw, bytes, boolean, int32, int64, uint32, uint64, real, duration, time, message };

struct FieldPlan {
  const google::protobuf::FieldDescriptor* field = nullptr;
  std::string name;  ///< "TaskGroups"
  std::string key;   ///< "\"TaskGroups\":"
  Kind kind = Kind::text;
  bool list = false;      ///< repeated, and no map
  bool map = false;
  bool nullable = false;  ///< a scalar that knows whether it was set
  bool omit_sent = false;    ///< left out of the form that users send when it has its default value
  bool omit_stored = false;  ///< the same for the stored form
  bool in_stored = true;     ///< a member of the stored form
  bool always = false;    ///< a message that is never null
  bool null_values = false;  ///< a map whose empty messages are null
  bool internal = false;  ///< never written
  bool blank = false;     ///< written as "" whatever it holds
  const MessagePlan* child = nullptr;  ///< of a message; of a map: of its entry
};

struct MessagePlan {
  std::vector<FieldPlan> fields;  ///< by name
  std::unordered_map<std::string, std::size_t> by_lower_name;
  bool string_list = false;  ///< written as a plain list of texts

  /// Null when there is no such member. Any case.
  const FieldPlan* find(std::string_view key) const;
};

/// Lives as long as the thread.
const MessagePlan& plan_of(const google::protobuf::Descriptor& type);

}  // namespace drover::model::codec
