#pragma once

#include <map>

#include "base/log/log.h"
#include "base/loop/loop.h"
#include "base/loop/random.h"
#include "base/loop/scope.h"
#include "base/loop/signal.h"
#include "server/commands/turns.h"

namespace drover::server {

constexpr std::int64_t heartbeats_per_second_max = 50;  ///< over all nodes: many nodes may be silent for longer

/// Notices nodes that have fallen silent and marks them down. On the loop.
class Heartbeats {
 public:
  Heartbeats(Loop& loop, Random& random, Turns& turns, const ServerConfig& config, Log log);

  void start() { scope_.spawn(watch()); }
  Async<void> stop();

  /// A session begins: how long the node may be silent from now on (before the grace), as it is told.
  Duration promise(const Uuid& node);
  /// The node has said something.
  void heard(const Uuid& node);

 private:
  struct Silence {
    Duration until{};  ///< by uptime
    Duration ttl{};    ///< what it was promised
  };

  void published(const SnapshotPtr& state, const Effects& effects, bool anew);
  Duration ttl();
  Async<void> watch();
  void mark_down(const Uuid& node);

  Loop& loop_;
  Random& random_;
  Turns& turns_;
  const ServerConfig& config_;
  Log log_;
  std::map<Uuid, Silence> nodes_;
  Signal changed_;
  Scope scope_;
};

}  // namespace drover::server
