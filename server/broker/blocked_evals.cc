#include "server/broker/blocked_evals.h"

#include <algorithm>

#include "model/proto/evaluation.pb.h"
#include "model/proto/group.pb.h"
#include "model/proto/job.pb.h"
#include "model/proto/node.pb.h"

namespace drover::server {
namespace {

std::vector<model::Capacity> asks_of(const model::Evaluation& eval, const Snapshot& state) {
  std::vector<model::Capacity> asks;
  const JobVersionRow* job = state.current(eval.namespace_(), eval.job_id());
  if (!job) return asks;
  for (const auto& group : job->spec->task_groups()) {
    const auto queued = eval.queued_allocations().find(group.name());
    const bool failed = eval.failed_tg_allocs().contains(group.name()) ||
                        (queued != eval.queued_allocations().end() && queued->second > 0);
    if (failed) asks.push_back(model::ask_of(group).capacity);
  }
  return asks;
}

bool is_able(const model::Node& node) {
  return node.status() == "ready" && node.scheduling_eligibility() == "eligible" && !node.has_drain_strategy();
}

model::Capacity free_on(const Snapshot& state, const model::Node& node) {
  model::Capacity free = model::capacity_of(node);
  state.each_alloc_on_node(parse_uuid(node.id()), [&free](const AllocRow& row) {
    if (!row.client_terminal() && row.shape) free -= row.shape->capacity;
    return true;
  });
  return free;
}

}  // namespace

EvalPtr BlockedEvals::block(EvalPtr eval, const Snapshot& state) {
  const Uuid id = parse_uuid(eval->id());
  const JobKey job{eval->namespace_(), eval->job_id()};
  const auto age = [](const model::Evaluation& one) { return std::max(one.create_index(), one.snapshot_index()); };
  EvalPtr loser;
  if (const auto other = by_job_.find(job); other != by_job_.end() && other->second != id) {
    const EvalPtr known = blocked_.at(other->second).eval;
    if (age(*known) > age(*eval)) return eval;
    loser = known;
    forget(other->second);
  }
  promised_.erase(id);
  const Index seen = eval->snapshot_index() > 0 ? eval->snapshot_index() : eval->modify_index();
  blocked_[id] = Blocked{.eval = eval, .seen = seen, .asks = asks_of(*eval, state), .trying = false};
  by_job_[job] = id;
  return loser;
}

void BlockedEvals::forget(const Uuid& id) {
  const auto found = blocked_.find(id);
  if (found == blocked_.end()) return;
  const JobKey job{found->second.eval->namespace_(), found->second.eval->job_id()};
  if (const auto owner = by_job_.find(job); owner != by_job_.end() && owner->second == id) by_job_.erase(owner);
  promised_.erase(id);
  blocked_.erase(found);
}

void BlockedEvals::clear() { *this = BlockedEvals(); }

void BlockedEvals::freed(const Uuid& node, Index index) {
  const auto known = freed_nodes_.find(node);
  if (known != freed_nodes_.end()) freed_order_.erase({known->second, node});
  freed_nodes_[node] = index;
  freed_order_.emplace(index, node);
}

void BlockedEvals::tried(const Uuid& id) {
  promised_.erase(id);
  if (const auto found = blocked_.find(id); found != blocked_.end()) found->second.trying = false;
}

model::Capacity& BlockedEvals::room_on(const Uuid& id, const Snapshot& state, Rooms& rooms) const {
  const auto known = rooms.find(id);
  if (known != rooms.end()) return known->second;
  model::Capacity free = free_on(state, *state.node(id));
  for (const auto& [eval, promise] : promised_) {
    if (promise.first == id) free -= promise.second;
  }
  return rooms.emplace(id, free).first->second;
}

bool BlockedEvals::could_use(const Blocked& blocked, const Snapshot& state, const Uuid& id, Rooms& rooms, model::Capacity& takes) const {
  const model::Node* node = state.node(id);
  if (!node || !is_able(*node)) return false;
  const auto& eligible = blocked.eval->class_eligibility();
  const auto known = eligible.find(node->computed_class());
  if (!blocked.eval->escaped_computed_class() && known != eligible.end() && !known->second) return false;
  if (blocked.asks.empty()) return true;

  const model::Capacity& free = room_on(id, state, rooms);
  const auto fitting = std::find_if(blocked.asks.begin(), blocked.asks.end(), [&free](const model::Capacity& ask) {
    return model::exhausted_dimension(free, ask).empty();
  });
  if (fitting == blocked.asks.end()) return false;
  takes = *fitting;
  return true;
}

std::optional<Uuid> BlockedEvals::find_room(const Blocked& blocked, const Snapshot& state, Rooms& rooms, model::Capacity& takes) const {
  for (auto at = freed_order_.lower_bound({blocked.seen + 1, Uuid{}}); at != freed_order_.end(); ++at) {
    if (could_use(blocked, state, at->second, rooms, takes)) return at->second;
  }
  return std::nullopt;
}

std::vector<EvalPtr> BlockedEvals::wake(const Snapshot& state) {
  std::vector<std::tuple<std::int64_t, Index, Uuid>> order;
  for (const auto& [id, blocked] : blocked_) {
    const bool nothing_new = freed_order_.empty() || freed_order_.rbegin()->first <= blocked.seen;
    if (!blocked.trying && !nothing_new) order.emplace_back(-blocked.eval->priority(), blocked.eval->create_index(), id);
  }
  std::sort(order.begin(), order.end());

  std::vector<EvalPtr> woken;
  Rooms rooms;
  for (const auto& [priority, index, id] : order) {
    Blocked& blocked = blocked_.at(id);
    model::Capacity takes;
    const auto node = find_room(blocked, state, rooms, takes);
    if (!node) continue;
    room_on(*node, state, rooms) -= takes;
    blocked.trying = true;
    promised_[id] = {*node, takes};
    woken.push_back(blocked.eval);
  }
  return woken;
}

std::vector<EvalPtr> BlockedEvals::out_of_attempts() const {
  std::vector<EvalPtr> found;
  for (const auto& [id, blocked] : blocked_) {
    if (!blocked.trying && blocked.eval->triggered_by() == "max-plan-attempts") found.push_back(blocked.eval);
  }
  return found;
}

}  // namespace drover::server
