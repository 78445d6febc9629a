#include "agent/session/session_client.h"

#include <algorithm>

#include "model/proto/session.pb.h"

namespace drover::agent {
namespace {

constexpr Duration pause_first = 250ms;
constexpr Duration pause_max = 30s;
/// A refusal that does not go away by itself (a wrong secret) is tried again all the same, but seldom.
constexpr Duration pause_refused = 30s;
constexpr Duration hello_max = 10s;
constexpr Duration ttl_default = 10s;
constexpr Duration ttl_min = 100ms;
/// How many beats fit in the time after which the server takes us for lost.
constexpr int beats_per_ttl = 3;
/// A server that says nothing for so many times its own limit is gone, even if the link does not say so.
constexpr int silent_ttls_max = 3;

}  // namespace

SessionClient::SessionClient(Loop& loop, Random& random, ServerLink& link, SessionOwner& owner, Log log)
    : loop_(loop), random_(random), link_(link), owner_(owner), log_(std::move(log)), beats_(loop), scope_(loop) {}

SessionClient::~SessionClient() = default;

void SessionClient::start() { scope_.spawn(run()); }

Async<void> SessionClient::stop() {
  co_await scope_.stop();
  co_await beats_.stop();
  end_session();
}

Async<void> SessionClient::run() {
  Duration pause = pause_first;
  for (;;) {
    may_retry_ = true;
    const Result<void> ended = co_await run_session();
    if (ended.error().code == Code::cancelled) co_return;
    const bool worked = welcomed_;
    end_session();
    if (worked) pause = pause_first;
    const Duration wait = may_retry_ ? pause : pause_refused;
    log_.warn("no session with a server, dialling again: in={}ms error=\"{}\"",
              std::chrono::duration_cast<std::chrono::milliseconds>(wait).count(), ended.error().message);
    // Half of the pause is chance, so that a thousand agents do not come back in the same instant.
    const Duration jittered = std::chrono::duration_cast<Duration>(wait * (0.5 + 0.5 * random_.unit()));
    const bool slept = co_await loop_.sleep(jittered);
    if (!slept) co_return;
    pause = std::min(pause * 2, pause_max);
  }
}

/// Runs one session to its end; always an error, the reason.
Async<Result<void>> SessionClient::run_session() {
  Result<std::unique_ptr<Session>> dialled = co_await link_.dial();
  if (!dialled) co_return std::move(dialled).error();
  session_ = std::move(dialled).value();
  beats_.spawn(give_up_on_silence());
  DROVER_CO_LET(const Duration ttl, co_await say_hello(*session_));

  welcomed_ = true;
  beats_.cancel();
  log_.info("connected to a server: ttl={}ms", std::chrono::duration_cast<std::chrono::milliseconds>(ttl).count());
  beats_.spawn(beat(ttl));
  owner_.session_began();
  Result<void> ended = co_await read_messages(*session_);
  co_return ended;
}

Async<Result<Duration>> SessionClient::say_hello(Session& session) {
  model::FromAgent first;
  *first.mutable_hello() = owner_.hello();
  DROVER_CO_TRY(session.send(std::move(first)));
  last_sent_ = last_received_ = loop_.uptime();
  DROVER_CO_LET(const model::ToAgent answer, co_await session.receive());
  if (answer.has_refused()) {
    may_retry_ = answer.refused().may_retry();
    co_return fail(may_retry_ ? Code::unavailable : Code::denied, "the server refuses this agent: {}",
                   answer.refused().reason());
  }
  if (!answer.has_welcome()) co_return fail(Code::internal, "the server did not answer the hello with a welcome");
  if (answer.welcome().servers_size() > 0)
    link_.use_servers({answer.welcome().servers().begin(), answer.welcome().servers().end()});
  const Duration ttl(answer.welcome().heartbeat_ttl_ns());
  co_return ttl < ttl_min ? ttl_default : ttl;
}

Async<Result<void>> SessionClient::read_messages(Session& session) {
  for (;;) {
    DROVER_CO_LET(const model::ToAgent message, co_await session.receive());
    last_received_ = loop_.uptime();
    DROVER_CO_TRY(dispatch(message));
  }
}

Result<void> SessionClient::dispatch(const model::ToAgent& message) {
  switch (message.kind_case()) {
    case model::ToAgent::kAllocs:
      return owner_.take(message.allocs());
    case model::ToAgent::kStored:
      owner_.take(message.stored());
      return {};
    case model::ToAgent::kOpen:
      owner_.take(message.open());
      return {};
    case model::ToAgent::kRefused:
      may_retry_ = message.refused().may_retry();
      return fail(Code::unavailable, "the server ends the session: {}", message.refused().reason());
    default:
      return {};  // beats; and whatever newer servers say
  }
}

Async<void> SessionClient::give_up_on_silence() {
  const bool slept = co_await loop_.sleep(hello_max);
  if (slept && session_ && !welcomed_) session_->close("the server did not answer the hello");
}

Async<void> SessionClient::beat(Duration ttl) {
  for (;;) {
    const bool slept = co_await loop_.sleep(ttl / beats_per_ttl);
    if (!slept || !session_) co_return;
    if (loop_.uptime() - last_received_ > ttl * silent_ttls_max) {
      session_->close("the server has been silent for too long");
      co_return;
    }
    if (loop_.uptime() - last_sent_ < ttl / beats_per_ttl) continue;
    model::FromAgent message;
    message.mutable_beat();
    send(std::move(message));
  }
}

bool SessionClient::send(model::FromAgent message) {
  if (!welcomed_ || !session_) return false;
  const Result<void> sent = session_->send(std::move(message));
  if (sent) {
    last_sent_ = loop_.uptime();
    return true;
  }
  session_->close(sent.error().message);
  return false;
}

void SessionClient::end_session() {
  if (!session_) return;
  beats_.cancel();
  session_.reset();
  const bool told = welcomed_;
  welcomed_ = false;
  if (told) owner_.session_lost();
}

}  // namespace drover::agent
