// How a run of a TaskRunner's task ends: waited for, stopped, settled, and what follows.
#include <algorithm>
#include <array>

#include "agent/alloc/events.h"
#include "agent/alloc/task_runner.h"
#include "model/proto/alloc.pb.h"

namespace drover::agent {
namespace {

constexpr Duration kill_timeout_default = 5s;
/// Waits before another StopTask after one that failed.
constexpr std::array<Duration, 5> stop_retries = {5s, 20s, 80s, 120s, 120s};
/// After a StopTask that succeeded, the exit follows within this time, or the driver is told to destroy the task.
constexpr Duration exit_after_stop_max = 30s;
constexpr Duration recover_retry = 5s;
/// A driver that recovers a task and then cannot wait for it, so often in a row, does not have it any more.
constexpr int recoveries_max = 5;
constexpr Duration recovery_lasts = 10s;

}  // namespace

Async<std::optional<TaskExit>> TaskRunner::until_exit() {
  exit_.reset();
  scope_.spawn(watch_exit(*handle_));
  while (!exit_) {
    if (kill_wanted_ || restart_wanted_) {
      const Wait ended = co_await end_running();
      if (ended == Wait::cancelled) co_return std::nullopt;
      continue;
    }
    const bool woken = co_await wake_.wait();
    if (!woken) co_return std::nullopt;
  }
  co_return exit_;
}

Async<void> TaskRunner::watch_exit(TaskHandle handle) {
  const std::string id = handle.config.id;
  Result<TaskExit> exit = co_await world_.drivers.wait_task(driver_, id);
  for (int recovered = 0; !exit && recovered < recoveries_max; ++recovered) {
    if (exit.error().code == Code::cancelled) co_return;
    // The driver process is gone or has forgotten, not the task: make it known again, and wait again.
    const Result<void> known = co_await recover_when_possible(handle);
    if (!known) {
      exit = known.error();
      break;
    }
    const Duration began = world_.loop.uptime();
    exit = co_await world_.drivers.wait_task(driver_, id);
    if (world_.loop.uptime() - began > recovery_lasts) recovered = 0;
  }
  if (!exit && exit.error().code == Code::cancelled) co_return;
  if (!handle_ || handle_->config.id != id) co_return;
  TaskExit unknown;
  unknown.exit_code = -1;
  if (!exit) unknown.error = exit.error().message;
  exit_ = exit ? std::move(exit).value() : unknown;
  wake_.notify();
}

Async<Result<void>> TaskRunner::recover_when_possible(TaskHandle handle) {
  for (;;) {
    Result<void> recovered = co_await world_.drivers.recover_task(driver_, handle);
    if (recovered || recovered.error().code != Code::unavailable) co_return recovered;
    const bool waited = co_await world_.drivers_changed.wait_for(recover_retry);
    if (!waited) co_return fail(Code::cancelled, "the agent stops");
  }
}

Async<TaskRunner::Wait> TaskRunner::end_running() {
  if (kill_wanted_) {
    const model::Task* definition = task();
    const Duration asked = definition != nullptr && definition->has_kill_timeout() ? Duration(definition->kill_timeout()) : kill_timeout_default;
    add_event(events::killing(world_.loop.now(), std::min(asked, world_.settings.max_kill_timeout), ""));
  }
  const Wait delayed = co_await wait_shutdown_delay();
  if (delayed == Wait::cancelled || exit_) co_return delayed;
  const Wait stopped = co_await stop_in_driver();
  co_return stopped;
}

Async<TaskRunner::Wait> TaskRunner::wait_shutdown_delay() {
  const model::Task* definition = task();
  const Duration delay = definition == nullptr ? Duration::zero() : Duration(definition->shutdown_delay());
  if (delay <= Duration::zero()) co_return Wait::go;
  if (owner_.skip_shutdown_delay()) {
    add_event(events::skipping_shutdown_delay(world_.loop.now(), delay));
    co_return Wait::go;
  }
  add_event(events::waiting_for_shutdown_delay(world_.loop.now(), delay));
  const Duration until = world_.loop.uptime() + delay;
  while (!exit_ && world_.loop.uptime() < until && !owner_.skip_shutdown_delay()) {
    const bool woken = co_await wake_.wait_for(until - world_.loop.uptime());
    if (!woken) co_return Wait::cancelled;
  }
  co_return Wait::go;
}

Async<TaskRunner::Wait> TaskRunner::stop_in_driver() {
  const std::string id = handle_->config.id;
  const model::Task* definition = task();
  const Duration asked = definition != nullptr && definition->has_kill_timeout() ? Duration(definition->kill_timeout()) : kill_timeout_default;
  const Duration timeout = std::min(asked, world_.settings.max_kill_timeout);
  const std::string signal = definition == nullptr ? "" : definition->kill_signal();

  std::string error;
  for (std::size_t tried = 0; !exit_; ++tried) {
    const Result<void> stopped = co_await world_.drivers.stop_task(driver_, id, timeout, signal);
    if (!stopped && stopped.error().code == Code::cancelled) co_return Wait::cancelled;
    if (stopped || stopped.error().code == Code::not_found) break;
    error = stopped.error().message;
    world_.log.warn("cannot stop a task, trying again: alloc={} task={} error=\"{}\"", owner_.alloc()->id(), name_, error);
    if (tried == stop_retries.size()) break;
    const Duration until = world_.loop.uptime() + stop_retries[tried];
    while (!exit_ && world_.loop.uptime() < until) {
      const bool woken = co_await wake_.wait_for(until - world_.loop.uptime());
      if (!woken) co_return Wait::cancelled;
    }
  }

  const Duration until = world_.loop.uptime() + exit_after_stop_max;
  while (!exit_ && world_.loop.uptime() < until) {
    const bool woken = co_await wake_.wait_for(until - world_.loop.uptime());
    if (!woken) co_return Wait::cancelled;
  }
  if (!exit_) {
    TaskExit unknown;
    unknown.exit_code = -1;
    unknown.error = error.empty() ? "exit unknown: the driver never told it" : text("exit unknown: {}", error);
    exit_ = unknown;
  }
  co_return Wait::go;
}

Async<TaskRunner::Wait> TaskRunner::settle(TaskExit exit) {
  if (state_->finished_at() == 0) state_->set_finished_at(to_ns(world_.loop.now()));
  events::append(*state_, events::terminated(world_.loop.now(), exit));
  const bool asked = restart_wanted_;
  restart_wanted_ = false;
  const RunEnd end = asked ? RunEnd(AskedRestart{}) : RunEnd(exit);
  const std::optional<Duration> again_in = conclude(end);

  // The exit is saved before the driver forgets it, and before anybody is told.
  handle_->life = TaskLife::exited;
  const Result<void> saved = co_await save();
  if (!saved && saved.error().code == Code::cancelled) co_return Wait::cancelled;
  const Wait destroyed = co_await destroy_in_driver();
  if (destroyed == Wait::cancelled) co_return destroyed;
  changed();
  if (!again_in) co_return Wait::go;
  const Wait paused = co_await pause(*again_in);
  if (paused != Wait::killed) co_return paused;
  if (!is_dead()) events::append(*state_, events::killed(world_.loop.now(), ""));
  finish();
  co_return Wait::killed;
}

Async<TaskRunner::Wait> TaskRunner::destroy_in_driver() {
  const std::string id = handle_->config.id;
  const Result<void> destroyed = co_await world_.drivers.destroy_task(driver_, id, true);
  if (!destroyed && destroyed.error().code == Code::cancelled) co_return Wait::cancelled;
  const std::string alloc_id = owner_.alloc()->id();
  co_await world_.files.close_logs(alloc_id, name_);
  handle_.reset();
  co_return Wait::go;
}

Async<TaskRunner::Wait> TaskRunner::after_failed_start(Error error) {
  if (error.code == Code::cancelled) co_return Wait::cancelled;
  const RunEnd end = StartFailure{error.message, error.code == Code::unavailable};
  const std::optional<Duration> again_in = conclude(end);
  changed();
  if (!again_in) {
    const std::string alloc_id = owner_.alloc()->id();
    co_await world_.files.close_logs(alloc_id, name_);
    co_return Wait::go;
  }
  const Wait paused = co_await pause(*again_in);
  if (paused == Wait::killed) finish();
  co_return paused;
}

std::optional<Duration> TaskRunner::conclude(const RunEnd& end) {
  const Instant now = world_.loop.now();
  const model::Task* definition = task();
  if (kill_wanted_ || definition == nullptr) {
    if (std::holds_alternative<TaskExit>(end) || std::holds_alternative<AskedRestart>(end)) events::append(*state_, events::killed(now, ""));
    set_phase(TaskPhase::dead);
    return std::nullopt;
  }

  const RestartRules rules = restart_rules(*definition, *group(), owner_.alloc()->job().type());
  const RestartDecision decision = after_end(rules, history_, end, now);
  history_ = decision.history;
  if (decision.what == RestartDecision::What::restart) {
    Duration delay = decision.delay;
    if (decision.jitter) delay += std::chrono::duration_cast<Duration>(decision.delay * 0.25 * world_.random.unit());
    events::append(*state_, events::restarting(now, delay, decision.reason));
    state_->set_restarts(state_->restarts() + 1);
    state_->set_last_restart(to_ns(now));
    set_phase(TaskPhase::pending);
    return delay;
  }
  if (decision.what == RestartDecision::What::give_up) events::append(*state_, events::not_restarting(now, decision.reason));
  if (state_->finished_at() == 0) state_->set_finished_at(to_ns(now));
  set_phase(TaskPhase::dead);
  return std::nullopt;
}

}  // namespace drover::agent
