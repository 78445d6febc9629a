#pragma once

#include <map>
#include <optional>
#include <set>

#include "base/log/log.h"
#include "base/loop/loop.h"
#include "base/loop/scope.h"
#include "base/loop/signal.h"
#include "server/commands/turns.h"

namespace drover::server {

constexpr Duration launch_retry_delay = 1s;  ///< after a launch could not be stored

/// Launches periodic jobs when their schedules say so. What came due while no server ran is launched once when one
/// begins, however often it came due. On the loop.
class Periodic {
 public:
  Periodic(Loop& loop, Turns& turns, Log log);

  void start() { scope_.spawn(run()); }
  Async<void> stop() { co_await scope_.stop(); }

 private:
  void published(const SnapshotPtr& state, const Effects& effects, bool anew);
  void take(const Snapshot& state, const JobKey& job);
  void plan(const JobKey& job, std::optional<Instant> launch);
  Async<void> run();
  Async<void> launch(JobKey job, Instant due);

  Loop& loop_;
  Turns& turns_;
  Log log_;
  std::map<JobKey, Instant> launches_;  ///< the next one of each job
  std::set<std::pair<Instant, JobKey>> by_time_;
  Signal changed_;
  Scope scope_;
};

}  // namespace drover::server
