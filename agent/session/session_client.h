#pragma once

#include <functional>
#include <memory>
#include <string>

#include <drover/result.h>

#include "agent/server_link.h"
#include "base/log/log.h"
#include "base/loop/loop.h"
#include "base/loop/random.h"
#include "base/loop/scope.h"

namespace drover::agent {

/// What a session needs of the agent, and tells it. On the loop.
class SessionOwner {
 public:
  virtual ~SessionOwner() = default;
  /// The first message of a session.
  virtual model::Hello hello() = 0;
  /// The server has taken this agent: pending messages may be sent.
  virtual void session_began() = 0;
  virtual void session_lost() = 0;
  /// An error ends the session; the next one says hello anew.
  virtual Result<void> take(const model::DesiredAllocs& message) = 0;
  virtual void take(const model::StatusesStored& message) = 0;
  virtual void take(const model::OpenTunnel& message) = 0;
};

/// Keeps one session with a server, for ever: dials, says hello, beats, and dials again after a pause that grows with
/// each failure and is never the same for two agents.
class SessionClient {
 public:
  SessionClient(Loop& loop, Random& random, ServerLink& link, SessionOwner& owner, Log log);
  ~SessionClient();
  SessionClient(const SessionClient&) = delete;
  SessionClient& operator=(const SessionClient&) = delete;

  void start();
  Async<void> stop();

  /// Sends in the session that runs; false when there is none (or it just broke): say it again in session_began().
  bool send(model::FromAgent message);
  bool connected() const { return welcomed_; }

 private:
  Async<void> run();
  Async<Result<void>> run_session();
  Async<Result<Duration>> say_hello(Session& session);
  Async<Result<void>> read_messages(Session& session);
  Async<void> beat(Duration ttl);
  Async<void> give_up_on_silence();
  Result<void> dispatch(const model::ToAgent& message);
  void end_session();

  Loop& loop_;
  Random& random_;
  ServerLink& link_;
  SessionOwner& owner_;
  Log log_;
  std::unique_ptr<Session> session_;
  bool welcomed_ = false;
  bool may_retry_ = true;
  Duration last_sent_{};
  Duration last_received_{};
  Scope beats_;
  Scope scope_;
};

}  // namespace drover::agent
