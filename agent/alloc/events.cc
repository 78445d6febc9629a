#include "agent/alloc/events.h"

#include "agent/alloc/go_duration.h"
#include "model/proto/task_state.pb.h"

namespace drover::agent::events {
namespace {

model::TaskEvent make(Instant at, std::string_view type, std::string_view display) {
  model::TaskEvent event;
  event.set_type(std::string(type));
  event.set_time(to_ns(at));
  event.set_display_message(std::string(display));
  return event;
}

void detail(model::TaskEvent& event, std::string_view key, std::string_view value) {
  (*event.mutable_details())[std::string(key)] = std::string(value);
}

void fails(model::TaskEvent& event) {
  event.set_fails_task(true);
  detail(event, "fails_task", "true");
}

std::string_view or_else(std::string_view text, std::string_view other) { return text.empty() ? other : text; }

model::TaskEvent with_message(Instant at, std::string_view type, std::string_view message) {
  model::TaskEvent event = make(at, type, message);
  event.set_message(std::string(message));
  detail(event, "message", message);
  return event;
}

}  // namespace

model::TaskEvent received(Instant at) { return make(at, "Received", "Task received by client"); }

model::TaskEvent task_setup(Instant at, std::string_view message) { return with_message(at, "Task Setup", message); }

model::TaskEvent setup_failure(Instant at, std::string_view error) {
  model::TaskEvent event = make(at, "Setup Failure", or_else(error, "Task setup failed"));
  event.set_setup_error(std::string(error));
  detail(event, "setup_error", error);
  fails(event);
  return event;
}

model::TaskEvent failed_validation(Instant at, std::string_view error) {
  model::TaskEvent event = make(at, "Failed Validation", or_else(error, "Validation of task failed"));
  event.set_validation_error(std::string(error));
  detail(event, "validation_error", error);
  return event;
}

model::TaskEvent driver_failure(Instant at, std::string_view error) {
  model::TaskEvent event = make(at, "Driver Failure", or_else(error, "Failed to start task"));
  event.set_driver_error(std::string(error));
  detail(event, "driver_error", error);
  return event;
}

model::TaskEvent driver_message(Instant at, std::string_view message, const Texts& annotations) {
  model::TaskEvent event = make(at, "Driver", message);
  event.set_driver_message(std::string(message));
  for (const auto& [key, value] : annotations) detail(event, key, value);
  detail(event, "driver_message", message);
  return event;
}

model::TaskEvent started(Instant at) { return make(at, "Started", "Task started by client"); }

model::TaskEvent terminated(Instant at, const TaskExit& exit) {
  std::string display = text("Exit Code: {}", exit.exit_code);
  if (exit.signal != 0) display += text(", Signal: {}", exit.signal);
  if (!exit.error.empty()) display += text(", Exit Message: \"{}\"", exit.error);

  model::TaskEvent event = make(at, "Terminated", display);
  event.set_exit_code(exit.exit_code);
  event.set_signal(exit.signal);
  detail(event, "exit_code", std::to_string(exit.exit_code));
  detail(event, "signal", std::to_string(exit.signal));
  detail(event, "oom_killed", exit.oom_killed ? "true" : "false");
  if (!exit.error.empty()) {
    event.set_message(exit.error);
    detail(event, "exit_message", exit.error);
  }
  return event;
}

model::TaskEvent killing(Instant at, Duration kill_timeout, std::string_view reason) {
  const std::string waiting = kill_timeout > Duration::zero()
                                  ? text("Sent interrupt. Waiting {} before force killing", go_duration(kill_timeout))
                                  : std::string("Sent interrupt");
  model::TaskEvent event = make(at, "Killing", or_else(reason, waiting));
  event.set_kill_timeout(kill_timeout.count());
  detail(event, "kill_timeout", go_duration(kill_timeout));
  if (!reason.empty()) {
    event.set_kill_reason(std::string(reason));
    detail(event, "kill_reason", reason);
  }
  return event;
}

model::TaskEvent killed(Instant at, std::string_view error) {
  model::TaskEvent event = make(at, "Killed", or_else(error, "Task successfully killed"));
  if (!error.empty()) {
    event.set_kill_error(std::string(error));
    detail(event, "kill_error", error);
  }
  return event;
}

model::TaskEvent restarting(Instant at, Duration delay, std::string_view reason) {
  std::string display = text("Task restarting in {}", go_duration(delay));
  if (!reason.empty() && reason != "Restart within policy") display = text("{} - {}", reason, display);
  model::TaskEvent event = make(at, "Restarting", display);
  event.set_start_delay(delay.count());
  event.set_restart_reason(std::string(reason));
  detail(event, "start_delay", std::to_string(delay.count()));
  detail(event, "restart_reason", reason);
  return event;
}

model::TaskEvent not_restarting(Instant at, std::string_view reason) {
  model::TaskEvent event = make(at, "Not Restarting", or_else(reason, "Task exceeded restart policy"));
  event.set_restart_reason(std::string(reason));
  detail(event, "restart_reason", reason);
  fails(event);
  return event;
}

model::TaskEvent restart_signaled(Instant at, std::string_view reason) {
  model::TaskEvent event = make(at, "Restart Signaled", or_else(reason, "Task signaled to restart"));
  event.set_restart_reason(std::string(reason));
  detail(event, "restart_reason", reason);
  return event;
}

model::TaskEvent signaling(Instant at, std::string_view signal, std::string_view reason) {
  std::string display = "Task being sent a signal";
  if (!signal.empty()) display = text("Task being sent signal {}", signal);
  if (!reason.empty()) display += text(": {}", reason);
  model::TaskEvent event = make(at, "Signaling", display);
  event.set_task_signal(std::string(signal));
  event.set_task_signal_reason(std::string(reason));
  detail(event, "task_signal", signal);
  detail(event, "task_signal_reason", reason);
  return event;
}

model::TaskEvent sibling_failed(Instant at, std::string_view sibling) {
  model::TaskEvent event = make(at, "Sibling Task Failed", text("Task's sibling \"{}\" failed", sibling));
  event.set_failed_sibling(std::string(sibling));
  detail(event, "failed_sibling", sibling);
  return event;
}

model::TaskEvent leader_dead(Instant at) { return make(at, "Leader Task Dead", "Leader Task in Group dead"); }

model::TaskEvent main_tasks_dead(Instant at) { return make(at, "Main Tasks Dead", "Main tasks in the group died"); }

model::TaskEvent failed_restoring(Instant at, std::string_view message) {
  return with_message(at, "Failed Restoring Task", message);
}

model::TaskEvent reconnected(Instant at) { return make(at, "Reconnected", "Client reconnected"); }

model::TaskEvent waiting_for_shutdown_delay(Instant at, Duration delay) {
  return with_message(at, "Waiting for shutdown delay",
                      text("Waiting for shutdown_delay of {} before killing the task.", go_duration(delay)));
}

model::TaskEvent skipping_shutdown_delay(Instant at, Duration delay) {
  return with_message(at, "Skipping shutdown delay",
                      text("Skipping shutdown_delay of {} before killing the task.", go_duration(delay)));
}

model::TaskEvent alloc_unhealthy(Instant at, std::string_view reason) {
  return with_message(at, "Alloc Unhealthy", reason);
}

model::TaskEvent unknown_secrets(Instant at, std::string_view names) {
  return with_message(at, "Secrets", text("no variable gives {}: it stays as it is written", names));
}

model::TaskEvent service_problem(Instant at, std::string_view problem) {
  return with_message(at, "Services", problem);
}

model::TaskEvent hook_failed(Instant at, std::string_view hook, std::string_view error) {
  return with_message(at, "Task hook failed", text("{}: {}", hook, error));
}

void append(model::TaskState& state, model::TaskEvent event) {
  if (event.fails_task()) state.set_failed(true);
  auto& all = *state.mutable_events();
  *all.Add() = std::move(event);
  if (all.size() > kept_max) all.DeleteSubrange(0, all.size() - kept_max);
}

}  // namespace drover::agent::events
