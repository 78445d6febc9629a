// Tasks outlive the driver's process, and are found again.
#include <signal.h>

#include <cstdlib>

#include "conformance/census.h"
#include "conformance/check.h"

namespace drover::conformance {
namespace recovery_part {

constexpr Duration soon = 5s;

/// A task started in a driver of its own, which was then killed; and another process of the driver, which knows nothing yet.
struct Orphan {
  std::unique_ptr<Task> task;
  std::unique_ptr<Driver> driver;
  ~Orphan() {
    if (driver && driver->alive()) driver->destroy(task->id(), true);
  }
};

enum class End { killed, graceful };

Result<std::unique_ptr<Orphan>> orphaned(Bench& bench, const Value& config, End how = End::killed, const std::string& prints = "", Duration pause = 0s) {
  auto made = std::make_unique<Orphan>();
  DROVER_LET(const std::unique_ptr<Driver> first, bench.fresh());
  made->task = bench.task(config);
  DROVER_TRY(made->task->start(*first));
  EXPECT(prints.empty() || made->task->prints(prints), "the task printed no \"{}\"", prints);
  if (how == End::killed) {
    first->process().signal(SIGKILL);
  } else {
    first->raw("Shutdown", "", 2s);
    first->raw("/plugin.GRPCController/Shutdown", "", 2s);
  }
  EXPECT(first->process().ends_within(soon), "the first process does not end");
  if (pause > 0s) bench.driver().value()->process().ends_within(pause);
  DROVER_LET(made->driver, bench.fresh());
  return made;
}

Result<void> recover(Orphan& orphan) {
  const auto answer = orphan.driver->recover(orphan.task->handle);
  EXPECT(answer.ok(), "RecoverTask: {}", shown(answer.status));
  return {};
}

Result<std::unique_ptr<Orphan>> recovered(Bench& bench, const Value& config, End how = End::killed, const std::string& prints = "") {
  DROVER_LET(std::unique_ptr<Orphan> orphan, orphaned(bench, config, how, prints));
  DROVER_TRY(recover(*orphan));
  return orphan;
}

Result<void> refused(Bench& bench, const std::function<void(pb::TaskHandle&)>& change) {
  DROVER_LET(const auto orphan, orphaned(bench, bench.fixture().forever()));
  pb::TaskHandle handle = orphan->task->handle;
  change(handle);
  const auto answer = orphan->driver->recover(handle);
  EXPECT(orphan->driver->alive(), "the driver died");
  const Result<void> right = recover(*orphan);  // the task is still there, and can be found by the right handle
  EXPECT(!answer.ok(), "it says OK");
  if (!right) return right.error().within("afterwards, with the right handle");
  return {};
}

Result<void> finds_end(Bench& bench, int code) {
  const Value config = bench.fixture().has_shell() ? bench.fixture().shell("sleep 0.3; exit " + std::to_string(code)) : bench.fixture().exit(code);
  DROVER_LET(const auto orphan, orphaned(bench, config, End::killed, "", 1s));
  const auto answer = orphan->driver->recover(orphan->task->handle);
  if (!answer.ok()) return {};  // it may say that it does not know; it must not lie
  const auto end = orphan->driver->wait(orphan->task->id(), soon);
  EXPECT(end.ok(), "WaitTask: {}", shown(end.status));
  const bool honest = end.message.result().exit_code() == code || !end.message.err().empty();
  EXPECT(honest, "it exited with {}, and is reported with {}", code, end.message.result().exit_code());
  return {};
}

Result<void> with_command(Bench& bench) {
  DROVER_LET(const auto orphan, recovered(bench, bench.fixture().forever()));
  const auto answer = orphan->driver->exec(orphan->task->id(), {"/bin/echo", "hello"}, 5s);
  EXPECT(answer.ok() && answer.message.stdout() == "hello\n", "{}", shown(answer.status));
  return {};
}

/// Kills the driver in the middle of a call; the next process of it works, and finds the task.
Check killed_during(const std::string& method, const std::function<void(Driver&, const Task&, std::vector<std::unique_ptr<Stream>>&)>& begin) {
  return {"killed-during." + method, Level::core, Must::must, tasks, "Killed during " + method + ", its next process answers and finds a running task again",
          [begin](Bench& bench) -> Result<void> {
            DROVER_LET(std::unique_ptr<Driver> first, bench.fresh());
            const auto task = bench.task(bench.fixture().forever());
            DROVER_TRY(task->start(*first));
            std::vector<std::unique_ptr<Stream>> open;
            begin(*first, *task, open);
            first->process().signal(SIGKILL);
            EXPECT(first->process().ends_within(soon), "it does not end");
            open.clear();
            DROVER_LET(const std::unique_ptr<Driver> second, bench.fresh());
            const auto answer = second->recover(task->handle);
            const bool known = answer.ok();
            const auto destroyed = second->destroy(task->id(), true);
            EXPECT(known, "RecoverTask: {}", shown(answer.status));
            EXPECT(destroyed.ok(), "DestroyTask: {}", shown(destroyed.status));
            return {};
          }};
}

std::unique_ptr<Stream> sent(Driver& driver, const std::string& method, const std::string& request) {
  auto stream = driver.open(method, 30s);
  stream->send(request);
  stream->close_sending();
  return stream;
}

/// A start that nobody saw end is followed by another of the same task: there is one task, and it runs.
Result<void> start_again(Bench& bench) {
  DROVER_LET(std::unique_ptr<Driver> first, bench.fresh());
  const auto task = bench.task(bench.fixture().forever());
  DROVER_TRY(task->start(*first));
  first->process().signal(SIGKILL);
  EXPECT(first->process().ends_within(soon), "it does not end");
  DROVER_LET(const std::unique_ptr<Driver> second, bench.fresh());
  const auto again = second->start(task->config, std::chrono::seconds(bench.fixture().start_seconds) + call_max);
  EXPECT(again.ok(), "the second start: {}", shown(again.status));
  const auto state = second->inspect(task->id()).message.task().state();
  const auto destroyed = second->destroy(task->id(), true);
  EXPECT(state == pb::RUNNING, "it does not run");
  EXPECT(destroyed.ok(), "DestroyTask: {}", shown(destroyed.status));
  const auto left = processes_with(task->config.alloc_id());
  EXPECT(left.empty(), "{} processes of the first start live on", left.size());
  return {};
}

}  // namespace recovery_part

std::vector<Check> recovery_checks() {
  using namespace recovery_part;
  return {
      {"recover.ok", Level::core, Must::must, tasks, "After the driver was killed, RecoverTask with the handle of StartTask finds the task",
       [](Bench& bench) -> Result<void> {
         DROVER_TRY(recovered(bench, bench.fixture().forever()));
         return {};
       }},
      {"recover.runs", Level::core, Must::must, tasks, "A recovered task is RUNNING",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto orphan, recovered(bench, bench.fixture().forever()));
         const auto state = orphan->driver->inspect(orphan->task->id()).message.task().state();
         EXPECT(state == pb::RUNNING, "its state is {}", static_cast<int>(state));
         return {};
       }},
      {"recover.same-process", Level::process, Must::must, shell, "A task is not disturbed by the death and the return of its driver",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto orphan, recovered(bench, bench.fixture().shell("echo ready; i=0; while :; do sleep 0.1; i=$((i+1)); echo tick $i; done"), End::killed, "ready"));
         const std::string before = orphan->task->output();
         const std::size_t last = before.rfind("tick ");
         const int ticks = last == std::string::npos ? 0 : std::atoi(before.c_str() + last + 5);
         EXPECT(orphan->task->prints(text("tick {}\n", ticks + 10), 10s), "after {} ticks it printed no more", ticks);
         EXPECT(orphan->task->output().find("ready", 6) == std::string::npos, "it was started again");
         return {};
       }},
      {"recover.output", Level::process, Must::must, shell, "No line of a task's output is lost while its driver is away",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto orphan, orphaned(bench, bench.fixture().shell("i=0; while [ $i -lt 50 ]; do echo n$i; i=$((i+1)); sleep 0.02; done; sleep 1000"), End::killed, "n1\n"));
         EXPECT(orphan->task->prints("n49\n", 10s), "it ends with {}", orphan->task->output().substr(orphan->task->output().size() > 20 ? orphan->task->output().size() - 20 : 0));
         DROVER_TRY(recover(*orphan));
         std::string wanted;
         for (int i = 0; i < 50; ++i) wanted += "n" + std::to_string(i) + "\n";
         EXPECT(orphan->task->output() == wanted, "lines are missing");
         return {};
       }},
      {"recover.wait", Level::core, Must::must, tasks, "WaitTask of a recovered task waits, and is told its end",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto orphan, recovered(bench, bench.fixture().forever()));
         const auto waiting = orphan->driver->waiting(orphan->task->id());
         EXPECT(!waiting->ended(300ms), "it does not wait");
         orphan->driver->stop(orphan->task->id(), 0s);
         EXPECT(waiting->next(soon), "it is not told");
         return {};
       }},
      {"recover.exit-code", Level::process, Must::must, shell, "The exit code of a recovered task is the true one",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto orphan, recovered(bench, bench.fixture().shell("trap 'exit 23' USR1; echo ready; while :; do sleep 0.05; done"), End::killed, "ready"));
         orphan->driver->stop(orphan->task->id(), 10s, "SIGUSR1");
         const int code = orphan->driver->wait(orphan->task->id(), soon).message.result().exit_code();
         EXPECT(code == 23, "it is {}", code);
         return {};
       }},
      {"recover.stop", Level::core, Must::must, tasks, "StopTask ends a recovered task",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto orphan, recovered(bench, bench.fixture().forever()));
         const auto stopped = orphan->driver->stop(orphan->task->id(), 1s);
         EXPECT(stopped.ok(), "{}", shown(stopped.status));
         EXPECT(orphan->driver->wait(orphan->task->id(), soon).ok(), "WaitTask is not told");
         return {};
       }},
      {"recover.destroy", Level::core, Must::must, tasks, "DestroyTask destroys a recovered task",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto orphan, recovered(bench, bench.fixture().forever()));
         const auto destroyed = orphan->driver->destroy(orphan->task->id(), true);
         EXPECT(destroyed.ok(), "{}", shown(destroyed.status));
         EXPECT(!orphan->driver->inspect(orphan->task->id()).ok(), "it is still known");
         return {};
       }},
      {"recover.stats", Level::core, Must::must, tasks, "TaskStats of a recovered task measures or stays open",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto orphan, recovered(bench, bench.fixture().forever()));
         EXPECT(!orphan->driver->stats(orphan->task->id(), 500ms)->ended(700ms), "it ends");
         return {};
       }},
      {"recover.signal", Level::process, Must::must, shell | signals, "SignalTask reaches a recovered task",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto orphan, recovered(bench, bench.fixture().shell("trap 'echo got-it' USR1; echo ready; while :; do sleep 0.05; done"), End::killed, "ready"));
         orphan->driver->signal(orphan->task->id(), "SIGUSR1");
         EXPECT(orphan->task->prints("got-it"), "it does not");
         return {};
       }},
      {"recover.exec", Level::exec, Must::must, tasks | exec, "Commands run in a recovered task", with_command},
      {"recover.started-at", Level::core, Must::should, tasks, "A recovered task keeps the time of its start",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         static_cast<void>(driver);
         const auto before = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
         DROVER_LET(const auto orphan, orphaned(bench, bench.fixture().forever(), End::killed, "", 2s));
         DROVER_TRY(recover(*orphan));
         const auto at = orphan->driver->inspect(orphan->task->id()).message.task().started_at().seconds();
         EXPECT(at <= before + 2, "it is {} s later", at - before);
         return {};
       }},
      {"recover.no-config", Level::core, Must::must, tasks, "It recovers a task from a handle without the driver's configuration, as agents keep it",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto orphan, orphaned(bench, bench.fixture().forever()));
         orphan->task->handle.mutable_config()->clear_msgpack_driver_config();
         return recover(*orphan);
       }},
      {"recover.task-id", Level::core, Must::must, tasks, "It takes the task's id from the handle: the request's own field is empty with some hosts, set with others",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto orphan, orphaned(bench, bench.fixture().forever()));
         const auto answer = orphan->driver->recover(orphan->task->handle, orphan->task->id());
         EXPECT(answer.ok(), "{}", shown(answer.status));
         return {};
       }},
      {"recover.known", Level::core, Must::must, tasks, "RecoverTask of a task that it already knows is OK and changes nothing",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         DROVER_LET(const auto task, bench.started(bench.fixture().forever()));
         for (int i = 0; i < 3; ++i) {
           const auto answer = driver->recover(task->handle);
           EXPECT(answer.ok(), "{}", shown(answer.status));
         }
         EXPECT(driver->inspect(task->id()).message.task().state() == pb::RUNNING, "it does not run any more");
         return {};
       }},
      {"recover.ended-0", Level::core, Must::must, tasks, "A task that ended with 0 while no driver was there is reported truly", [](Bench& bench) { return finds_end(bench, 0); }},
      {"recover.ended-7", Level::core, Must::must, tasks, "A task that ended with 7 while no driver was there is not reported as a success", [](Bench& bench) { return finds_end(bench, 7); }},
      {"recover.garbage", Level::core, Must::must, tasks, "RecoverTask with garbage for the driver's state is an error",
       [](Bench& bench) { return refused(bench, [](pb::TaskHandle& handle) { handle.set_driver_state("garbage"); }); }},
      {"recover.no-state", Level::core, Must::must, tasks, "RecoverTask without the driver's state is an error",
       [](Bench& bench) { return refused(bench, [](pb::TaskHandle& handle) { handle.clear_driver_state(); }); }},
      {"recover.version", Level::core, Must::must, tasks, "RecoverTask with a version of the handle that it does not know is an error",
       [](Bench& bench) { return refused(bench, [](pb::TaskHandle& handle) { handle.set_version(4711); }); }},
      {"recover.no-handle", Level::core, Must::must, nothing, "RecoverTask without a handle is an error",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         const rpc::Reply reply = driver->raw("RecoverTask", "");
         EXPECT(!reply.status.ok(), "it says OK");
         return {};
       }},
      {"recover.destroyed", Level::process, Must::must, shell, "RecoverTask of a task that was destroyed is an error, and starts nothing",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         DROVER_LET(const auto task, bench.started(bench.fixture().forever()));
         driver->destroy(task->id(), true);
         DROVER_LET(const auto second, bench.fresh());
         const auto answer = second->recover(task->handle);
         if (answer.ok()) second->destroy(task->id(), true);
         EXPECT(!answer.ok(), "it says OK");
         return {};
       }},
      {"recover.graceful", Level::core, Must::must, tasks, "A driver that is shut down leaves its tasks running, and the next process finds them",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto orphan, recovered(bench, bench.fixture().forever(), End::graceful));
         const auto state = orphan->driver->inspect(orphan->task->id()).message.task().state();
         EXPECT(state == pb::RUNNING, "its state is {}", static_cast<int>(state));
         return {};
       }},
      {"recover.frees-output", Level::process, Must::must, shell, "Tasks do not hold the output of the driver's process: it ends with the driver",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const std::unique_ptr<Driver> first, bench.fresh());
         const auto task = bench.task(bench.fixture().shell("echo ready; sleep 1000"));
         DROVER_TRY(task->start(*first));
         EXPECT(task->prints("ready"), "it printed nothing");
         first->process().signal(SIGKILL);
         const bool ended = first->process().output_ends_within(2s);
         DROVER_LET(const std::unique_ptr<Driver> second, bench.fresh());
         second->recover(task->handle);
         second->destroy(task->id(), true);
         EXPECT(ended, "it does not");
         return {};
       }},
      {"recover.start-again", Level::core, Must::must, tasks, "StartTask again after a death of the driver, with the same id, ends with one running task", start_again},
      killed_during("Fingerprint", [](Driver& driver, const Task&, auto& open) { open.push_back(driver.fingerprints()); }),
      killed_during("TaskEvents", [](Driver& driver, const Task&, auto& open) { open.push_back(driver.events()); }),
      killed_during("WaitTask", [](Driver& driver, const Task& task, auto& open) { open.push_back(driver.waiting(task.id())); }),
      killed_during("TaskStats", [](Driver& driver, const Task& task, auto& open) { open.push_back(driver.stats(task.id(), 200ms)); }),
      killed_during("InspectTask", [](Driver& driver, const Task& task, auto& open) {
        pb::InspectTaskRequest request;
        request.set_task_id(task.id());
        open.push_back(sent(driver, "InspectTask", request.SerializeAsString()));
      }),
      killed_during("SignalTask", [](Driver& driver, const Task& task, auto& open) {
        pb::SignalTaskRequest request;
        request.set_task_id(task.id());
        request.set_signal("SIGCONT");
        open.push_back(sent(driver, "SignalTask", request.SerializeAsString()));
      }),
      killed_during("SetConfig", [](Driver& driver, const Task&, auto& open) {
        open.push_back(sent(driver, "/hashicorp.nomad.plugins.base.proto.BasePlugin/SetConfig", ""));
      }),
      killed_during("RecoverTask", [](Driver& driver, const Task& task, auto& open) {
        pb::RecoverTaskRequest request;
        *request.mutable_handle() = task.handle;
        open.push_back(sent(driver, "RecoverTask", request.SerializeAsString()));
      }),
  };
}

}  // namespace drover::conformance
