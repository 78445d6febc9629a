#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <vector>

#include "base/log/log.h"
#include "base/loop/loop.h"
#include "base/loop/random.h"
#include "base/loop/scope.h"
#include "base/loop/signal.h"
#include "base/loop/workers.h"
#include "server/broker/blocked_evals.h"
#include "server/broker/eval_broker.h"
#include "server/broker/node_table_cache.h"
#include "server/commands/turns.h"

namespace drover::server {

/// What a pass of the scheduler leads to; see server/scheduler/scheduler.h, which server.cc puts behind this.
struct PassResult {
  std::shared_ptr<const model::Plan> plan;
  bool plan_is_empty = true;
  EvalPtr eval;                    ///< as it is to be stored
  std::vector<EvalPtr> new_evals;  ///< to be created with it
};
struct PassRequest {
  SnapshotPtr state;
  std::shared_ptr<const NodeTable> nodes;  ///< of that state
  EvalPtr eval;
  Instant now{};
  std::uint64_t seed = 0;
};
/// A pure function: it runs on a pool, over a snapshot it shares.
using SchedulePass = std::function<PassResult(const PassRequest& request)>;

constexpr std::size_t passes_max = 4;           ///< evaluations in work at the same time
constexpr int service_attempts_max = 5;         ///< plans of one evaluation without any progress
constexpr int batch_attempts_max = 2;
constexpr Duration attempts_retry_interval = 1min;  ///< for blocked evaluations that ran out of attempts

/// Takes evaluations through the scheduler: from pending to a committed plan, or to blocked. Driven by what turns
/// publish. On the loop.
class Scheduling {
 public:
  struct Parts {
    Loop& loop;
    Random& random;
    Workers& workers;
    Turns& turns;
    Log log;
    SchedulePass pass;
    std::function<bool()> paused = {};  ///< an operator wants nothing to be scheduled; null: never
  };
  explicit Scheduling(Parts parts);

  void start();
  Async<void> stop();

  const EvalBroker& broker() const { return broker_; }
  const BlockedEvals& blocked() const { return blocked_; }

 private:
  using Delivery = EvalBroker::Delivery;

  void published(const SnapshotPtr& state, const Effects& effects, bool anew);
  void take_all(const Snapshot& state);
  void take_eval(const Snapshot& state, const Uuid& id);
  void take_alloc(const Snapshot& state, const Effect& effect);
  void wake_blocked();

  Async<void> hand_out();
  Async<void> keep_time();
  Async<void> retry_attempts();
  Async<void> work(Delivery delivery);
  /// True when the evaluation is dealt with.
  Async<Result<bool>> attempt(Delivery delivery, bool& progress);
  Async<Result<PlanApplied>> submit(Delivery delivery, PassResult result);
  Async<Result<void>> give_up(Delivery delivery, int attempts);
  Async<Result<void>> put(std::vector<EvalPtr> evals);
  void put_later(std::vector<EvalPtr> evals);

  Parts parts_;
  EvalBroker broker_;
  BlockedEvals blocked_;
  NodeTableCache nodes_;
  std::vector<EvalPtr> to_cancel_;
  Signal work_to_do_;
  Signal time_changed_;
  std::size_t passes_ = 0;
  std::shared_ptr<const bool> alive_ = std::make_shared<const bool>(true);  ///< for answers that come late
  Scope scope_;
};

}  // namespace drover::server
