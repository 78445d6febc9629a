#pragma once

#include "base/log/log.h"
#include "base/loop/loop.h"
#include "base/loop/scope.h"
#include "server/commands/turns.h"

namespace drover::server {

/// Forgets what is dead, every `gc_interval` what is old enough, and when asked all of it. On the loop.
class Garbage {
 public:
  Garbage(Loop& loop, Turns& turns, const ServerConfig& config, Log log) : loop_(loop), turns_(turns), config_(config), log_(std::move(log)), scope_(loop) {}

  void start() { scope_.spawn(run()); }
  Async<void> stop() { co_await scope_.stop(); }

  /// Until nothing dead is left. On the loop.
  Async<Result<void>> collect(bool force);

 private:
  Async<void> run();

  Loop& loop_;
  Turns& turns_;
  const ServerConfig& config_;
  Log log_;
  Scope scope_;
};

}  // namespace drover::server
