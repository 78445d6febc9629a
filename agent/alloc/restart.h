#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <variant>

#include "agent/alloc/lifecycle.h"
#include "agent/drivers/drivers.h"
#include "base/loop/time.h"
#include "model/fwd.h"

/// What to do after a task's start has failed, it has exited, or somebody has asked for a restart.
namespace drover::agent {

struct RestartRules {
  std::uint32_t attempts = 2;
  Duration interval = 30min;
  Duration delay = 15s;
  bool wait_when_spent = false;    ///< mode "delay"
  bool restart_on_success = true;  ///< main tasks of services and system jobs, and sidecars
};

/// The policy of a task (its own, else its group's), and what its kind and the job's type make of it.
RestartRules restart_rules(const model::Task& task, const model::TaskGroup& group, const std::string& job_type);

/// Restarts counted in the current interval; kept over restarts of the agent.
struct RestartHistory {
  std::uint32_t attempts = 0;
  Instant interval_start{};

  friend bool operator==(const RestartHistory&, const RestartHistory&) = default;
};

/// How a run of a task ended.
struct StartFailure {
  std::string message;
  bool recoverable = false;
};
struct AskedRestart {};  ///< by a user: not counted, no delay
using RunEnd = std::variant<TaskExit, StartFailure, AskedRestart>;

struct RestartDecision {
  enum class What : std::uint8_t { restart, finish, give_up } what = What::finish;
  Duration delay{};    ///< before the restart, jitter not added
  std::string reason;  ///< as the event says it
  bool jitter = false;
  RestartHistory history;  ///< to keep from now on
};

/// Same inputs, same answer. give_up: the task has failed for good.
RestartDecision after_end(const RestartRules& rules, RestartHistory history, const RunEnd& end, Instant now);

}  // namespace drover::agent
