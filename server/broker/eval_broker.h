#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <tuple>
#include <vector>

#include "base/loop/time.h"
#include "model/fwd.h"
#include "server/state/types.h"

namespace drover::server {

using EvalPtr = std::shared_ptr<const model::Evaluation>;

/// Gives evaluations to workers: highest priority first, and never two of one job at once.
///
/// What is given out stays in flight until acked; unacked past its lease, it returns to the queue, at most
/// `deliveries_max` times. Evaluations that are to wait come when their time has come. A plain value machine: the
/// times it needs are given to it. Lives on the server loop.
class EvalBroker {
 public:
  static constexpr int deliveries_max = 3;
  static constexpr Duration lease = 60s;
  static constexpr Duration first_redelivery_delay = 1s;
  static constexpr Duration redelivery_delay = 20s;  ///< times the deliveries so far, less one

  /// One giving-out. The number tells it from others of the same evaluation.
  struct Delivery {
    EvalPtr eval;
    std::uint64_t number = 0;
  };

  /// Takes a pending evaluation, or a blocked one that is to be tried again. One that is known already is ignored.
  void enqueue(EvalPtr eval, Instant now);
  /// It is done or gone: no longer given out. What is in flight stays so until its worker returns.
  void forget(const Uuid& id);
  void clear();

  /// The most urgent one of a job that none is in flight of.
  std::optional<Delivery> dequeue(Duration uptime);
  /// Whether this giving-out still counts.
  bool holds(const Delivery& delivery) const;
  /// The worker is done. Older evaluations of the same job that waited have nothing left to do: they are returned, to
  /// be canceled.
  std::vector<EvalPtr> ack(const Delivery& delivery);
  /// The worker could not do it: again later.
  void nack(const Delivery& delivery, Duration uptime);

  /// Takes back what has overrun its lease, and wakes what has waited long enough. Gives what has been given out too
  /// often: to be failed.
  std::vector<EvalPtr> tick(Duration uptime, Instant now);
  /// How long from now until tick() has something to do; nothing: until something else happens.
  std::optional<Duration> until_next(Duration uptime, Instant now) const;

  std::size_t ready() const { return ready_.size(); }
  std::size_t in_flight() const { return flying_.size(); }
  std::size_t waiting() const { return delayed_.size() + retries_.size(); }

 private:
  /// Higher priority first, then first come.
  using Urgency = std::tuple<std::int64_t, Index, Uuid>;
  /// Within a job: higher priority, then the newest.
  using Standing = std::tuple<std::int64_t, Index, Uuid>;
  struct Known {
    EvalPtr eval;
    int deliveries = 0;
  };
  struct Flying {
    Delivery delivery;
    Duration lease_ends{};
  };
  struct JobQueue {
    std::set<Standing> pending;
    bool busy = false;  ///< one is ready or in flight
  };

  void offer(const EvalPtr& eval);
  void make_ready(const EvalPtr& eval);
  void next_of(const JobKey& job);

  std::map<Uuid, Known> known_;
  std::set<Urgency> ready_;
  std::map<JobKey, JobQueue> jobs_;
  std::map<Uuid, Flying> flying_;
  std::set<std::pair<Instant, Uuid>> delayed_;
  std::set<std::pair<Duration, Uuid>> retries_;
  std::set<Uuid> spent_;
  std::uint64_t deliveries_ = 0;
};

}  // namespace drover::server
