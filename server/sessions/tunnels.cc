#include "server/sessions/tunnel_desk.h"

#include <deque>
#include <optional>

#include "base/loop/call.h"
#include "base/loop/signal.h"
#include "model/proto/session.pb.h"

namespace drover::server {
namespace {

constexpr std::size_t piece_max = 32 * 1024;

using Pairs = std::vector<std::pair<std::string, std::string>>;

bool has_body(const std::string& method) { return method != "GET" && method != "HEAD" && method != "DELETE"; }

void add_pairs(const Pairs& from, auto& to) {
  for (const auto& [name, value] : from) {
    auto& pair = *to.Add();
    pair.set_name(name);
    pair.set_value(value);
  }
}

}  // namespace

/// The server's end of one tunnel; on the server's loop.
struct TunnelDesk::Tunnel {
  explicit Tunnel(Loop& loop, std::unique_ptr<TunnelLink> its_link) : link(std::move(its_link)), changed(loop) {}

  std::unique_ptr<TunnelLink> link;
  Signal changed;
  int status = 0;
  Pairs headers;
  std::size_t credit = 64 * 1024;  ///< of ours: what the agent lets us send

  /// The next frame that is not credit.
  static Async<Result<model::TunnelFrame>> next(std::shared_ptr<Tunnel> tunnel) {
    for (;;) {
      Result<model::TunnelFrame> frame = co_await tunnel->link->receive();
      if (!frame || !frame->has_credit()) co_return frame;
      tunnel->credit += frame->credit();
      tunnel->changed.notify();
    }
  }

  static Async<Result<void>> send_body(std::shared_ptr<Tunnel> tunnel, std::string body) {
    for (std::size_t sent = 0; sent < body.size();) {
      if (tunnel->credit == 0) {
        const bool woken = co_await tunnel->changed.wait();
        if (!woken) co_return fail(Code::cancelled, "the tunnel was given up");
        continue;
      }
      const std::size_t size = std::min({piece_max, tunnel->credit, body.size() - sent});
      model::TunnelFrame frame;
      frame.set_body(body.substr(sent, size));
      const Result<void> taken = tunnel->link->send(std::move(frame));
      if (!taken) co_return taken.error();
      tunnel->credit -= size;
      sent += size;
    }
    co_return Result<void>();
  }

  Result<void> send_end() {
    model::TunnelFrame frame;
    frame.mutable_end();
    return link->send(std::move(frame));
  }
};

struct TunnelDesk::Pending {
  Done<std::shared_ptr<Tunnel>> opened;
  std::weak_ptr<const void> wanted;
  TunnelRequest request;
};

/// The answer as its reader sees it: every step is asked of the server's loop.
class TunnelDesk::Answer final : public TunnelAnswer {
 public:
  Answer(TunnelDesk& desk, std::shared_ptr<Tunnel> tunnel) : desk_(desk), tunnel_(std::move(tunnel)), status_(tunnel_->status), headers_(tunnel_->headers) {}
  ~Answer() override { cancel(); }

  int status() const override { return status_; }
  const Pairs& headers() const override { return headers_; }

  Async<Result<std::string>> read() override {
    if (ended_) co_return std::string();
    std::function<void(Done<std::string>, std::weak_ptr<const void>)> ask = [desk = &desk_, tunnel = tunnel_](Done<std::string> done,
                                                                                                        std::weak_ptr<const void>) {
      desk->scope_.spawn(read_one(tunnel, std::move(done)));
    };
    Result<std::string> piece = co_await call<std::string>(desk_.loop_, std::move(ask));
    ended_ = !piece || piece->empty();
    co_return piece;
  }

  Async<Result<void>> write(std::string piece) override {
    std::function<void(Done<char>, std::weak_ptr<const void>)> ask = [desk = &desk_, tunnel = tunnel_, piece = std::move(piece)](
                                                                         Done<char> done, std::weak_ptr<const void>) {
      desk->scope_.spawn(write_one(tunnel, piece, std::move(done)));
    };
    const Result<char> written = co_await call<char>(desk_.loop_, std::move(ask));
    if (!written) co_return written.error();
    co_return Result<void>();
  }

  Async<Result<SocketEvent>> receive() override {
    if (!tunnel_) co_return fail(Code::unavailable, "the tunnel was given up");
    std::function<void(Done<SocketEvent>, std::weak_ptr<const void>)> ask = [desk = &desk_, tunnel = tunnel_](Done<SocketEvent> done,
                                                                                                              std::weak_ptr<const void>) {
      desk->scope_.spawn(receive_one(tunnel, std::move(done)));
    };
    co_return co_await call<SocketEvent>(desk_.loop_, std::move(ask));
  }

  Async<Result<void>> send(SocketEvent event) override {
    if (!tunnel_) co_return fail(Code::unavailable, "the tunnel was given up");
    std::function<void(Done<char>, std::weak_ptr<const void>)> ask = [desk = &desk_, tunnel = tunnel_, event = std::move(event)](
                                                                         Done<char> done, std::weak_ptr<const void>) {
      desk->scope_.spawn(send_one(tunnel, event, std::move(done)));
    };
    const Result<char> sent = co_await call<char>(desk_.loop_, std::move(ask));
    if (!sent) co_return sent.error();
    co_return Result<void>();
  }

  void cancel() override {
    if (!tunnel_) return;
    desk_.loop_.post([tunnel = std::move(tunnel_)] { tunnel->link->close("the reader has gone"); });
    tunnel_ = nullptr;
    ended_ = true;
  }

 private:
  static Async<void> read_one(std::shared_ptr<Tunnel> tunnel, Done<std::string> done) {
    Result<model::TunnelFrame> frame = co_await Tunnel::next(tunnel);
    if (!frame) {
      done(frame.error());
    } else if (frame->has_body()) {
      model::TunnelFrame more;
      more.set_credit(frame->body().size());
      const Result<void> granted = tunnel->link->send(std::move(more));
      static_cast<void>(granted);  // when the link has ended, the next read says so
      done(std::move(*frame->mutable_body()));
    } else if (frame->has_end() && frame->end().error().empty()) {
      done(std::string());
    } else {
      done(fail(Code::unavailable, "the answer of the agent was cut short: {}", frame->end().error()));
    }
  }

  static Async<void> write_one(std::shared_ptr<Tunnel> tunnel, std::string piece, Done<char> done) {
    const bool last = piece.empty();
    Result<void> sent = co_await Tunnel::send_body(tunnel, std::move(piece));
    if (sent && last) sent = tunnel->send_end();
    done(sent ? Result<char>(0) : Result<char>(sent.error()));
  }

  static Async<void> receive_one(std::shared_ptr<Tunnel> tunnel, Done<SocketEvent> done) {
    Result<model::TunnelFrame> frame = co_await Tunnel::next(tunnel);
    if (!frame) {
      done(frame.error());
    } else if (frame->has_close()) {
      done(SocketEvent{"", true, frame->close().code(), frame->close().reason()});
    } else if (frame->kind_case() == model::TunnelFrame::kMessage) {
      model::TunnelFrame more;
      more.set_credit(frame->message().size());
      const Result<void> granted = tunnel->link->send(std::move(more));
      static_cast<void>(granted);  // when the link has ended, the next read says so
      done(SocketEvent{std::move(*frame->mutable_message()), false, 0, ""});
    } else {
      done(fail(Code::unavailable, "the agent broke the websocket off"));
    }
  }

  static Async<void> send_one(std::shared_ptr<Tunnel> tunnel, SocketEvent event, Done<char> done) {
    while (tunnel->credit == 0) {
      const bool woken = co_await tunnel->changed.wait();
      if (!woken) {
        done(fail(Code::cancelled, "the tunnel was given up"));
        co_return;
      }
    }
    model::TunnelFrame frame;
    if (event.closes) {
      frame.mutable_close()->set_code(event.code);
      frame.mutable_close()->set_reason(event.reason);
    } else {
      tunnel->credit -= std::min(tunnel->credit, event.message.size());
      frame.set_message(std::move(event.message));
    }
    const Result<void> sent = tunnel->link->send(std::move(frame));
    done(sent ? Result<char>(0) : Result<char>(sent.error()));
  }

  TunnelDesk& desk_;
  std::shared_ptr<Tunnel> tunnel_;
  int status_;
  Pairs headers_;
  bool ended_ = false;
};

TunnelDesk::TunnelDesk(Loop& loop, Random& random, Sessions& sessions) : loop_(loop), random_(random), sessions_(sessions), scope_(loop) {}
TunnelDesk::~TunnelDesk() = default;

Async<void> TunnelDesk::stop() { co_await scope_.stop(); }

Async<Result<std::unique_ptr<TunnelAnswer>>> TunnelDesk::open(Uuid node, TunnelRequest request, Loop&) {
  if (request.body.size() > tunnel_request_max) co_return fail(Code::exhausted, "the request is too big for a tunnel: {} bytes", request.body.size());
  using Opened = std::shared_ptr<Tunnel>;
  std::function<void(Done<Opened>, std::weak_ptr<const void>)> ask = [this, node, request = std::move(request)](
                                                                         Done<Opened> done, std::weak_ptr<const void> wanted) {
    ask_agent(node, request, std::move(done), std::move(wanted));
  };
  Result<Opened> opened = co_await call<Opened>(loop_, std::move(ask));
  if (!opened) co_return opened.error();
  std::unique_ptr<TunnelAnswer> answer = std::make_unique<Answer>(*this, std::move(*opened));
  co_return answer;
}

void TunnelDesk::ask_agent(const Uuid& node, const TunnelRequest& request, Done<std::shared_ptr<Tunnel>> done, std::weak_ptr<const void> wanted) {
  const std::string id = to_text(random_.uuid());
  model::ToAgent message;
  auto& open = *message.mutable_open();
  open.set_id(id);
  open.set_method(request.method);
  open.set_path(request.path);
  add_pairs(request.query, *open.mutable_query());
  add_pairs(request.headers, *open.mutable_headers());
  const Result<void> sent = sessions_.send(node, message);
  if (!sent) return done(sent.error());
  pending_.emplace(id, std::make_unique<Pending>(Pending{std::move(done), std::move(wanted), request}));
  scope_.spawn(give_up_later(id));
}

Async<void> TunnelDesk::give_up_later(std::string id) {
  const bool slept = co_await loop_.sleep(tunnel_dial_max);
  const auto found = pending_.find(id);
  if (!slept || found == pending_.end()) co_return;
  const std::unique_ptr<Pending> pending = std::move(found->second);
  pending_.erase(found);
  pending->opened(fail(Code::timeout, "the agent of the node did not answer"));
}

void TunnelDesk::accept(std::unique_ptr<TunnelLink> link) { scope_.spawn(serve(std::make_shared<Tunnel>(loop_, std::move(link)))); }

/// The agent has dialled back: its first frame names the request, the second is the head of the answer.
Async<void> TunnelDesk::serve(std::shared_ptr<Tunnel> tunnel) {
  const Result<model::TunnelFrame> first = co_await Tunnel::next(tunnel);
  const auto found = first && first->kind_case() == model::TunnelFrame::kAccept ? pending_.find(first->accept()) : pending_.end();
  if (found == pending_.end()) {
    tunnel->link->close("nobody waits for this tunnel");
    co_return;
  }
  const std::unique_ptr<Pending> pending = std::move(found->second);
  pending_.erase(found);
  if (pending->wanted.expired()) {
    tunnel->link->close("the reader has gone");
    co_return;
  }
  if (has_body(pending->request.method)) {
    Result<void> sent = co_await Tunnel::send_body(tunnel, std::move(pending->request.body));
    if (sent && !pending->request.streams_body) sent = tunnel->send_end();
    if (!sent) {
      pending->opened(sent.error());
      co_return;
    }
  }
  const Result<model::TunnelFrame> head = co_await Tunnel::next(tunnel);
  if (!head || !head->has_head()) {
    pending->opened(head ? fail(Code::unavailable, "the agent's answer has no head") : head.error());
    co_return;
  }
  tunnel->status = head->head().status();
  for (const auto& pair : head->head().headers()) tunnel->headers.emplace_back(pair.name(), pair.value());
  pending->opened(tunnel);
}

}  // namespace drover::server
