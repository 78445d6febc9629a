#pragma once

#include <string>

namespace google::protobuf {
class MessageLite;
}

namespace drover::server {

/// A message's bytes, the same for equal messages (map entries in order of their keys).
std::string to_bytes(const google::protobuf::MessageLite& message);

}  // namespace drover::server
