#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include <drover/result.h>

namespace google::protobuf {
class Message;
}

/// Messages as the JSON that clients of /v1 know, and back. Driven by descriptors and model/proto/options.proto.
///
/// Out, exact: compact, members in byte order of their names; unset lists, maps, messages and optional scalars are null;
/// times are RFC 3339 in UTC, or null when zero; bytes are base64; doubles always carry a fraction or an exponent.
/// In, lenient: keys in any case, unknown ones ignored, null is unset, durations as nanoseconds or as "30s".
/// Any thread.
namespace drover::model {

constexpr std::size_t json_bytes_max = 32 << 20;  ///< longer input is refused (Code::exhausted)
constexpr std::size_t json_depth_max = 100;       ///< deeper nesting is refused (Code::invalid)

/// A job has two forms: what users send (job files, registrations), and what is stored and shown, where some members
/// have moved elsewhere. All other messages look the same in both.
enum class Form : std::uint8_t { stored, sent };

std::string to_json(const google::protobuf::Message& message, Form form = Form::stored);
/// Appends; for lists, which are written one element at a time.
void append_json(std::string& out, const google::protobuf::Message& message, Form form = Form::stored);
/// Four blanks of indentation and a final newline, as `?pretty` answers.
std::string to_json_pretty(const google::protobuf::Message& message, Form form = Form::stored);
/// The same for JSON text that is compact already. Expects valid JSON.
std::string pretty_json(std::string_view compact);

/// Reads an object into `message`, which is cleared first. What follows the first JSON value is ignored.
/// Errors (Code::invalid) name the place: "Job.TaskGroups[0].Count: expected an integer, found a string".
Result<void> from_json(std::string_view json, google::protobuf::Message& message);
/// Reads one member of an object, e.g. "Job" of a registration, ignoring the others. Code::not_found when the member is
/// missing or null.
Result<void> from_json_member(std::string_view json, std::string_view member, google::protobuf::Message& message);


}  // namespace drover::model
