#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <drover/result.h>

#include "base/loop/async.h"

namespace drover::http {

/// Header fields in the order they came; names compare without case.
class Headers {
 public:
  using Field = std::pair<std::string, std::string>;

  /// The first value of this name; nullptr when there is none.
  const std::string* find(std::string_view name) const;
  /// The first value of this name, or "".
  std::string_view get(std::string_view name) const;
  /// Replaces all values of this name by one.
  void set(std::string_view name, std::string value);
  /// One more value, beside others of the same name.
  void add(std::string_view name, std::string value);
  void remove(std::string_view name);

  const std::vector<Field>& all() const { return fields_; }

 private:
  std::vector<Field> fields_;
};

/// Query parameters, decoded, in the order they came.
using Query = std::vector<std::pair<std::string, std::string>>;

/// What a client asked, whole: the server reads the body before it calls the handler.
struct Request {
  std::string method;  ///< upper case: GET, PUT, …
  std::string target;  ///< as sent: "/v1/job/a%2Fb?pretty"
  std::string path;    ///< decoded once, without the query: "/v1/job/a/b"
  Query query;
  Headers headers;
  std::string body;
  std::string peer;  ///< "127.0.0.1:40112"; "unix" on a unix socket

  /// The first value of a query parameter ("" when given without "="); nullptr when absent.
  const std::string* parameter(std::string_view name) const;
};

/// Where a streamed body goes. Lives on the server's loop, valid until the stream function returns.
class StreamWriter {
 public:
  virtual ~StreamWriter() = default;
  /// Adds to the body; sends when enough is gathered, and waits while the client is slow. False: the client has gone or
  /// the request was cancelled; return soon then.
  virtual Async<bool> write(std::string chunk) = 0;
  /// Sends what is gathered now.
  virtual Async<bool> flush() = 0;
};

/// Writes a body of unknown length; the body ends when it returns true. False: what went wrong came too late for a
/// status, the connection is cut so that the client sees a truncated body.
using Stream = std::function<Async<bool>(StreamWriter&)>;

/// One end of a websocket: whole text messages either way. Lives on the server's loop, valid until the conversation
/// returns. Pings are answered below it.
class WebSocket {
 public:
  virtual ~WebSocket() = default;
  /// The next message. One receive at a time, beside any send. `unavailable`: the other side has closed it or gone;
  /// `exhausted`: it sent more than websocket_message_max; `cancelled`.
  virtual Async<Result<std::string>> receive() = 0;
  /// Waits while the other side is slow. False: it has gone, or the wait was cancelled.
  virtual Async<bool> send(std::string message) = 0;
  /// Ends it: code as in RFC 6455 (1000 normal, 1008 refused, 1011 failed), and the reason, cut to 123 bytes. Once.
  virtual void close(int code, std::string reason) = 0;
};
constexpr std::size_t websocket_message_max = 1u << 20;

/// Talks until it returns; what it has not closed then is closed with 1000.
using Conversation = std::function<Async<void>(WebSocket&)>;

/// Whether a request asks for an upgrade to a websocket.
bool wants_websocket(const Request& request);

/// The answer: a status, header fields, and either a body, a stream, or a websocket conversation. Content-Length,
/// Transfer-Encoding, Connection and Content-Encoding are the server's.
struct Response {
  int status = 200;
  Headers headers;
  std::string body;
  Stream stream;          ///< when set, `body` is not used
  Conversation websocket; ///< when set, the connection is upgraded: only in answer to a request that wants it
  bool compress = true;   ///< gzip if the client accepts it; false for streams that must arrive line by line
};

/// Answers requests. Called on the server's loop. A cancelled wait inside means that the client has gone or that the
/// server stops; what is returned then is sent if there still is somebody to read it.
using Handler = std::function<Async<Response>(Request)>;

/// "%2F" → "/"; with `plus_is_space` also "+" → " " (queries). nullopt for a broken escape.
std::optional<std::string> decode_percent(std::string_view text, bool plus_is_space = false);
/// Everything but unreserved characters (A-Z a-z 0-9 - . _ ~) escaped.
std::string encode_percent(std::string_view text);
/// "a=1&b" → {a,1},{b,""}; parts with broken escapes are kept as they are.
Query parse_query(std::string_view text);
/// "?a=1&b=2", or "" when empty.
std::string format_query(const Query& query);

/// The standard reason phrase: 404 → "Not Found".
std::string_view reason(int status);

}  // namespace drover::http
