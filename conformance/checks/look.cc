// Looking at tasks, and measuring them.
#include "conformance/census.h"
#include "conformance/check.h"

namespace drover::conformance {
namespace look_part {

using Clock = std::chrono::steady_clock;
constexpr Duration interval = 500ms;
constexpr int leak_rounds = 60;
constexpr std::size_t leak_slack = 20;

Result<pb::TaskStatus> inspected(Bench& bench, bool running) {
  DROVER_LET(Driver * driver, bench.driver());
  DROVER_LET(const auto task, bench.started(running ? bench.fixture().forever() : bench.fixture().exit(3)));
  if (!running) driver->wait(task->id());
  const auto answer = driver->inspect(task->id());
  EXPECT(answer.ok(), "InspectTask: {}", shown(answer.status));
  EXPECT(answer.message.has_task(), "the task's status is not set");
  return answer.message.task();
}

Result<pb::TaskStats> first_stats(Bench& bench) {
  DROVER_LET(Driver * driver, bench.driver());
  DROVER_LET(const auto task, bench.started(bench.fixture().forever()));
  const auto stream = driver->stats(task->id(), interval);
  const auto message = next<pb::TaskStatsResponse>(*stream, 5s);
  EXPECT(message, "no measurement within 5 s");
  EXPECT(message->has_stats(), "stats is not set");
  return message->stats();
}

/// A driver may also measure nothing, and keep the stream open.
bool measures(Bench& bench) { return first_stats(bench).ok(); }

}  // namespace look_part

std::vector<Check> look_checks() {
  using namespace look_part;
  return {
      {"inspect.running", Level::core, Must::must, tasks, "InspectTask of a running task says RUNNING",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto status, inspected(bench, true));
         EXPECT(status.state() == pb::RUNNING, "it says {}", static_cast<int>(status.state()));
         return {};
       }},
      {"inspect.identity", Level::core, Must::must, tasks, "InspectTask names the task's id and name",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto status, inspected(bench, true));
         EXPECT(status.id().find("/task/") != std::string::npos && status.name() == "task", "it names {} and {}", status.id(), status.name());
         return {};
       }},
      {"inspect.started", Level::core, Must::must, tasks, "started_at is set, to the time of the start",
       [](Bench& bench) -> Result<void> {
         const auto now = std::chrono::duration_cast<std::chrono::seconds>(std::chrono::system_clock::now().time_since_epoch()).count();
         DROVER_LET(const auto status, inspected(bench, true));
         EXPECT(status.has_started_at(), "it is not set");
         EXPECT(status.started_at().seconds() >= now - 60 && status.started_at().seconds() <= now + 60, "it is {}", status.started_at().seconds());
         return {};
       }},
      {"inspect.completed", Level::core, Must::must, tasks, "completed_at is set even while the task runs (an unset one fails Go hosts)",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto status, inspected(bench, true));
         EXPECT(status.has_completed_at(), "it is not set");
         return {};
       }},
      {"inspect.result", Level::core, Must::must, tasks, "result is set even while the task runs (an unset one crashes Go hosts)",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto status, inspected(bench, true));
         EXPECT(status.has_result(), "it is not set");
         return {};
       }},
      {"inspect.exited", Level::core, Must::must, tasks, "InspectTask of an ended task says EXITED",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto status, inspected(bench, false));
         EXPECT(status.state() == pb::EXITED, "it says {}", static_cast<int>(status.state()));
         return {};
       }},
      {"inspect.exit-code", Level::core, Must::must, tasks, "InspectTask of an ended task has its exit code",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto status, inspected(bench, false));
         EXPECT(status.result().exit_code() == 3, "it is {}", status.result().exit_code());
         return {};
       }},
      {"inspect.completed-after", Level::core, Must::must, tasks, "completed_at of an ended task is not before started_at",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto status, inspected(bench, false));
         EXPECT(status.completed_at().seconds() >= status.started_at().seconds(), "it is {}, started {}", status.completed_at().seconds(), status.started_at().seconds());
         return {};
       }},
      {"inspect.harmless", Level::core, Must::must, tasks, "Inspecting a task does not disturb it",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         DROVER_LET(const auto task, bench.started(bench.fixture().forever()));
         for (int i = 0; i < 50; ++i) EXPECT(driver->inspect(task->id()).message.task().state() == pb::RUNNING, "after {} calls it does not run", i);
         return {};
       }},
      {"stats.open-or-measured", Level::core, Must::must, tasks, "TaskStats of a running task measures, or stays open and silent; it does not end",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         DROVER_LET(const auto task, bench.started(bench.fixture().forever()));
         const auto stream = driver->stats(task->id(), interval);
         const auto ended = stream->ended(1200ms);
         EXPECT(!ended, "it ended: {}", shown(*ended));
         return {};
       }},
      {"stats.total", Level::core, Must::must, tasks, "A measurement has the usage of the whole task (an unset one crashes Go hosts)",
       [](Bench& bench) -> Result<void> {
         if (!measures(bench)) return {};
         DROVER_LET(const auto stats, first_stats(bench));
         EXPECT(stats.has_agg_resource_usage(), "agg_resource_usage is not set");
         return {};
       }},
      {"stats.set", Level::core, Must::must, tasks, "Every message of TaskStats has its stats set (an unset one crashes Go hosts)",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         DROVER_LET(const auto task, bench.started(bench.fixture().forever()));
         const auto stream = driver->stats(task->id(), interval);
         const auto message = next<pb::TaskStatsResponse>(*stream, 2s);
         EXPECT(!message || message->has_stats(), "stats is not set");
         return {};
       }},
      {"stats.time", Level::core, Must::must, tasks, "A measurement has its time",
       [](Bench& bench) -> Result<void> {
         if (!measures(bench)) return {};
         DROVER_LET(const auto stats, first_stats(bench));
         EXPECT(stats.has_timestamp() && stats.timestamp().seconds() > 1'000'000'000, "it is {}", stats.timestamp().seconds());
         return {};
       }},
      {"stats.interval", Level::core, Must::must, tasks, "Measurements come at the interval that was asked for",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         DROVER_LET(const auto task, bench.started(bench.fixture().forever()));
         const auto stream = driver->stats(task->id(), interval);
         if (!stream->next(3s)) return {};
         const auto started = Clock::now();
         for (int i = 0; i < 3; ++i) EXPECT(stream->next(3s), "none came within 3 s");
         const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(Clock::now() - started);
         EXPECT(took >= 750ms && took <= 3000ms, "three at 500 ms came in {} ms", took.count());
         return {};
       }},
      {"stats.ends", Level::core, Must::must, tasks, "The stream of measurements ends well when the task has ended",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         DROVER_LET(const auto task, bench.started(bench.fixture().forever()));
         const auto stream = driver->stats(task->id(), interval);
         stream->next(2s);
         driver->stop(task->id(), 0s);
         driver->destroy(task->id(), true);
         while (stream->next(100ms)) {}
         const auto ended = stream->ended(5s);
         EXPECT(ended && ended->ok(), "{}", ended ? shown(*ended) : "it stays open");
         return {};
       }},
      {"stats.ended-task", Level::core, Must::must, tasks, "TaskStats of an ended task ends",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         DROVER_LET(const auto task, bench.started(bench.fixture().exit(0)));
         driver->wait(task->id());
         const auto stream = driver->stats(task->id(), interval);
         EXPECT(stream->ended(5s), "it stays open");
         return {};
       }},
      {"stats.two", Level::core, Must::must, tasks, "Two streams of measurements of one task are served",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         DROVER_LET(const auto task, bench.started(bench.fixture().forever()));
         const auto first = driver->stats(task->id(), interval);
         const auto second = driver->stats(task->id(), interval);
         EXPECT(!first->ended(700ms) && !second->ended(0s), "one of them ended");
         return {};
       }},
      {"stats.no-interval", Level::core, Must::must, tasks, "TaskStats without an interval does no harm to the driver",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         DROVER_LET(const auto task, bench.started(bench.fixture().forever()));
         pb::TaskStatsRequest request;
         request.set_task_id(task->id());
         const auto stream = driver->open("TaskStats");
         stream->send(request.SerializeAsString());
         stream->close_sending();
         stream->ended(300ms);
         EXPECT(driver->task_schema().ok(), "it does not answer any more");
         return {};
       }},
      {"stats.memory", Level::process, Must::should, shell, "A measurement of a process has memory in use, and names what it measured",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto stats, first_stats(bench));
         const auto& memory = stats.agg_resource_usage().memory();
         EXPECT(memory.measured_fields_size() > 0, "it names nothing");
         EXPECT(memory.rss() > 0 || memory.usage() > 0, "no memory is in use");
         return {};
       }},
      {"stats.cpu", Level::process, Must::should, shell, "A task that computes uses its processor",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         DROVER_LET(const auto task, bench.started(bench.fixture().shell("while :; do :; done")));
         const auto stream = driver->stats(task->id(), interval);
         double most = 0;
         for (int i = 0; i < 6 && most < 5; ++i) {
           const auto message = next<pb::TaskStatsResponse>(*stream, 3s);
           EXPECT(message, "no measurement");
           most = std::max(most, message->stats().agg_resource_usage().cpu().percent());
         }
         EXPECT(most >= 5, "at most {} percent", most);
         return {};
       }},
      {"stats.no-leak", Level::core, Must::must, tasks, "Streams of measurements that are cancelled leave no thread and no descriptor",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         DROVER_LET(const auto task, bench.started(bench.fixture().forever()));
         const int pid = driver->process().pid();
         const auto rounds = [&driver, &task](int count) {
           for (int i = 0; i < count; ++i) driver->stats(task->id(), interval)->next(10ms);
         };
         rounds(5);
         const std::size_t descriptors = descriptors_of(pid), threads = threads_of(pid);
         rounds(leak_rounds);
         driver->process().ends_within(300ms);
         EXPECT(descriptors_of(pid) <= descriptors + leak_slack, "descriptors grew from {} to {}", descriptors, descriptors_of(pid));
         EXPECT(threads_of(pid) <= threads + leak_slack, "threads grew from {} to {}", threads, threads_of(pid));
         return {};
       }},
      {"cycles.no-leak", Level::core, Must::must, tasks, "50 starts, ends and destructions leave no descriptor, no thread, little memory",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         const int pid = driver->process().pid();
         const auto cycles = [&bench, &driver](int count) -> Result<void> {
           for (int i = 0; i < count; ++i) {
             DROVER_LET(const auto task, bench.started(bench.fixture().exit(0)));
             driver->wait(task->id());
             EXPECT(driver->destroy(task->id(), true).ok(), "DestroyTask fails in round {}", i);
           }
           return {};
         };
         DROVER_TRY(cycles(10));
         const std::size_t descriptors = descriptors_of(pid), threads = threads_of(pid), memory = memory_kb_of(pid);
         DROVER_TRY(cycles(50));
         driver->process().ends_within(300ms);
         EXPECT(descriptors_of(pid) <= descriptors + leak_slack, "descriptors grew from {} to {}", descriptors, descriptors_of(pid));
         EXPECT(threads_of(pid) <= threads + leak_slack, "threads grew from {} to {}", threads, threads_of(pid));
         EXPECT(memory_kb_of(pid) <= memory + 16384, "memory grew from {} to {} kB", memory, memory_kb_of(pid));
         return {};
       }},
  };
}

}  // namespace drover::conformance
