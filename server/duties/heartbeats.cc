#include "server/duties/heartbeats.h"

#include <algorithm>

#include "model/proto/node.pb.h"

namespace drover::server {

Heartbeats::Heartbeats(Loop& loop, Random& random, Turns& turns, const ServerConfig& config, Log log)
    : loop_(loop), random_(random), turns_(turns), config_(config), log_(std::move(log)), changed_(loop), scope_(loop) {
  turns_.listen([this](const SnapshotPtr& state, const Effects& effects, bool anew) { published(state, effects, anew); });
}

Async<void> Heartbeats::stop() { co_await scope_.stop(); }

void Heartbeats::published(const SnapshotPtr& state, const Effects& effects, bool anew) {
  const auto take = [this](const Uuid& id, const model::Node* node) {
    if (!node || node->status() == "down") {
      nodes_.erase(id);
    } else {
      // A node that nobody has heard of since this server took over has time to find it.
      nodes_.try_emplace(id, Silence{loop_.uptime() + config_.failover_ttl, config_.failover_ttl});
    }
  };
  if (anew) {
    state->each_node({}, [&take](const model::Node& node) { return take(parse_uuid(node.id()), &node), true; });
  } else {
    for (const Effect& effect : effects) {
      if (effect.topic == Topic::nodes) take(effect.id, state->node(effect.id));
    }
  }
  changed_.notify();
}

Duration Heartbeats::ttl() {
  const auto nodes = static_cast<std::int64_t>(nodes_.size());
  const Duration least = std::max<Duration>(config_.heartbeat_ttl_min, std::chrono::seconds(nodes / heartbeats_per_second_max));
  return least + Duration(static_cast<std::int64_t>(random_.below(static_cast<std::uint64_t>(least.count()) + 1)));
}

Duration Heartbeats::promise(const Uuid& node) {
  const Duration may_be_silent = ttl();
  nodes_[node] = Silence{loop_.uptime() + may_be_silent + config_.heartbeat_grace, may_be_silent};
  changed_.notify();
  return may_be_silent;
}

void Heartbeats::heard(const Uuid& node) {
  const auto known = nodes_.find(node);
  if (known == nodes_.end()) return;
  known->second.until = std::max(known->second.until, loop_.uptime() + known->second.ttl + config_.heartbeat_grace);
}

Async<void> Heartbeats::watch() {
  for (;;) {
    const auto next = std::min_element(nodes_.begin(), nodes_.end(), [](const auto& a, const auto& b) { return a.second.until < b.second.until; });
    bool woken = true;
    if (next == nodes_.end()) {
      woken = co_await changed_.wait();
    } else if (const Duration left = next->second.until - loop_.uptime(); left > Duration(0)) {
      woken = co_await changed_.wait_for(left);
    } else {
      mark_down(Uuid(next->first));
    }
    if (!woken) co_return;
  }
}

void Heartbeats::mark_down(const Uuid& node) {
  // Asked again should the answer be lost.
  nodes_[node].until = loop_.uptime() + config_.heartbeat_grace + config_.heartbeat_ttl_min;
  log_.warn("a node has fallen silent, its allocations are given up: node={}", to_text(node));
  SetNodeStatus request{.node = node, .status = "down", .description = "", .event = "Node heartbeat missed"};
  turns_.ask(std::move(request), std::function<void(Result<NodeUpdated>)>([log = log_, node](const Result<NodeUpdated>& done) {
               if (!done) log.error("a silent node could not be marked down: node={} error=\"{}\"", to_text(node), done.error().message);
             }));
}

}  // namespace drover::server
