#include "base/rpc/duplex.h"

#include <deque>
#include <optional>

#include "base/loop/signal.h"

namespace drover::rpc {
namespace {

constexpr std::size_t late_messages_max = 256;  ///< dropped after our end; a peer that goes on is cut off

/// What the loop's end and the events of the call share. Touched on the loop only.
struct Inbox {
  explicit Inbox(Loop& loop) : changed(loop) {}

  std::shared_ptr<Call> call;
  std::deque<std::string> messages;
  std::optional<std::string> ended;  ///< why
  bool reading = false;              ///< a read() is outstanding
  bool over = false;                 ///< nothing will come any more
  std::size_t late = 0;              ///< messages after our end
  Signal changed;

  /// After our end too: that the call is over, and everything of it can go, is seen only by who reads.
  void read_on() {
    if (reading || over || (!ended && messages.size() >= receive_queue_max)) return;
    reading = true;
    call->read();
  }

  void received(std::string message) {
    reading = false;
    if (!ended) messages.push_back(std::move(message));
    else if (++late > late_messages_max) return call->cancel();
    read_on();
    changed.notify();
  }

  void end(std::string why) {
    if (ended) return;
    ended = std::move(why);
    read_on();
    changed.notify();
  }
};

class CallDuplex final : public ByteDuplex {
 public:
  explicit CallDuplex(std::shared_ptr<Inbox> inbox) : inbox_(std::move(inbox)) { inbox_->read_on(); }
  ~CallDuplex() override {
    // After close() what was sent is still on its way.
    if (!inbox_->ended) inbox_->call->cancel();
    inbox_->end("closed here");
  }

  Result<void> send(std::string message) override {
    if (inbox_->ended) return fail(Code::unavailable, "{}", *inbox_->ended);
    return inbox_->call->send(std::move(message));
  }

  Async<Result<std::string>> receive() override {
    const std::shared_ptr<Inbox> inbox = inbox_;
    while (inbox->messages.empty()) {
      if (inbox->ended) co_return fail(Code::unavailable, "{}", *inbox->ended);
      const bool woken = co_await inbox->changed.wait();
      if (!woken) co_return fail(Code::cancelled, "stopped waiting for a message");
    }
    std::string message = std::move(inbox->messages.front());
    inbox->messages.pop_front();
    inbox->read_on();
    co_return message;
  }

  void close(std::string reason) override {
    inbox_->call->close(reason.empty() ? Status{} : Status{StatusCode::unknown, reason, {}});
    inbox_->end(reason.empty() ? "closed here" : "closed here: " + reason);
  }

 private:
  std::shared_ptr<Inbox> inbox_;
};

std::string reason_of(const Status& status) {
  if (!status.message.empty()) return status.message;
  return status.ok() ? "the other end has closed the stream" : std::string(to_text(code_of(status.code)));
}

/// Events that find their way to the inbox on its loop.
CallEvents events_to(Loop& loop, const std::shared_ptr<Inbox>& inbox) {
  CallEvents events;
  events.received = [&loop, inbox](std::string message) {
    loop.post([inbox, message = std::move(message)]() mutable { inbox->received(std::move(message)); });
  };
  // A client that closes its half has ended the stream for us: nothing more will come, and it wants no answer.
  events.no_more = [&loop, inbox] {
    loop.post([inbox] {
      inbox->over = true;
      inbox->end("the other end has closed the stream");
      inbox->call->close(Status{});
    });
  };
  events.ended = [&loop, inbox](const Status& status) {
    loop.post([inbox, reason = reason_of(status)]() mutable {
      inbox->over = true;
      inbox->end(std::move(reason));
    });
  };
  return events;
}

}  // namespace

std::unique_ptr<ByteDuplex> duplex_of(Loop& loop, std::function<std::shared_ptr<Call>(CallEvents)> open) {
  auto inbox = std::make_shared<Inbox>(loop);
  inbox->call = open(events_to(loop, inbox));
  return std::make_unique<CallDuplex>(std::move(inbox));
}

CallEvents serve_duplex(Loop& loop, std::shared_ptr<Call> call, HalfClose half_close,
                        std::function<void(std::unique_ptr<ByteDuplex>)> accepted) {
  auto inbox = std::make_shared<Inbox>(loop);
  inbox->call = std::move(call);
  CallEvents events = events_to(loop, inbox);
  if (half_close == HalfClose::means_nothing) events.no_more = nullptr;
  loop.post([inbox, accepted = std::move(accepted)] { accepted(std::make_unique<CallDuplex>(inbox)); });
  return events;
}

}  // namespace drover::rpc
