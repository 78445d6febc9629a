#pragma once

#include "base/log/log.h"
#include "base/loop/loop.h"
#include "base/loop/scope.h"
#include "base/loop/signal.h"
#include "server/commands/turns.h"

namespace drover::server {

constexpr Duration drain_retry_delay = 1s;  ///< after a step could not be stored

/// Carries drains through: whenever nodes or allocations change while a node drains, and when a deadline passes, the
/// next step is asked for (server/commands/drain_step.h). On the loop.
class Drains {
 public:
  Drains(Loop& loop, Turns& turns, Log log);

  void start() { scope_.spawn(run()); }
  Async<void> stop() { co_await scope_.stop(); }

 private:
  void published(const SnapshotPtr& state, const Effects& effects, bool anew);
  Async<void> run();
  Async<Result<void>> advance();

  Loop& loop_;
  Turns& turns_;
  Log log_;
  std::size_t draining_ = 0;  ///< nodes
  bool due_ = false;          ///< something has changed that may matter
  Signal changed_;
  Scope scope_;
};

}  // namespace drover::server
