#pragma once

#include <string>
#include <string_view>

#include "agent/drivers/drivers.h"
#include "base/loop/time.h"
#include "model/fwd.h"

/// The events of a task's life, with Nomad's types, texts and detail keys (clients match on them).
namespace drover::agent::events {

/// So many of the newest are kept for each task.
constexpr int kept_max = 10;

model::TaskEvent received(Instant at);
model::TaskEvent task_setup(Instant at, std::string_view message);
model::TaskEvent setup_failure(Instant at, std::string_view error);
model::TaskEvent failed_validation(Instant at, std::string_view error);
model::TaskEvent driver_failure(Instant at, std::string_view error);
model::TaskEvent driver_message(Instant at, std::string_view message, const Texts& annotations);
model::TaskEvent started(Instant at);
model::TaskEvent terminated(Instant at, const TaskExit& exit);
model::TaskEvent killing(Instant at, Duration kill_timeout, std::string_view reason);
model::TaskEvent killed(Instant at, std::string_view error);
model::TaskEvent restarting(Instant at, Duration delay, std::string_view reason);
/// A reason marks the task as failed; without one it has only reached its end.
model::TaskEvent not_restarting(Instant at, std::string_view reason);
model::TaskEvent restart_signaled(Instant at, std::string_view reason);
model::TaskEvent signaling(Instant at, std::string_view signal, std::string_view reason);
model::TaskEvent sibling_failed(Instant at, std::string_view sibling);
model::TaskEvent leader_dead(Instant at);
model::TaskEvent main_tasks_dead(Instant at);
model::TaskEvent failed_restoring(Instant at, std::string_view message);
model::TaskEvent reconnected(Instant at);
model::TaskEvent waiting_for_shutdown_delay(Instant at, Duration delay);
model::TaskEvent skipping_shutdown_delay(Instant at, Duration delay);
/// An allocation that is not healthy, and what made it so.
model::TaskEvent alloc_unhealthy(Instant at, std::string_view reason);
/// `names`: texts that look like secrets nobody has, and stay texts.
model::TaskEvent unknown_secrets(Instant at, std::string_view names);
/// A service or check that cannot be offered.
model::TaskEvent service_problem(Instant at, std::string_view problem);
model::TaskEvent hook_failed(Instant at, std::string_view hook, std::string_view error);

/// Appends, and drops the oldest beyond kept_max. An event that fails the task makes `failed` stick.
void append(model::TaskState& state, model::TaskEvent event);

}  // namespace drover::agent::events
