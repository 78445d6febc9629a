#include "server/broker/eval_broker.h"

#include <algorithm>

#include "model/proto/evaluation.pb.h"

namespace drover::server {
namespace {

Uuid id_of(const model::Evaluation& eval) { return parse_uuid(eval.id()); }
JobKey job_of(const model::Evaluation& eval) { return JobKey{eval.namespace_(), eval.job_id()}; }

}  // namespace

void EvalBroker::enqueue(EvalPtr eval, Instant now) {
  const Uuid id = id_of(*eval);
  if (!known_.try_emplace(id, Known{.eval = eval}).second) return;
  Instant at = from_ns(eval->wait_until());
  if (eval->wait() > 0) at = std::max(at, from_ns(eval->create_time()) + Duration(eval->wait()));
  if (at > now) {
    delayed_.emplace(at, id);
    return;
  }
  offer(eval);
}

void EvalBroker::offer(const EvalPtr& eval) {
  const JobKey key = job_of(*eval);
  JobQueue& job = jobs_[key];
  job.pending.emplace(-eval->priority(), ~eval->modify_index(), id_of(*eval));
  if (!job.busy) next_of(key);
}

/// Moves the most urgent pending one of a job to the ready queue.
void EvalBroker::next_of(const JobKey& key) {
  const auto job = jobs_.find(key);
  if (job == jobs_.end()) return;
  job->second.busy = false;
  if (job->second.pending.empty()) {
    jobs_.erase(job);
    return;
  }
  const Uuid id = std::get<Uuid>(*job->second.pending.begin());
  job->second.pending.erase(job->second.pending.begin());
  job->second.busy = true;
  make_ready(known_.at(id).eval);
}

void EvalBroker::make_ready(const EvalPtr& eval) { ready_.emplace(-eval->priority(), eval->create_index(), id_of(*eval)); }

void EvalBroker::forget(const Uuid& id) {
  const auto known = known_.find(id);
  if (known == known_.end() || flying_.contains(id)) return;
  const EvalPtr eval = known->second.eval;
  known_.erase(known);
  spent_.erase(id);
  std::erase_if(delayed_, [&id](const auto& entry) { return entry.second == id; });
  std::erase_if(retries_, [&id](const auto& entry) { return entry.second == id; });
  if (const auto job = jobs_.find(job_of(*eval)); job != jobs_.end()) {
    std::erase_if(job->second.pending, [&id](const Standing& entry) { return std::get<Uuid>(entry) == id; });
  }
  if (ready_.erase(Urgency{-eval->priority(), eval->create_index(), id}) > 0) next_of(job_of(*eval));
}

void EvalBroker::clear() { *this = EvalBroker(); }

std::optional<EvalBroker::Delivery> EvalBroker::dequeue(Duration uptime) {
  if (ready_.empty()) return std::nullopt;
  const Uuid id = std::get<Uuid>(*ready_.begin());
  ready_.erase(ready_.begin());
  Known& known = known_.at(id);
  ++known.deliveries;
  const Delivery delivery{known.eval, ++deliveries_};
  flying_.emplace(id, Flying{delivery, uptime + lease});
  return delivery;
}

bool EvalBroker::holds(const Delivery& delivery) const {
  const auto flying = flying_.find(id_of(*delivery.eval));
  return flying != flying_.end() && flying->second.delivery.number == delivery.number;
}

std::vector<EvalPtr> EvalBroker::ack(const Delivery& delivery) {
  if (!holds(delivery)) return {};
  const Uuid id = id_of(*delivery.eval);
  const JobKey key = job_of(*delivery.eval);
  flying_.erase(id);
  known_.erase(id);

  // The newest of those that waited sees all that the others would have seen.
  std::vector<EvalPtr> overtaken;
  JobQueue& job = jobs_[key];
  while (job.pending.size() > 1) {
    const Uuid last = std::get<Uuid>(*job.pending.rbegin());
    job.pending.erase(std::prev(job.pending.end()));
    overtaken.push_back(known_.at(last).eval);
    known_.erase(last);
  }
  next_of(key);
  return overtaken;
}

void EvalBroker::nack(const Delivery& delivery, Duration uptime) {
  if (!holds(delivery)) return;
  const Uuid id = id_of(*delivery.eval);
  flying_.erase(id);
  const int deliveries = known_.at(id).deliveries;
  if (deliveries >= deliveries_max) {
    spent_.insert(id);
  } else {
    retries_.emplace(uptime + (deliveries == 1 ? first_redelivery_delay : (deliveries - 1) * redelivery_delay), id);
  }
  next_of(job_of(*delivery.eval));
}

std::vector<EvalPtr> EvalBroker::tick(Duration uptime, Instant now) {
  std::vector<Delivery> overrun;
  for (const auto& [id, flying] : flying_) {
    if (flying.lease_ends <= uptime) overrun.push_back(flying.delivery);
  }
  for (const Delivery& delivery : overrun) nack(delivery, uptime);
  while (!retries_.empty() && retries_.begin()->first <= uptime) {
    const Uuid id = retries_.begin()->second;
    retries_.erase(retries_.begin());
    offer(known_.at(id).eval);
  }
  while (!delayed_.empty() && delayed_.begin()->first <= now) {
    const Uuid id = delayed_.begin()->second;
    delayed_.erase(delayed_.begin());
    offer(known_.at(id).eval);
  }
  std::vector<EvalPtr> failed;
  for (const Uuid& id : std::exchange(spent_, {})) {
    failed.push_back(known_.at(id).eval);
    known_.erase(id);
  }
  return failed;
}

std::optional<Duration> EvalBroker::until_next(Duration uptime, Instant now) const {
  std::optional<Duration> next;
  const auto consider = [&next](Duration delay) { next = std::max(Duration(0), next ? std::min(*next, delay) : delay); };
  if (!spent_.empty()) consider(Duration(0));
  if (!retries_.empty()) consider(retries_.begin()->first - uptime);
  if (!delayed_.empty()) consider(delayed_.begin()->first - now);
  for (const auto& [id, flying] : flying_) consider(flying.lease_ends - uptime);
  return next;
}

}  // namespace drover::server
