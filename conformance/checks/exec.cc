// Commands inside a task, to their end.
#include <filesystem>

#include "conformance/check.h"

namespace drover::conformance {
namespace exec_part {

using Clock = std::chrono::steady_clock;

Result<std::unique_ptr<Task>> running(Bench& bench) { return bench.started(bench.fixture().forever()); }

Result<pb::ExecTaskResponse> ran(Bench& bench, const std::string& script, const std::function<void(Task&)>& prepare = nullptr) {
  DROVER_LET(Driver * driver, bench.driver());
  const std::unique_ptr<Task> task = bench.task(bench.fixture().forever());
  if (prepare) prepare(*task);
  DROVER_TRY(task->start());
  const auto answer = driver->exec(task->id(), {"/bin/sh", "-c", script}, 10s);
  EXPECT(answer.ok(), "ExecTask: {}", shown(answer.status));
  return answer.message;
}

Check code(int wanted) {
  return {"exec.exit-" + std::to_string(wanted), Level::exec, Must::must, tasks | exec,
          "A command that exits with " + std::to_string(wanted) + " is a success of the call, with that exit code", [wanted](Bench& bench) -> Result<void> {
            DROVER_LET(const auto answer, ran(bench, "exit " + std::to_string(wanted)));
            EXPECT(answer.has_result(), "the result is not set");
            EXPECT(answer.result().exit_code() == wanted, "the exit code is {}", answer.result().exit_code());
            return {};
          }};
}

Result<void> refused(Bench& bench, const std::vector<std::string>& argv) {
  DROVER_LET(Driver * driver, bench.driver());
  DROVER_LET(const auto task, running(bench));
  const auto answer = driver->exec(task->id(), argv, 5s);
  EXPECT(!answer.ok() || answer.message.result().exit_code() != 0, "it says OK");
  EXPECT(driver->task_schema().ok(), "the driver does not answer any more");
  EXPECT(driver->inspect(task->id()).message.task().state() == pb::RUNNING, "the task does not run any more");
  return {};
}

}  // namespace exec_part

std::vector<Check> exec_checks() {
  using namespace exec_part;
  return {
      code(0),
      code(4),
      {"exec.result", Level::exec, Must::must, tasks | exec, "The answer has its result set (an unset one crashes Go hosts)",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto answer, ran(bench, "true"));
         EXPECT(answer.has_result(), "it is not set");
         return {};
       }},
      {"exec.output", Level::exec, Must::must, tasks | exec, "What the command prints is in stdout",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto answer, ran(bench, "echo hello"));
         EXPECT(answer.stdout() == "hello\n", "it is \"{}\"", answer.stdout());
         return {};
       }},
      {"exec.errors", Level::exec, Must::should, tasks | exec, "What the command prints to standard error is in stdout too, which is all that agents show",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto answer, ran(bench, "echo err >&2"));
         EXPECT(answer.stdout() == "err\n", "it is \"{}\"", answer.stdout());
         return {};
       }},
      {"exec.signal", Level::exec, Must::should, tasks | exec, "A command killed by a signal has exit code 128 + signal",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto answer, ran(bench, "kill -9 $$; sleep 1"));
         EXPECT(answer.result().exit_code() == 137, "it is {}", answer.result().exit_code());
         return {};
       }},
      {"exec.timeout", Level::exec, Must::must, tasks | exec, "A command that takes longer than its timeout is given up soon after it",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         DROVER_LET(const auto task, running(bench));
         const auto started = Clock::now();
         const auto answer = driver->exec(task->id(), {"/bin/sleep", "60"}, 1s);
         EXPECT(Clock::now() - started < 5s, "it took longer than 5 s");
         EXPECT(!answer.ok() || answer.message.result().exit_code() != 0, "it says OK");
         return {};
       }},
      {"exec.timeout-kills", Level::exec, Must::must, tasks | exec, "A command that is given up is killed",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         DROVER_LET(const auto task, running(bench));
         driver->exec(task->id(), {"/bin/sh", "-c", "sleep 2; echo alive > \"$NOMAD_ALLOC_DIR/late\""}, 1s);
         driver->process().ends_within(2s);
         EXPECT(!std::filesystem::exists(task->config.alloc_dir() + "/alloc/late"), "it went on");
         return {};
       }},
      {"exec.empty", Level::exec, Must::must, tasks | exec, "A command without words is refused", [](Bench& bench) { return refused(bench, {}); }},
      {"exec.missing", Level::exec, Must::must, tasks | exec, "A command whose program does not exist is refused, and the task goes on",
       [](Bench& bench) { return refused(bench, {"/nonexistent/program"}); }},
      {"exec.no-timeout", Level::exec, Must::must, tasks | exec, "ExecTask without a timeout does no harm to the driver",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         DROVER_LET(const auto task, running(bench));
         pb::ExecTaskRequest request;
         request.set_task_id(task->id());
         request.add_command("/bin/true");
         static_cast<void>(driver->raw("ExecTask", request.SerializeAsString()));
         EXPECT(driver->task_schema().ok(), "it does not answer any more");
         return {};
       }},
      {"exec.words", Level::exec, Must::must, tasks | exec, "The words of a command are passed as they are, not through a shell",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         DROVER_LET(const auto task, running(bench));
         const auto answer = driver->exec(task->id(), {"/bin/echo", "a  b", "$HOME", "*", ""}, 5s);
         EXPECT(answer.message.stdout() == "a  b $HOME * \n", "it printed \"{}\"", answer.message.stdout());
         return {};
       }},
      {"exec.environment", Level::exec, Must::should, tasks | exec, "A command sees the environment of its task",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto answer, ran(bench, "echo $GREETING", [](Task& task) { (*task.config.mutable_env())["GREETING"] = "hello"; }));
         EXPECT(answer.stdout() == "hello\n", "it saw \"{}\"", answer.stdout());
         return {};
       }},
      {"exec.own-output", Level::exec, Must::must, tasks | exec, "What a command prints does not get into the task's own output",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         DROVER_LET(const auto task, running(bench));
         driver->exec(task->id(), {"/bin/echo", "from-a-command"}, 5s);
         EXPECT(!task->prints("from-a-command", 300ms), "it does");
         return {};
       }},
      {"exec.at-once", Level::exec, Must::must, tasks | exec, "Two commands run at once in one task",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         DROVER_LET(const auto task, running(bench));
         const auto slow = driver->exec_stream(task->id(), {"/bin/sleep", "30"}, false);
         const auto answer = driver->exec(task->id(), {"/bin/echo", "quick"}, 5s);
         EXPECT(answer.message.stdout() == "quick\n", "the second one: {}", shown(answer.status));
         return {};
       }},
      {"exec.ended-task", Level::exec, Must::must, tasks | exec, "A command in a task that has ended is an error",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         DROVER_LET(const auto task, bench.started(bench.fixture().exit(0)));
         driver->wait(task->id());
         const auto answer = driver->exec(task->id(), {"/bin/true"}, 5s);
         EXPECT(!answer.ok(), "it says OK");
         return {};
       }},
  };
}

}  // namespace drover::conformance
