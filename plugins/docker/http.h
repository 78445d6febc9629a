#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include <drover/result.h>
#include <drover/task_config.h>

/// HTTP to a container engine: a unix socket or TCP, with or without TLS.
namespace drover::docker {

using sdk::Duration;

/// Where an engine listens.
struct Endpoint {
  std::string text;         ///< as it was configured, for messages
  std::string socket_path;  ///< of a unix socket; else empty
  std::string base_url;     ///< "http://host:2375"; of a unix socket "http://docker"
  std::string ca;           ///< files; used with https only
  std::string certificate;
  std::string key;
  bool verify = true;

  bool is_tls() const { return base_url.starts_with("https:"); }
  friend bool operator==(const Endpoint&, const Endpoint&) = default;
};

struct Request {
  std::string method = "GET";
  std::string target;  ///< path and query
  std::string body;
  std::string content_type = "application/json";  ///< of a body that is not empty
  std::vector<std::string> headers;               ///< "Name: value"
  Duration limit = std::chrono::seconds(30);      ///< for all of it; 0 = none
};

struct Response {
  int status = 0;
  std::string body;
};

/// What becomes of a streamed answer. Called on the client's thread; must not block.
struct StreamEvents {
  std::function<void(int status)> head;           ///< once, before any data
  std::function<bool(std::string_view)> data;     ///< false: not taken; offered again after resume()
  std::function<void(const Result<void>&)> end;   ///< last, once; not called after cancel()
};

/// A client with one thread, which also keeps time and watches descriptors for those who live on it. Its methods may be
/// called from any thread; what they are given runs on the client's.
class Http {
 public:
  using StreamId = std::uint64_t;

  explicit Http(Endpoint endpoint);
  Http(const Http&) = delete;
  Http& operator=(const Http&) = delete;
  ~Http();  ///< ends what is under way without a word

  const Endpoint& endpoint() const;

  /// Blocks until the answer is there; any status is an answer. `unavailable`: nobody listens, or the connection broke;
  /// `timeout`: no answer within the limit; `exhausted`: the answer is too long. Never on the client's own thread.
  Result<Response> call(const Request& request);
  void call(const Request& request, std::function<void(Result<Response>)> done);

  StreamId stream(const Request& request, StreamEvents events);
  void resume(StreamId stream);
  void cancel(StreamId stream);  ///< on the client's thread: at once; else soon

  void post(std::function<void()> work);
  void after(Duration delay, std::function<void()> work);
  /// Once, when `fd` takes bytes again or is broken. The descriptor stays open until then.
  void when_writable(int fd, std::function<void()> work);

 private:
  class Impl;
  std::unique_ptr<Impl> impl_;
};

/// "unix:///run/docker.sock", "tcp://host:2376", "http://…", "https://…", an absolute path.
Result<Endpoint> parse_endpoint(std::string_view text);

/// Percent-encodes all but what is harmless in a path or query value.
std::string url_encoded(std::string_view text);

}  // namespace drover::docker
