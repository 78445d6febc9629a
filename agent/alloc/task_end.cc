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
/// So often, and so long between, a driver that is missing or knows nothing of the task is asked again.
constexpr std::size_t driver_returns_max = 60;
constexpr Duration driver_return_wait = 1s;
/// After a StopTask that succeeded, the exit follows within this time, or the driver is told to destroy the task.
constexpr Duration exit_after_stop_max = 30s;
constexpr Duration recover_retry = 5s;
/// A driver that recovers a task and then refuses to wait for it, so often in a row, does not have it any more.
constexpr int refusals_max = 5;
constexpr Duration recovery_lasts = 10s;
/// One that breaks off a wait so soon is not asked again before something changes, or recover_retry has passed.
constexpr Duration died_at_once = 1s;

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
  for (int refused = 0; !exit && refused < refusals_max;) {
    if (exit.error().code == Code::cancelled) co_return;
    // The driver process is gone or has forgotten, not the task: make it known again, and wait again.
    const Result<void> known = co_await recover_when_possible(handle);
    if (!known) {
      exit = known.error();
      break;
    }
    const Duration began = world_.loop.uptime();
    exit = co_await world_.drivers.wait_task(driver_, id);
    const Duration lasted = world_.loop.uptime() - began;
    if (exit || exit.error().code == Code::cancelled) break;
    // A process that dies says nothing of the task, however often it dies.
    const bool died = exit.error().code == Code::unavailable;
    if (lasted > recovery_lasts) refused = 0;
    if (!died) ++refused;
    if (!died || lasted > died_at_once) continue;
    const bool waited = co_await world_.drivers_changed.wait_for(recover_retry);
    if (!waited) co_return;
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
    const Duration asked = definition != nullptr && definition->has_kill_timeout()
                               ? Duration(definition->kill_timeout())
                               : kill_timeout_default;
    add_event(events::killing(world_.loop.now(), std::min(asked, world_.settings.max_kill_timeout), ""));
  } else {
    // Stored before it is done: the next agent must not take this end for the task's own.
    const Result<void> saved = co_await save();
    if (!saved && saved.error().code == Code::cancelled) co_return Wait::cancelled;
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
  const Duration asked = definition != nullptr && definition->has_kill_timeout() ? Duration(definition->kill_timeout())
                                                                                 : kill_timeout_default;
  const Duration timeout = std::min(asked, world_.settings.max_kill_timeout);
  const std::string signal = definition == nullptr ? "" : definition->kill_signal();

  std::string error;
  std::size_t failed = 0;
  for (std::size_t tried = 0; !exit_; ++tried) {
    const Result<void> stopped = co_await world_.drivers.stop_task(driver_, id, timeout, signal);
    if (!stopped && stopped.error().code == Code::cancelled) co_return Wait::cancelled;
    if (stopped) break;
    error = stopped.error().message;
    // A driver that has just come back does not know the task before it has been recovered, which goes on beside this.
    const bool coming_back = (stopped.error().code == Code::not_found || stopped.error().code == Code::unavailable) &&
                             tried < driver_returns_max;
    if (!coming_back)
      world_.log.warn("cannot stop a task: alloc={} task={} error=\"{}\"", owner_.alloc()->id(), name_, error);
    if (!coming_back && failed == stop_retries.size()) break;
    const Duration until = world_.loop.uptime() + (coming_back ? driver_return_wait : stop_retries[failed++]);
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
  const bool unhealthy = restart_wanted_ && restart_counts_;
  const bool asked = restart_wanted_ && !restart_counts_;
  restart_wanted_ = restart_counts_ = false;
  const bool well = exit.success() && !unhealthy;
  const std::optional<Duration> again_in = conclude(well ? model::Ended::success : model::Ended::failure, asked);

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
  network_.reset();
  co_return Wait::go;
}

Async<TaskRunner::Wait> TaskRunner::after_failed_start(Error error) {
  if (error.code == Code::cancelled) co_return Wait::cancelled;
  const std::optional<Duration> again_in =
      conclude(error.code == Code::unavailable ? model::Ended::failure : model::Ended::fatal, false);
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

std::optional<Duration> TaskRunner::conclude(model::Ended ended, bool asked) {
  const model::Task* definition = task();
  if (kill_wanted_ || definition == nullptr) {
    if (handle_) events::append(*state_, events::killed(world_.loop.now(), ""));
    plan_finish();
    return std::nullopt;
  }
  if (asked) return plan_restart(Duration::zero(), "");

  const model::RestartPolicy& policy =
      definition->has_restart_policy() ? definition->restart_policy() : group()->restart_policy();
  const model::AfterSuccess on_success = model::after_success(owner_.alloc()->job(), *definition);
  const model::RestartDecision decision =
      model::after_exit(policy, on_success, ended, world_.loop.now(), world_.random.unit(), history_);
  if (const auto* again = std::get_if<model::RestartAfter>(&decision)) return plan_restart(again->delay, again->reason);
  if (const auto* given_up = std::get_if<model::GiveUp>(&decision)) {
    events::append(*state_, events::not_restarting(world_.loop.now(), given_up->reason));
  }
  plan_finish();
  return std::nullopt;
}

std::optional<Duration> TaskRunner::plan_restart(Duration delay, const std::string& reason) {
  events::append(*state_, events::restarting(world_.loop.now(), delay, reason));
  state_->set_restarts(state_->restarts() + 1);
  state_->set_last_restart(to_ns(world_.loop.now()));
  set_phase(TaskPhase::pending);
  return delay;
}

void TaskRunner::plan_finish() {
  if (state_->finished_at() == 0) state_->set_finished_at(to_ns(world_.loop.now()));
  set_phase(TaskPhase::dead);
}

}  // namespace drover::agent
