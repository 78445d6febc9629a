// Stopping, signalling, destroying.
#include <cstdlib>

#include "conformance/census.h"
#include "conformance/check.h"

namespace drover::conformance {
namespace stop_part {

using Clock = std::chrono::steady_clock;
constexpr Duration prompt = 3s;
constexpr const char* trap_term = "trap 'echo asked; exit 7' TERM; echo ready; while :; do sleep 0.05; done";
constexpr const char* deaf = "trap '' TERM INT; echo ready; while :; do sleep 0.05; done";

Result<std::unique_ptr<Task>> ready(Bench& bench, const std::string& script) {
  DROVER_LET(std::unique_ptr<Task> task, bench.started(bench.fixture().shell(script)));
  EXPECT(task->prints("ready"), "the task printed no \"ready\" within 10 s; it printed: {}", task->output().substr(0, 100));
  return task;
}

/// The number that the task printed after a word.
int printed_number(const Task& task, const std::string& word) {
  const std::string output = task.output();
  const std::size_t at = output.find(word);
  return at == std::string::npos ? 0 : std::atoi(output.c_str() + at + word.size());
}

Result<void> stop_ok(Driver& driver, const Task& task, Duration grace, const std::string& signal = "") {
  const auto stopped = driver.stop(task.id(), grace, signal);
  EXPECT(stopped.ok(), "StopTask: {}", shown(stopped.status));
  return {};
}

Result<void> ends_in_time(Bench& bench, const std::string& script, Duration grace, Duration at_least, Duration at_most) {
  DROVER_LET(Driver * driver, bench.driver());
  DROVER_LET(const auto task, ready(bench, script));
  const auto started = Clock::now();
  DROVER_TRY(stop_ok(*driver, *task, grace, "SIGTERM"));
  const auto end = driver->wait(task->id(), prompt);
  EXPECT(end.ok(), "WaitTask: {}", shown(end.status));
  const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - started);
  EXPECT(took >= at_least - 100ms && took <= at_most, "it took {} ms", took.count());
  return {};
}

Result<void> delivers(Bench& bench, const std::string& name, const std::string& short_name) {
  DROVER_LET(Driver * driver, bench.driver());
  DROVER_LET(const auto task, ready(bench, "trap 'echo got-it' " + short_name + "; echo ready; while :; do sleep 0.05; done"));
  const auto sent = driver->signal(task->id(), name);
  EXPECT(sent.ok(), "SignalTask: {}", shown(sent.status));
  EXPECT(task->prints("got-it", prompt), "the task did not get it");
  return {};
}

Result<void> children_end(Bench& bench, bool by_stop) {
  DROVER_LET(Driver * driver, bench.driver());
  DROVER_LET(const auto task, ready(bench, "sleep 1000 >/dev/null 2>&1 & echo child=$!; setsid sleep 1001 >/dev/null 2>&1 & echo far=$!; echo ready; wait"));
  const int child = printed_number(*task, "child="), far = printed_number(*task, "far=");
  if (by_stop) {
    DROVER_TRY(stop_ok(*driver, *task, 1s));
  }
  EXPECT(driver->destroy(task->id(), true).ok(), "DestroyTask fails");
  for (int i = 0; i < 100 && (is_alive(child) || is_alive(far)); ++i) driver->process().ends_within(20ms);
  EXPECT(!is_alive(child), "its child lives on");
  EXPECT(!is_alive(far), "a child in a session of its own lives on");
  return {};
}

}  // namespace stop_part

std::vector<Check> stop_checks() {
  using namespace stop_part;
  return {
      {"stop.ends", Level::core, Must::must, tasks, "StopTask ends a running task",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         DROVER_LET(const auto task, bench.started(bench.fixture().forever()));
         DROVER_TRY(stop_ok(*driver, *task, 1s));
         const auto end = driver->wait(task->id(), prompt);
         EXPECT(end.ok(), "WaitTask: {}", shown(end.status));
         return {};
       }},
      {"stop.no-success", Level::core, Must::should, tasks, "A task that was killed is not reported as a success",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         DROVER_LET(const auto task, bench.started(bench.fixture().forever()));
         DROVER_TRY(stop_ok(*driver, *task, 0s));
         const auto end = driver->wait(task->id(), prompt).message;
         EXPECT(end.result().exit_code() != 0 || end.result().signal() != 0 || !end.err().empty(), "it is");
         return {};
       }},
      {"stop.waiters", Level::core, Must::must, tasks, "When StopTask has answered, a pending WaitTask answers too",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         DROVER_LET(const auto task, bench.started(bench.fixture().forever()));
         const auto waiting = driver->waiting(task->id());
         DROVER_TRY(stop_ok(*driver, *task, 1s));
         EXPECT(waiting->next(prompt), "it does not");
         return {};
       }},
      {"stop.ended", Level::core, Must::must, tasks, "StopTask of an ended task is OK",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         DROVER_LET(const auto task, bench.started(bench.fixture().exit(0)));
         driver->wait(task->id());
         return stop_ok(*driver, *task, 1s);
       }},
      {"stop.twice", Level::core, Must::must, tasks, "Two StopTask at once are both OK",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         DROVER_LET(const auto task, bench.started(bench.fixture().forever()));
         pb::StopTaskRequest request;
         request.set_task_id(task->id());
         request.mutable_timeout()->set_seconds(1);
         const auto other = driver->open("StopTask", 30s);
         other->send(request.SerializeAsString());
         other->close_sending();
         DROVER_TRY(stop_ok(*driver, *task, 1s));
         const auto ended = other->ended(10s);
         EXPECT(ended && ended->ok(), "the other one: {}", ended ? shown(*ended) : "no answer");
         return {};
       }},
      {"stop.no-timeout", Level::core, Must::must, tasks, "StopTask without a timeout does no harm to the driver",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         DROVER_LET(const auto task, bench.started(bench.fixture().forever()));
         pb::StopTaskRequest request;
         request.set_task_id(task->id());
         static_cast<void>(driver->raw("StopTask", request.SerializeAsString()));
         EXPECT(driver->task_schema().ok(), "it does not answer any more");
         return {};
       }},
      {"stop.graceful", Level::process, Must::must, shell, "A task that handles the signal of StopTask ends by itself, and its exit code is kept",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         DROVER_LET(const auto task, ready(bench, trap_term));
         DROVER_TRY(stop_ok(*driver, *task, 10s, "SIGTERM"));
         const int code = driver->wait(task->id(), prompt).message.result().exit_code();
         EXPECT(code == 7, "its exit code is {}", code);
         return {};
       }},
      {"stop.prompt", Level::process, Must::must, shell, "StopTask returns when the task has ended, not when its timeout has passed",
       [](Bench& bench) { return ends_in_time(bench, trap_term, 10s, 0s, prompt); }},
      {"stop.deaf", Level::process, Must::must, shell, "A task that ignores the signal is killed when the timeout has passed, not before",
       [](Bench& bench) { return ends_in_time(bench, deaf, 1s, 1s, 4s); }},
      {"stop.zero", Level::process, Must::must, shell, "StopTask with timeout 0 kills at once",
       [](Bench& bench) { return ends_in_time(bench, deaf, 0s, 0s, 2s); }},
      {"stop.signal", Level::process, Must::must, shell, "StopTask sends the signal it is told",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         DROVER_LET(const auto task, ready(bench, "trap 'exit 21' USR1; echo ready; while :; do sleep 0.05; done"));
         DROVER_TRY(stop_ok(*driver, *task, 10s, "SIGUSR1"));
         const int code = driver->wait(task->id(), prompt).message.result().exit_code();
         EXPECT(code == 21, "its exit code is {}", code);
         return {};
       }},
      {"stop.unknown-signal", Level::process, Must::must, shell, "StopTask with a signal that does not exist does no harm to the driver",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         DROVER_LET(const auto task, ready(bench, "echo ready; sleep 1000"));
         static_cast<void>(driver->stop(task->id(), 1s, "SIGNONSENSE"));
         EXPECT(driver->task_schema().ok(), "it does not answer any more");
         return {};
       }},
      {"stop.children", Level::process, Must::must, shell | host_files, "After StopTask and DestroyTask no child of the task lives, whatever session it made",
       [](Bench& bench) { return children_end(bench, true); }},
      {"signal.usr1", Level::process, Must::must, shell | signals, "SignalTask delivers SIGUSR1", [](Bench& bench) { return delivers(bench, "SIGUSR1", "USR1"); }},
      {"signal.hup", Level::process, Must::must, shell | signals, "SignalTask delivers SIGHUP", [](Bench& bench) { return delivers(bench, "SIGHUP", "HUP"); }},
      {"signal.unknown", Level::process, Must::must, shell | signals, "SignalTask with a signal that does not exist harms neither the driver nor the task",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         DROVER_LET(const auto task, ready(bench, "trap '' INT; echo ready; while :; do sleep 0.05; done"));
         static_cast<void>(driver->signal(task->id(), "SIGNONSENSE"));
         EXPECT(driver->inspect(task->id()).message.task().state() == pb::RUNNING, "the task does not run any more");
         return {};
       }},
      {"signal.ended", Level::process, Must::should, shell | signals, "SignalTask of an ended task is an error",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         DROVER_LET(const auto task, bench.started(bench.fixture().exit(0)));
         driver->wait(task->id());
         EXPECT(!driver->signal(task->id(), "SIGHUP").ok(), "it says OK");
         return {};
       }},
      {"destroy.running", Level::core, Must::must, tasks, "DestroyTask of a running task without force is an error",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         DROVER_LET(const auto task, bench.started(bench.fixture().forever()));
         EXPECT(!driver->destroy(task->id(), false).ok(), "it says OK");
         return {};
       }},
      {"destroy.running-unharmed", Level::core, Must::must, tasks, "DestroyTask of a running task without force leaves it running",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         DROVER_LET(const auto task, bench.started(bench.fixture().forever()));
         static_cast<void>(driver->destroy(task->id(), false));
         EXPECT(driver->inspect(task->id()).message.task().state() == pb::RUNNING, "it does not run any more");
         return {};
       }},
      {"destroy.force", Level::core, Must::must, tasks, "DestroyTask with force ends a running task",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         DROVER_LET(const auto task, bench.started(bench.fixture().forever()));
         const auto waiting = driver->waiting(task->id());
         const auto answer = driver->destroy(task->id(), true);
         EXPECT(answer.ok(), "{}", shown(answer.status));
         EXPECT(waiting->ended(prompt), "a waiter still waits");
         return {};
       }},
      {"destroy.forgets", Level::core, Must::must, tasks, "After DestroyTask the task is unknown",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         DROVER_LET(const auto task, bench.started(bench.fixture().exit(0)));
         driver->wait(task->id());
         EXPECT(driver->destroy(task->id(), false).ok(), "DestroyTask fails");
         EXPECT(!driver->inspect(task->id()).ok(), "InspectTask knows it");
         EXPECT(!driver->wait(task->id(), prompt).ok(), "WaitTask knows it");
         return {};
       }},
      {"destroy.twice", Level::core, Must::must, tasks, "A second DestroyTask is answered and does no harm",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         DROVER_LET(const auto task, bench.started(bench.fixture().exit(0)));
         driver->wait(task->id());
         driver->destroy(task->id(), true);
         const auto again = driver->destroy(task->id(), true);
         EXPECT(again.status.code != rpc::StatusCode::deadline_exceeded, "it is not answered");
         EXPECT(driver->task_schema().ok(), "the driver does not answer any more");
         return {};
       }},
      {"destroy.children", Level::process, Must::must, shell | host_files, "DestroyTask with force leaves no process of the task",
       [](Bench& bench) { return children_end(bench, false); }},
      {"destroy.cgroups", Level::process, Must::must, shell | host_files, "DestroyTask leaves no control group of the task",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         DROVER_LET(const auto task, ready(bench, "echo ready; sleep 1000"));
         driver->destroy(task->id(), true);
         const auto left = cgroups_with(task->config.alloc_id());
         EXPECT(left.empty(), "{} is left", *left.begin());
         return {};
       }},
      {"destroy.mounts", Level::process, Must::must, shell, "DestroyTask leaves nothing mounted in the task's folder",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         DROVER_LET(const auto task, ready(bench, "echo ready; sleep 1000"));
         driver->destroy(task->id(), true);
         const auto left = mounts_below(task->config.alloc_dir());
         EXPECT(left.empty(), "{} is left", *left.begin());
         return {};
       }},
  };
}

}  // namespace drover::conformance
