#pragma once

#include <drover/result.h>

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "api/params.h"
#include "base/http/types.h"

namespace google::protobuf {
class Message;
}

/// How answers of /v1 look: JSON bodies, index headers, lists, plain text errors.
namespace drover::api {

/// A JSON body that is already text.
http::Response json(std::string text, bool pretty = false);
http::Response json(const google::protobuf::Message& message, bool pretty = false);
/// 200 without a body.
http::Response empty();
/// A plain text body: how errors are told.
http::Response refuse(int status, std::string text);
/// An error from below. Its code decides the status as clients expect it: what is wrong with a job is 500, as is
/// whatever keeps us from answering.
http::Response refuse(const Error& error);
int status_of(Code code);

/// Writes element `i` of a list as JSON. Owns or shares what it reads; called on the server's loop, in order.
using AppendElement = std::function<void(std::string& out, std::size_t i)>;
/// A JSON list written element by element: at once while it is short, streamed when it is long.
http::Response list(std::size_t count, AppendElement append, bool pretty = false);

/// The headers of a read. LastContact is 0 on the leader.
void set_index(http::Response& response, Index index, bool known_leader = true);
/// The header of a write: the index of its command.
void set_write_index(http::Response& response, Index index);
void set_next_token(http::Response& response, const std::string& token);

}  // namespace drover::api
