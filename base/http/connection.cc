#include "base/http/connection.h"

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>

#include <algorithm>
#include <cstdio>
#include <ctime>

#include "base/http/gzip.h"
#include "base/http/request_reader.h"
#include "base/http/tls.h"
#include "base/http/websocket.h"

namespace drover::http {
namespace {

constexpr std::size_t piece_max = 64 * 1024;  ///< what is compressed or sent in one go
constexpr std::size_t drain_max = 64u << 20;  ///< what is read and dropped after a refusal, so that it is seen
constexpr Duration drain_limit = 5s;
constexpr Duration websocket_silence_max = 30s;  ///< then the client is asked for a sign, and given as long again

std::string http_date(Instant now) {
  const std::time_t seconds = std::chrono::duration_cast<std::chrono::seconds>(now.time_since_epoch()).count();
  std::tm utc{};
  ::gmtime_r(&seconds, &utc);
  char buffer[40];
  std::strftime(buffer, sizeof buffer, "%a, %d %b %Y %H:%M:%S GMT", &utc);
  return buffer;
}

Response plain(int status, std::string text) {
  Response response;
  response.status = status;
  response.headers.set("Content-Type", "text/plain; charset=utf-8");
  response.body = std::move(text);
  response.compress = false;
  return response;
}

Async<bool> write_pieces(StreamWriter& writer, const std::string& body) {
  for (std::size_t at = 0; at < body.size(); at += piece_max) {
    std::string piece = body.substr(at, piece_max);
    const bool written = co_await writer.write(std::move(piece));
    if (!written) co_return false;
  }
  co_return true;
}

}  // namespace

/// The body of a streamed answer: gathers, compresses, frames.
class BodyWriter final : public StreamWriter {
 public:
  BodyWriter(Connection& connection, bool chunked, bool gzip) : connection_(connection), chunked_(chunked) {
    if (gzip) gzip_.emplace();
  }

  Async<bool> write(std::string chunk) override {
    if (gathered_.empty()) {
      gathered_ = std::move(chunk);
    } else {
      gathered_ += chunk;
    }
    if (gathered_.size() < piece_max / 2) co_return !connection_.gone_;
    co_return co_await emit(Gzip::End::more);
  }

  Async<bool> flush() override { co_return co_await emit(Gzip::End::flush); }

  Async<bool> finish() {
    const bool emitted = co_await emit(Gzip::End::finish);
    if (!emitted || !chunked_) co_return emitted;
    co_return co_await connection_.send("0\r\n\r\n");
  }

 private:
  Async<bool> emit(Gzip::End end) {
    std::string out;
    if (gzip_) {
      gzip_->add(gathered_, end, out);
    } else {
      out = std::move(gathered_);
    }
    gathered_.clear();
    if (out.empty()) co_return !connection_.gone_;
    if (chunked_) frame(out);
    const bool sent = co_await connection_.send(out);
    if (!sent) co_return false;
    // A client that reads as fast as we write must not keep the loop from the others.
    co_await boost::asio::post(connection_.shared_.loop.executor(), boost::asio::use_awaitable);
    co_return !connection_.gone_;
  }

  static void frame(std::string& data) {
    char size[20];
    const int length = std::snprintf(size, sizeof size, "%zx\r\n", data.size());
    data.insert(0, size, static_cast<std::size_t>(length));
    data += "\r\n";
  }

  Connection& connection_;
  bool chunked_;
  std::optional<Gzip> gzip_;
  std::string gathered_;
};

Connection::Connection(ServerShared& shared, int fd, std::string peer_ip, std::string peer, std::unique_ptr<TlsSession> tls)
    : shared_(shared), socket_(shared.loop.executor(), fd, std::move(tls)), peer_ip_(std::move(peer_ip)), peer_(std::move(peer)) {
  enter(Phase::idle);
}

Async<void> Connection::run() {
  started_ = true;
  while (!shared_.stopping) {
    const bool again = co_await serve_one();
    if (!again) break;
  }
  socket_.close();
}

Async<bool> Connection::serve_one() {
  Exchange exchange;
  std::optional<Request> request = co_await read_request(exchange);
  if (!request) co_return false;

  enter(Phase::handling);
  Response response = co_await answer(std::move(*request));
  request.reset();
  if (gone_) co_return false;

  if (response.websocket) {
    co_await converse(std::move(response), std::move(exchange));
    co_return false;
  }
  exchange.keep_alive = exchange.keep_alive && !shared_.stopping;
  const bool written = co_await write(std::move(response), exchange);
  co_return written && exchange.keep_alive;
}

Async<std::optional<Request>> Connection::read_request(Exchange& exchange) {
  enter(Phase::idle);
  RequestReader reader({shared_.options.headers_max, shared_.options.body_max});
  for (;;) {
    if (!pending_.empty() && phase_ == Phase::idle) enter(Phase::header);
    const RequestReader::State state = reader.feed(pending_);
    if (state == RequestReader::State::done) break;
    if (state == RequestReader::State::refused) {
      co_await refuse(reader.refusal_status(), reader.refusal_text());
      co_return std::nullopt;
    }
    if (state == RequestReader::State::body && phase_ == Phase::header) {
      enter(Phase::body);
      if (reader.expects_continue()) co_await send("HTTP/1.1 100 Continue\r\n\r\n");
    }
    const bool more = co_await fill();
    if (!more) {
      if (late_ && phase_ != Phase::idle) co_await refuse(408, "the request took too long to arrive");
      co_return std::nullopt;
    }
  }
  if (pending_.empty()) pending_.shrink_to_fit();

  Request request = reader.take();
  request.peer = peer_;
  exchange.head_only = request.method == "HEAD";
  exchange.gzip = accepts_gzip(request.headers.get("Accept-Encoding"));
  exchange.keep_alive = reader.keep_alive();
  exchange.http_1_0 = reader.http_1_0();
  if (wants_websocket(request)) exchange.websocket_key = request.headers.get("Sec-WebSocket-Key");
  co_return request;
}

Async<bool> Connection::fill() {
  for (;;) {
    const Socket::Got got = socket_.read_now(pending_);
    if (got == Socket::Got::some) co_return true;
    if (got == Socket::Got::end) co_return false;
    const bool ready = co_await socket_.wait_readable();
    if (!ready) co_return false;
  }
}

/// A handler that throws is a defect; it costs its own request only.
Async<Response> Connection::answer(Request request) {
  std::string thrown;
  try {
    co_return co_await shared_.handler(std::move(request));
  } catch (const std::exception& exception) {
    thrown = exception.what();
  }
  co_return plain(500, text("internal error: {}", thrown));
}

std::string Connection::head(const Response& response, const Exchange& exchange) const {
  std::string out = text("HTTP/1.1 {} {}\r\n", response.status, reason(response.status));
  for (const auto& [name, value] : response.headers.all()) out += text("{}: {}\r\n", name, value);
  if (!response.headers.find("Content-Type") && (response.stream || !response.body.empty())) {
    out += "Content-Type: text/plain; charset=utf-8\r\n";
  }
  if (!exchange.keep_alive) out += "Connection: close\r\n";
  if (!response.headers.find("Vary")) out += "Vary: Accept-Encoding\r\n";
  out += text("Date: {}\r\n", http_date(shared_.loop.now()));
  return out;
}

Async<bool> Connection::write(Response response, Exchange exchange) {
  const bool gzip = exchange.gzip && response.compress && !response.headers.find("Content-Encoding") && !exchange.head_only;
  exchange.gzip = gzip && (response.stream || !response.body.empty());
  if (exchange.gzip) response.headers.set("Content-Encoding", "gzip");
  if (response.stream && !exchange.head_only) co_return co_await write_stream(std::move(response), exchange);
  if (exchange.gzip && response.body.size() > piece_max) {
    std::string body = std::move(response.body);
    response.stream = [&body](StreamWriter& writer) { return write_pieces(writer, body); };
    co_return co_await write_stream(std::move(response), exchange);
  }
  co_return co_await write_whole(std::move(response), exchange);
}

Async<bool> Connection::write_whole(Response response, Exchange exchange) {
  enter(Phase::writing);
  if (exchange.gzip) {
    std::string small;
    Gzip().add(response.body, Gzip::End::finish, small);
    response.body = std::move(small);
  }
  std::string out = head(response, exchange);
  const bool bodiless = response.status == 204 || response.status == 304;
  if (!bodiless) out += text("Content-Length: {}\r\n", response.body.size());
  out += "\r\n";
  if (exchange.head_only || bodiless) co_return co_await send(out);
  if (response.body.size() <= piece_max) {
    out += response.body;
    co_return co_await send(out);
  }
  const bool head_sent = co_await send(out);
  if (!head_sent) co_return false;
  co_return co_await send(response.body);
}

Async<bool> Connection::write_stream(Response response, Exchange exchange) {
  const bool chunked = !exchange.http_1_0;
  if (!chunked) exchange.keep_alive = false;  // the end of the body is the end of the connection
  std::string out = head(response, exchange);
  out += chunked ? "Transfer-Encoding: chunked\r\n\r\n" : "\r\n";
  enter(Phase::streaming);
  const bool head_sent = co_await send(out);
  if (!head_sent) co_return false;

  BodyWriter writer(*this, chunked, exchange.gzip);
  const bool complete = co_await response.stream(writer);
  if (!complete || gone_) co_return false;
  const bool finished = co_await writer.finish();
  co_return finished && chunked;
}

Async<void> Connection::converse(Response response, Exchange exchange) {
  if (!is_websocket_key(exchange.websocket_key)) {
    co_await refuse(400, "this is a websocket: the request must ask for an upgrade to one, with a key");
    co_return;
  }
  std::string out = text("HTTP/1.1 101 {}\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: {}\r\n\r\n", reason(101),
                         websocket_accept(exchange.websocket_key));
  enter(Phase::conversing);
  heard_ = shared_.loop.uptime();
  const bool head_sent = co_await send(out);
  if (!head_sent) co_return;

  ServerWebSocket::Wire wire{shared_.loop, pending_, [this] { return hear(); }, [this](std::string_view data) { return send(data); }};
  ServerWebSocket socket(std::move(wire));
  co_await response.websocket(socket);
  if (gone_ || late_) co_return;
  enter(Phase::writing);
  co_await socket.finish();
  if (!gone_) co_await drain();
}

Async<bool> Connection::hear() {
  heard_ = std::max(heard_, since_);
  listening_ = true;
  const bool more = co_await fill();
  listening_ = false;
  pinged_ = false;
  heard_ = shared_.loop.uptime();
  co_return more;
}

/// A client that has vanished without a word is found out by a ping that stays unanswered.
void Connection::look_after_conversation(Duration now) {
  if (!listening_ || sending_ || now - heard_ < websocket_silence_max) return;
  if (pinged_) return client_has_gone();
  const std::string ping = websocket_frame(Opcode::ping, "");
  std::string_view left = ping;
  if (!socket_.write_now(left) || !left.empty()) return client_has_gone();  // not even room for two bytes
  pinged_ = true;
  heard_ = now;
}

Async<bool> Connection::send(std::string_view data) {
  sending_ = true;
  since_ = shared_.loop.uptime();
  bool sent = false;
  for (;;) {
    const std::size_t before = data.size();
    if (!socket_.write_now(data)) break;
    if (data.size() != before) since_ = shared_.loop.uptime();
    sent = data.empty() && socket_.flushed();
    if (sent) break;
    const bool ready = co_await socket_.wait_writable();
    if (!ready) break;
  }
  sending_ = false;
  if (!sent) gone_ = true;
  co_return sent;
}

Async<void> Connection::refuse(int status, std::string text) {
  const Response response = plain(status, std::move(text));
  std::string out = head(response, Exchange{});
  out += drover::text("Content-Length: {}\r\n\r\n", response.body.size()) + response.body;
  enter(Phase::writing);
  const bool sent = co_await send(out);
  if (sent) co_await drain();
}

/// Closing with unread bytes would reset the connection, and the client might never see why it was refused.
Async<void> Connection::drain() {
  socket_.end_writing();
  enter(Phase::draining);
  std::size_t dropped = 0;
  while (dropped < drain_max) {
    pending_.clear();
    const bool more = co_await fill();
    if (!more) co_return;
    dropped += pending_.size();
  }
}

void Connection::enter(Phase phase) {
  phase_ = phase;
  since_ = shared_.loop.uptime();
  if (phase == Phase::handling) unread_ = false;
}

bool Connection::overdue(Duration now) const {
  const ServerOptions& options = shared_.options;
  const Duration age = now - since_;
  switch (phase_) {
    case Phase::idle: return age > options.idle_limit;
    case Phase::header: return age > options.headers_limit;
    case Phase::body: return age > options.body_limit;
    case Phase::writing: return age > options.stall_limit;
    case Phase::streaming:
    case Phase::conversing: return sending_ && age > options.stall_limit;
    case Phase::draining: return age > drain_limit;
    case Phase::handling: return false;
  }
  return false;
}

void Connection::sweep(Duration now) {
  const bool waiting = (phase_ == Phase::handling || phase_ == Phase::streaming) && !sending_;
  const bool conversing = phase_ == Phase::conversing;
  if (gone_ || ((waiting || conversing) && shared_.stopping)) return cancel_();  // again: the handler may have begun another wait
  if (overdue(now)) {
    late_ = true;
    return cancel_();
  }
  if (conversing) return look_after_conversation(now);
  if (!waiting) return;
  if (unread_ && socket_.peer_closed()) return client_has_gone();
  if (!unread_ && !watching_ && now - since_ >= shared_.options.sweep_interval) watch();
}

void Connection::watch() {
  watching_ = true;
  socket_.when_readable([weak = weak_from_this()](const boost::system::error_code& error) {
    const std::shared_ptr<Connection> self = weak.lock();
    if (!self) return;
    self->watching_ = false;
    if (error || (self->phase_ != Phase::handling && self->phase_ != Phase::streaming)) return;
    // Readiness may mean the next request, or nothing at all: only a look tells.
    if (self->socket_.peer_closed()) return self->client_has_gone();
    self->unread_ = true;
  });
}

void Connection::client_has_gone() {
  gone_ = true;
  cancel_();
}

void Connection::finish_soon() {
  if (!started_) return;  // a coroutine cancelled before it began would never end; run() will see that we stop
  const bool waiting = (phase_ == Phase::handling || phase_ == Phase::streaming) && !sending_;
  if (phase_ == Phase::idle || phase_ == Phase::conversing || waiting) cancel_();
}

void Connection::cut() {
  gone_ = true;
  socket_.close();
  cancel_();
}

}  // namespace drover::http
