#include "server/http/tunnel_endpoints.h"

#include "api/answer.h"
#include "base/loop/scope.h"
#include "base/loop/signal.h"

namespace drover::server {
namespace {

/// An answer that says how long it is, up to this size, is gathered and sent with its length.
constexpr std::size_t whole_max = 1 << 20;

/// Headers of a request that mean something to an agent.
constexpr std::string_view forwarded[] = {"X-Nomad-Token", "Content-Type", "Upgrade", "Connection", "Sec-WebSocket-Key"};

TunnelRequest request_of(const http::Request& request) {
  TunnelRequest out;
  out.method = request.method;
  out.path = request.path;
  out.query = request.query;
  out.body = request.body;
  for (const std::string_view name : forwarded) {
    if (const std::string* value = request.headers.find(name)) out.headers.emplace_back(name, *value);
  }
  return out;
}

/// Tells the agent to stop when nobody reads any more, however that came about.
class Reading {
 public:
  explicit Reading(std::unique_ptr<TunnelAnswer> answer) : answer_(std::move(answer)) {}
  Reading(const Reading&) = delete;
  Reading& operator=(const Reading&) = delete;
  ~Reading() {
    if (!ended_) answer_->cancel();
  }

  TunnelAnswer& answer() { return *answer_; }

  /// The next piece; "" at the end.
  Async<Result<std::string>> read() {
    Result<std::string> piece = co_await answer_->read();
    ended_ = !piece || piece->empty();
    co_return piece;
  }

 private:
  std::unique_ptr<TunnelAnswer> answer_;
  bool ended_ = false;
};

Async<bool> pass_on(std::shared_ptr<Reading> reading, http::StreamWriter& writer) {
  for (;;) {
    Result<std::string> piece = co_await reading->read();
    if (!piece) co_return false;
    if (piece->empty()) co_return true;
    const bool written = co_await writer.write(std::move(*piece));
    if (!written) co_return false;
    const bool flushed = co_await writer.flush();  // whoever follows a log wants each line at once
    if (!flushed) co_return false;
  }
}

Async<http::Response> gather(std::shared_ptr<Reading> reading, http::Response response) {
  for (;;) {
    const Result<std::string> piece = co_await reading->read();
    if (!piece) co_return api::refuse(500, piece.error().message);
    if (piece->empty()) co_return response;
    response.body += *piece;
    if (response.body.size() > whole_max) co_return api::refuse(500, "the agent answered more than it announced");
  }
}

/// A websocket of a client and that of an agent, each passing on what the other says, until one of them ends.
class Relay {
 public:
  Relay(Loop& loop, TunnelAnswer& agent, http::WebSocket& client) : agent_(agent), client_(client), over_(loop), scope_(loop) {}

  Async<void> run() {
    scope_.spawn(pass_to_agent());
    scope_.spawn(pass_to_client());
    while (!is_over_) {
      const bool woken = co_await over_.wait();
      if (!woken) break;
    }
    co_await scope_.stop();
  }

 private:
  Async<void> pass_to_agent() {
    for (;;) {
      Result<std::string> message = co_await client_.receive();
      if (!message) {
        if (message.error().code == Code::exhausted) client_.close(too_big, message.error().message);
        break;
      }
      TunnelAnswer::SocketEvent event;
      event.message = std::move(*message);
      const Result<void> sent = co_await agent_.send(std::move(event));
      if (!sent) co_return;  // the agent has ended: what it said last, such as a command's exit, is still to be passed on
    }
    end();
  }

  Async<void> pass_to_client() {
    for (;;) {
      Result<TunnelAnswer::SocketEvent> event = co_await agent_.receive();
      if (!event) {
        if (event.error().code != Code::cancelled) client_.close(failed, event.error().message);
        break;
      }
      if (event->closes) {
        client_.close(event->code, event->reason);
        break;
      }
      const bool sent = co_await client_.send(std::move(event->message));
      if (!sent) break;
    }
    end();
  }

  void end() {
    is_over_ = true;
    over_.notify();
  }

  static constexpr int too_big = 1009;
  static constexpr int failed = 1011;
  TunnelAnswer& agent_;
  http::WebSocket& client_;
  bool is_over_ = false;
  Signal over_;
  Scope scope_;
};

Async<void> relay(Loop* loop, std::shared_ptr<Reading> reading, http::WebSocket& client) {
  Relay relaying(*loop, reading->answer(), client);
  co_await relaying.run();
}

/// The length that the agent announces, when it is one that is gathered.
bool is_whole(const http::Headers& headers) {
  const std::string_view length = headers.get("Content-Length");
  if (length.empty() || length.size() > 9) return false;
  std::size_t bytes = 0;
  for (const char c : length) {
    if (c < '0' || c > '9') return false;
    bytes = bytes * 10 + static_cast<std::size_t>(c - '0');
  }
  return bytes <= whole_max;
}

}  // namespace

Async<http::Response> TunnelEndpoints::handle(std::string node_id, http::Request request) {
  if (request.body.size() > tunnel_request_max) co_return api::refuse(413, "request body is too large");
  TunnelRequest asked = request_of(request);
  Result<std::unique_ptr<TunnelAnswer>> opened = co_await tunnels_.open(parse_uuid(node_id), std::move(asked), loop_);
  if (!opened) {
    co_return opened.error().code == Code::not_found ? api::refuse(404, "No path to node") : api::refuse(500, opened.error().message);
  }
  const auto reading = std::make_shared<Reading>(std::move(*opened));
  http::Response response;
  response.status = reading->answer().status();
  for (const auto& [name, value] : reading->answer().headers()) response.headers.add(name, value);
  if (response.status == 101) {
    response.headers = {};
    response.websocket = [loop = &loop_, reading](http::WebSocket& client) { return relay(loop, reading, client); };
    co_return response;
  }
  const bool whole = is_whole(response.headers);
  response.headers.remove("Content-Length");
  if (whole) co_return co_await gather(reading, std::move(response));
  response.compress = false;
  response.stream = [reading](http::StreamWriter& writer) { return pass_on(reading, writer); };
  co_return response;
}

}  // namespace drover::server
