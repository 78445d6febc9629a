#include "agent/session/tunnel.h"

#include <algorithm>
#include <deque>
#include <memory>

#include "base/loop/scope.h"
#include "base/loop/signal.h"
#include "model/proto/session.pb.h"

namespace drover::agent {
namespace {

bool has_body(const std::string& method) { return method != "GET" && method != "HEAD" && method != "DELETE"; }

http::Request to_request(const model::OpenTunnel& open) {
  http::Request request;
  request.method = open.method();
  request.path = open.path();
  for (const model::TunnelPair& pair : open.query()) request.query.emplace_back(pair.name(), pair.value());
  request.target = http::encode_percent(open.path()) + http::format_query(request.query);
  for (const model::TunnelPair& pair : open.headers()) request.headers.add(pair.name(), pair.value());
  request.peer = "tunnel";
  return request;
}

/// Messages of a websocket that wait to be received.
constexpr std::size_t inbox_max = 64;

/// One tunnel being answered: a reader takes what the other side sends, a server answers beside it.
class Answering final : public http::StreamWriter, public http::WebSocket {
 public:
  Answering(Loop& loop, std::unique_ptr<Tunnel> stream, http::Handler handler, const model::OpenTunnel& open)
      : stream_(std::move(stream)),
        handler_(std::move(handler)),
        request_(to_request(open)),
        id_(open.id()),
        changed_(loop),
        scope_(loop) {}

  Async<void> run() {
    model::TunnelFrame accept;
    accept.set_accept(id_);
    if (stream_->send(std::move(accept))) {
      scope_.spawn(serve());
      co_await read_frames();
    }
    gone_ = true;
    co_await scope_.stop();
  }

  Async<bool> write(std::string chunk) override {
    std::size_t sent = 0;
    while (sent < chunk.size()) {
      const bool open = co_await wait_for_credit();
      if (!open) co_return false;
      const std::size_t size = std::min({chunk.size() - sent, tunnel_piece_max, credit_});
      model::TunnelFrame frame;
      frame.set_body(chunk.substr(sent, size));
      if (!stream_->send(std::move(frame))) co_return false;
      credit_ -= size;
      sent += size;
    }
    co_return !gone_;
  }

  Async<bool> flush() override { co_return !gone_; }

  // Of a websocket.
  Async<Result<std::string>> receive() override {
    while (inbox_.empty()) {
      if (gone_ || closed_) co_return fail(Code::unavailable, "the other side has closed the websocket");
      const bool woken = co_await changed_.wait();
      if (!woken) co_return fail(Code::cancelled, "cancelled");
    }
    std::string message = std::move(inbox_.front());
    inbox_.pop_front();
    grant(message.size());
    co_return message;
  }

  Async<bool> send(std::string message) override {
    const bool open = co_await wait_for_credit();
    if (!open) co_return false;
    credit_ -= std::min(credit_, message.size());
    model::TunnelFrame frame;
    frame.set_message(std::move(message));
    co_return stream_->send(std::move(frame)).ok();
  }

  void close(int code, std::string reason) override {
    if (closed_) return;
    closed_ = true;
    model::TunnelFrame frame;
    frame.mutable_close()->set_code(code);
    frame.mutable_close()->set_reason(std::move(reason));
    const Result<void> sent = stream_->send(std::move(frame));
    static_cast<void>(sent);  // nobody listens any more: nothing to tell them
  }

 private:
  Async<bool> wait_for_credit() {
    while (credit_ == 0 && !gone_) {
      const bool woken = co_await changed_.wait();
      if (!woken) co_return false;
    }
    co_return !gone_;
  }

  Async<void> read_frames() {
    for (;;) {
      const Result<model::TunnelFrame> frame = co_await stream_->receive();
      if (!frame) co_return;
      switch (frame->kind_case()) {
        case model::TunnelFrame::kBody:
          if (request_.body.size() + frame->body().size() > tunnel_request_body_max) co_return;
          request_.body += frame->body();
          grant(frame->body().size());
          break;
        case model::TunnelFrame::kCredit:
          credit_ += frame->credit();
          break;
        case model::TunnelFrame::kEnd:
          if (request_complete_ || !frame->end().error().empty()) co_return;
          request_complete_ = true;
          break;
        case model::TunnelFrame::kMessage:
          if (inbox_.size() >= inbox_max || frame->message().size() > http::websocket_message_max) co_return;
          inbox_.push_back(frame->message());
          break;
        case model::TunnelFrame::kClose:
          closed_ = true;
          break;
        default:
          break;
      }
      changed_.notify();
    }
  }

  Async<void> serve() {
    while (has_body(request_.method) && !request_complete_) {
      const bool woken = co_await changed_.wait();
      if (!woken) co_return;
    }
    http::Request request = std::move(request_);
    request_complete_ = true;
    http::Response response = co_await handler_(std::move(request));
    if (!send_head(response)) co_return;
    bool whole = false;
    if (response.websocket) {
      co_await response.websocket(*this);
      close(1000, "");
      stream_->close("the websocket has ended");
      co_return;
    }
    if (response.stream)
      whole = co_await response.stream(*this);
    else
      whole = co_await write(std::move(response.body));
    if (gone_) co_return;
    model::TunnelFrame end;
    end.mutable_end()->set_error(whole ? "" : "the answer was cut short");
    const Result<void> ended = stream_->send(std::move(end));
    static_cast<void>(ended);  // nobody listens any more: nothing to tell them
    stream_->close("answered");
  }

  /// What has been taken may be sent again.
  void grant(std::size_t bytes) {
    model::TunnelFrame frame;
    frame.set_credit(bytes);
    const Result<void> sent = stream_->send(std::move(frame));
    static_cast<void>(sent);  // a broken stream is seen by the reader
  }

  bool send_head(const http::Response& response) {
    model::TunnelFrame frame;
    model::TunnelHead& head = *frame.mutable_head();
    head.set_status(response.status);
    for (const auto& [name, value] : response.headers.all()) {
      model::TunnelPair& pair = *head.add_headers();
      pair.set_name(name);
      pair.set_value(value);
    }
    return stream_->send(std::move(frame)).ok();
  }

  std::unique_ptr<Tunnel> stream_;
  http::Handler handler_;
  http::Request request_;
  std::string id_;
  std::size_t credit_ = tunnel_credit_first;
  bool request_complete_ = false;
  bool gone_ = false;
  bool closed_ = false;  ///< the websocket, by either side
  std::deque<std::string> inbox_;
  Signal changed_;
  Scope scope_;
};

}  // namespace

Async<void> answer_tunnel(Loop& loop, ServerLink& link, http::Handler handler, model::OpenTunnel open) {
  Result<std::unique_ptr<Tunnel>> stream = co_await link.open_tunnel();
  if (!stream) co_return;
  Answering answering(loop, std::move(stream).value(), std::move(handler), open);
  co_await answering.run();
}

}  // namespace drover::agent
