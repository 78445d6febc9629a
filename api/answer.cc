#include "api/answer.h"

#include <algorithm>

#include "model/json/codec.h"

namespace drover::api {
namespace {

constexpr std::size_t whole_max = 64 * 1024;  ///< a list up to this size is sent with its length
constexpr std::size_t piece_size = 32 * 1024;

/// Appends elements from `i` on until `size` is reached or all are written; returns where to go on.
std::size_t append_elements(std::string& out, std::size_t i, std::size_t count, const AppendElement& append, std::size_t size) {
  for (; i < count && out.size() < size; ++i) {
    if (i > 0) out.push_back(',');
    append(out, i);
  }
  return i;
}

Async<bool> write_list(http::StreamWriter& writer, std::string begun, std::size_t i, std::size_t count,
                       const AppendElement& append) {
  std::string piece = std::move(begun);
  while (i < count) {
    i = append_elements(piece, i, count, append, piece.size() + piece_size);
    const bool written = co_await writer.write(std::move(piece));
    if (!written) co_return false;
    piece.clear();
  }
  piece += "]";
  co_return co_await writer.write(std::move(piece));
}

}  // namespace

http::Response json(std::string text, bool pretty) {
  http::Response response;
  response.headers.set("Content-Type", "application/json");
  response.body = pretty ? model::pretty_json(text) : std::move(text);
  return response;
}

http::Response json(const google::protobuf::Message& message, bool pretty) { return json(model::to_json(message), pretty); }

http::Response empty() { return {}; }

http::Response refuse(int status, std::string text) {
  http::Response response;
  response.status = status;
  if (!text.empty()) response.headers.set("Content-Type", "text/plain; charset=utf-8");
  response.body = std::move(text);
  return response;
}

int status_of(Code code) {
  switch (code) {
    case Code::not_found: return 404;
    case Code::denied: return 403;
    case Code::exhausted: return 429;
    case Code::unsupported: return 501;
    case Code::invalid:
    case Code::conflict:
    case Code::unavailable:
    case Code::timeout:
    case Code::cancelled:
    case Code::internal: return 500;
  }
  return 500;
}

http::Response refuse(const Error& error) { return refuse(status_of(error.code), error.message); }

http::Response list(std::size_t count, AppendElement append, bool pretty) {
  std::string begun = "[";
  const std::size_t whole = pretty ? std::string::npos : whole_max;
  const std::size_t next = append_elements(begun, 0, count, append, whole);
  if (next == count) return json(begun + "]", pretty);

  http::Response response = json("");
  response.stream = [begun = std::move(begun), next, count, append = std::move(append)](http::StreamWriter& writer) {
    return write_list(writer, begun, next, count, append);
  };
  return response;
}

void set_index(http::Response& response, Index index, bool known_leader) {
  response.headers.set("X-Nomad-Index", std::to_string(index));
  response.headers.set("X-Nomad-KnownLeader", known_leader ? "true" : "false");
  response.headers.set("X-Nomad-LastContact", "0");
}

void set_write_index(http::Response& response, Index index) {
  response.headers.set("X-Nomad-Index", std::to_string(index));
}

void set_next_token(http::Response& response, const std::string& token) {
  if (!token.empty()) response.headers.set("X-Nomad-NextToken", token);
}

}  // namespace drover::api
