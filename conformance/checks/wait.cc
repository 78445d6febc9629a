// Waiting for tasks, and the truth about their end.
#include "conformance/check.h"

namespace drover::conformance {
namespace wait_part {

constexpr Duration soon = 2s;
constexpr int waiters = 5;
constexpr int waiters_many = 200;

Result<pb::WaitTaskResponse> end_of(Bench& bench, const Value& config) {
  DROVER_LET(Driver * driver, bench.driver());
  DROVER_LET(const auto task, bench.started(config));
  const auto answer = driver->wait(task->id());
  EXPECT(answer.ok(), "WaitTask: {}", shown(answer.status));
  return answer.message;
}

std::string text_of(const pb::WaitTaskResponse& end) {
  return text("code {}, signal {}{}", end.result().exit_code(), end.result().signal(), end.err().empty() ? "" : ", " + end.err());
}

Check exits_with(int code) {
  return {"wait.exit-" + std::to_string(code), Level::core, Must::must, tasks,
          "A task that exits with " + std::to_string(code) + " is reported so, with no signal and no error", [code](Bench& bench) -> Result<void> {
            DROVER_LET(const auto end, end_of(bench, bench.fixture().exit(code)));
            EXPECT(end.result().exit_code() == code && end.result().signal() == 0 && end.err().empty(), "{}", text_of(end));
            return {};
          }};
}

Check dies_of(int signal) {
  return {"wait.signal-" + std::to_string(signal), Level::process, Must::must, shell,
          "A task killed by signal " + std::to_string(signal) + " is reported with that signal and exit code " + std::to_string(128 + signal),
          [signal](Bench& bench) -> Result<void> {
            DROVER_LET(const auto end, end_of(bench, bench.fixture().shell("kill -" + std::to_string(signal) + " $$; sleep 5")));
            EXPECT(end.result().exit_code() == 128 + signal && end.result().signal() == signal, "{}", text_of(end));
            return {};
          }};
}

/// Many waiters of one task; each is told its end.
Result<void> all_are_told(Bench& bench, int count) {
  DROVER_LET(Driver * driver, bench.driver());
  DROVER_LET(const auto task, bench.started(bench.fixture().forever()));
  std::vector<std::unique_ptr<Stream>> waiting;
  for (int i = 0; i < count; ++i) waiting.push_back(driver->waiting(task->id()));
  EXPECT(!waiting.front()->ended(100ms), "it did not wait");
  const auto stopped = driver->stop(task->id(), 1s);
  EXPECT(stopped.ok(), "StopTask: {}", shown(stopped.status));
  const auto told = driver->wait(task->id());
  for (const auto& waiter : waiting) {
    const auto message = next<pb::WaitTaskResponse>(*waiter, soon);
    EXPECT(message, "one of {} was not told", count);
    EXPECT(message->SerializeAsString() == told.message.SerializeAsString(), "one was told {}", text_of(*message));
  }
  return {};
}

}  // namespace wait_part

std::vector<Check> wait_checks() {
  using namespace wait_part;
  return {
      exits_with(0),
      exits_with(3),
      exits_with(255),
      dies_of(9),
      dies_of(15),
      {"wait.blocks", Level::core, Must::must, tasks, "WaitTask waits as long as the task runs",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         DROVER_LET(const auto task, bench.started(bench.fixture().forever()));
         const auto waiting = driver->waiting(task->id());
         const auto ended = waiting->ended(700ms);
         EXPECT(!ended, "it ended: {}", shown(*ended));
         return {};
       }},
      {"wait.after-end", Level::core, Must::must, tasks, "WaitTask of an ended task answers at once, with the same result each time",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         DROVER_LET(const auto task, bench.started(bench.fixture().exit(3)));
         const auto first = driver->wait(task->id());
         for (int i = 0; i < 3; ++i) {
           const auto again = driver->wait(task->id(), soon);
           EXPECT(again.ok(), "again: {}", shown(again.status));
           EXPECT(again.message.SerializeAsString() == first.message.SerializeAsString(), "first {}, then {}", text_of(first.message), text_of(again.message));
         }
         return {};
       }},
      {"wait.several", Level::core, Must::must, tasks, "Five waiters are all told the same end", [](Bench& bench) { return all_are_told(bench, waiters); }},
      {"wait.many", Level::core, Must::should, tasks, "200 waiters are all told the same end", [](Bench& bench) { return all_are_told(bench, waiters_many); }},
      {"wait.cancel", Level::core, Must::must, tasks, "A waiter that gives up harms neither the task nor other waiters",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         DROVER_LET(const auto task, bench.started(bench.fixture().forever()));
         const auto stays = driver->waiting(task->id());
         driver->waiting(task->id())->cancel();
         const auto ended = stays->ended(300ms);
         EXPECT(!ended, "the other waiter ended: {}", shown(*ended));
         EXPECT(driver->inspect(task->id()).message.task().state() == pb::RUNNING, "the task does not run any more");
         return {};
       }},
      {"wait.others-go-on", Level::core, Must::must, tasks, "While a waiter waits, other calls are answered",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         DROVER_LET(const auto task, bench.started(bench.fixture().forever()));
         const auto waiting = driver->waiting(task->id());
         EXPECT(!waiting->ended(200ms), "it does not wait");
         EXPECT(driver->raw("TaskConfigSchema", "", soon).status.ok(), "TaskConfigSchema is not");
         return {};
       }},
      {"wait.own-end", Level::core, Must::must, tasks, "Of two tasks each is reported with its own exit code",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         DROVER_LET(const auto three, bench.started(bench.fixture().exit(3)));
         DROVER_LET(const auto four, bench.started(bench.fixture().exit(4)));
         EXPECT(driver->wait(four->id()).message.result().exit_code() == 4, "the second one is wrong");
         EXPECT(driver->wait(three->id()).message.result().exit_code() == 3, "the first one is wrong");
         return {};
       }},
      {"wait.child-stays", Level::process, Must::must, shell, "A task has ended when its own process has, whatever children it left",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto end, end_of(bench, bench.fixture().shell("sleep 30 >/dev/null 2>&1 & exit 6")));
         EXPECT(end.result().exit_code() == 6, "{}", text_of(end));
         return {};
       }},
  };
}

}  // namespace drover::conformance
