#pragma once

#include <map>
#include <set>

#include "base/log/log.h"
#include "base/loop/loop.h"
#include "base/loop/scope.h"
#include "base/loop/signal.h"
#include "server/commands/turns.h"

namespace drover::server {

constexpr Duration deployment_retry_delay = 1s;  ///< after a step could not be stored

/// Watches deployments: whenever one or an allocation of it changes, and when a deadline passes, its next step is asked
/// for (server/commands/deployment_step.h). On the loop.
class Deployments {
 public:
  Deployments(Loop& loop, Turns& turns, Log log);

  void start() { scope_.spawn(run()); }
  Async<void> stop() { co_await scope_.stop(); }

 private:
  void published(const SnapshotPtr& state, const Effects& effects, bool anew);
  void take(const Snapshot& state, const Uuid& deployment);
  Async<void> run();
  Async<Result<void>> advance(Uuid deployment);

  Loop& loop_;
  Turns& turns_;
  Log log_;
  std::map<Uuid, std::optional<Instant>> active_;  ///< with the next deadline of each
  std::set<Uuid> due_;                              ///< to be looked at
  Signal changed_;
  Scope scope_;
};

}  // namespace drover::server
