// Starting tasks.
#include <google/protobuf/any.pb.h>
#include <google/protobuf/util/message_differencer.h>

#include <thread>

#include "conformance/check.h"
#include "sdk/proto/status.pb.h"

namespace drover::conformance {
namespace start_part {

constexpr int at_once = 10;

using Changed = std::function<void(pb::TaskConfig&)>;

/// A start that must fail, of a task changed by `change`.
Result<rpc::Status> refused(Bench& bench, const Value& config, const Changed& change) {
  DROVER_LET(Driver * driver, bench.driver());
  const auto task = bench.task(config);
  change(task->config);
  const auto answer = driver->start(task->config, std::chrono::seconds(bench.fixture().start_seconds) + call_max);
  EXPECT(driver->alive(), "the driver died");
  EXPECT(!answer.ok(), "it was started");
  EXPECT(answer.status.code != rpc::StatusCode::deadline_exceeded, "it does not answer");
  return answer.status;
}

Result<void> leaves_nothing(Bench& bench, const Value& config) {
  DROVER_LET(Driver * driver, bench.driver());
  const auto task = bench.task(config);
  static_cast<void>(driver->start(task->config, std::chrono::seconds(bench.fixture().start_seconds) + call_max));
  EXPECT(!driver->inspect(task->id()).ok(), "the failed task is known");
  const auto again = driver->start(task->config, std::chrono::seconds(bench.fixture().start_seconds) + call_max);
  EXPECT(again.status.message.find("already") == std::string::npos, "the second try says {}", again.status.message);
  return {};
}

Result<void> survives(Bench& bench, const Changed& change) {
  DROVER_LET(Driver * driver, bench.driver());
  const auto task = bench.task(bench.fixture().forever());
  change(task->config);
  static_cast<void>(driver->start(task->config));
  EXPECT(driver->alive(), "the driver died");
  EXPECT(driver->task_schema().ok(), "it does not answer any more");
  return {};
}

Result<void> echo(Bench& bench) {
  const auto task = bench.task(bench.fixture().forever());
  task->config.set_user("");
  task->config.mutable_env()->insert({"ODD.name-1", "ü€ \n\"'"});
  task->config.mutable_device_env()->insert({"DEVICE", "1"});
  auto& port = *task->config.mutable_resources()->add_ports();
  port.set_label("http"), port.set_value(23456), port.set_to(80), port.set_host_ip("127.0.0.1");
  DROVER_TRY(task->start());
  google::protobuf::util::MessageDifferencer differ;
  std::string differences;
  differ.ReportDifferencesToString(&differences);
  EXPECT(differ.Compare(task->config, task->handle.config()), "it differs: {}", differences.substr(0, 200));
  return {};
}

Result<void> many_at_once(Bench& bench) {
  DROVER_LET(Driver * driver, bench.driver());
  std::vector<std::unique_ptr<Task>> started;
  for (int i = 0; i < at_once; ++i) started.push_back(bench.task(bench.fixture().forever()));
  std::vector<rpc::Status> answers(started.size());
  std::vector<std::thread> threads;
  for (std::size_t i = 0; i < started.size(); ++i) {
    threads.emplace_back([driver, &started, &answers, i] { answers[i] = driver->start(started[i]->config).status; });
  }
  for (std::thread& thread : threads) thread.join();
  for (const rpc::Status& answer : answers) EXPECT(answer.ok(), "one says {}", shown(answer));
  for (const auto& task : started) EXPECT(driver->inspect(task->id()).message.task().state() == pb::RUNNING, "one does not run");
  return {};
}

Result<void> honest_details(Bench& bench) {
  DROVER_LET(const rpc::Status status, refused(bench, *bench.fixture().missing, [](pb::TaskConfig&) {}));
  if (status.details.empty()) return {};
  google::rpc::Status inner;
  EXPECT(inner.ParseFromString(status.details), "the details cannot be parsed");
  EXPECT(inner.code() == static_cast<int>(status.code), "the status is {}, the details say {}", static_cast<int>(status.code), inner.code());
  EXPECT(inner.message() == status.message, "the details say: {}", inner.message());
  return {};
}

const Changed unchanged = [](pb::TaskConfig&) {};

}  // namespace start_part

std::vector<Check> start_checks() {
  using namespace start_part;
  return {
      {"start.ok", Level::core, Must::must, tasks, "A task of the fixture can be started",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto task, bench.started(bench.fixture().forever()));
         return {};
       }},
      {"start.handle", Level::core, Must::must, tasks, "StartTask answers with a handle that has a configuration",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto task, bench.started(bench.fixture().forever()));
         EXPECT(task->handle.has_config() && task->handle.config().id() == task->id(), "the handle is of \"{}\"", task->handle.config().id());
         return {};
       }},
      {"start.handle-version", Level::core, Must::must, tasks, "The handle's version is 1 or more",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto task, bench.started(bench.fixture().forever()));
         EXPECT(task->handle.version() >= 1, "it is {}", task->handle.version());
         return {};
       }},
      {"start.handle-state", Level::core, Must::must, tasks, "The handle's state is RUNNING",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto task, bench.started(bench.fixture().forever()));
         EXPECT(task->handle.state() == pb::RUNNING, "it is {}", static_cast<int>(task->handle.state()));
         return {};
       }},
      {"start.handle-echo", Level::core, Must::must, tasks, "The handle's configuration is the one of the request, every field of it", echo},
      {"start.handle-driver-state", Level::core, Must::must, tasks, "The handle holds something that recovers the task",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto task, bench.started(bench.fixture().forever()));
         EXPECT(!task->handle.driver_state().empty(), "driver_state is empty");
         return {};
       }},
      {"start.running", Level::core, Must::must, tasks, "When StartTask has answered, the task runs",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         DROVER_LET(const auto task, bench.started(bench.fixture().forever()));
         const auto state = driver->inspect(task->id()).message.task().state();
         EXPECT(state == pb::RUNNING, "its state is {}", static_cast<int>(state));
         return {};
       }},
      {"start.twice", Level::core, Must::must, tasks, "A second start with the same id is an error",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         DROVER_LET(const auto task, bench.started(bench.fixture().forever()));
         EXPECT(!driver->start(task->config).ok(), "it was started twice");
         return {};
       }},
      {"start.twice-unharmed", Level::core, Must::must, tasks, "A second start with the same id does not harm the first task",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         DROVER_LET(const auto task, bench.started(bench.fixture().forever()));
         static_cast<void>(driver->start(task->config));
         EXPECT(driver->inspect(task->id()).message.task().state() == pb::RUNNING, "it does not run any more");
         return {};
       }},
      {"start.long-name", Level::core, Must::must, tasks, "A task with a long name can be started",
       [](Bench& bench) -> Result<void> {
         Task task(bench, std::string(100, 'n'));
         DROVER_LET(const std::string config, bench.encoded(bench.fixture().forever()));
         task.config.set_msgpack_driver_config(config);
         return task.start();
       }},
      {"start.same-name", Level::core, Must::must, tasks, "Tasks of one name in two allocations run beside each other",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto first, bench.started(bench.fixture().forever()));
         DROVER_LET(const auto second, bench.started(bench.fixture().forever()));
         return {};
       }},
      {"start.many", Level::core, Must::must, tasks, "Ten starts at once give ten running tasks", many_at_once},
      {"start.again", Level::core, Must::must, tasks, "After its end and DestroyTask, a task can be started again in the same folders with a new id",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         DROVER_LET(const auto task, bench.started(bench.fixture().exit(0)));
         driver->wait(task->id());
         driver->destroy(task->id(), true);
         task->new_start_id();
         return task->start();
       }},
      {"start.no-id", Level::core, Must::must, tasks, "A task without an id is refused",
       [](Bench& bench) -> Result<void> {
         DROVER_TRY(refused(bench, bench.fixture().forever(), [](pb::TaskConfig& config) { config.clear_id(); }));
         return {};
       }},
      {"start.garbage-config", Level::core, Must::must, tasks, "A configuration that is no msgpack is refused",
       [](Bench& bench) -> Result<void> {
         DROVER_TRY(refused(bench, bench.fixture().forever(), [](pb::TaskConfig& config) { config.set_msgpack_driver_config("\xc1\xc1"); }));
         return {};
       }},
      {"start.no-config", Level::core, Must::must, tasks, "A task without the driver's configuration does no harm to the driver",
       [](Bench& bench) { return survives(bench, [](pb::TaskConfig& config) { config.clear_msgpack_driver_config(); }); }},
      {"start.no-resources", Level::core, Must::must, tasks, "A task without resources does no harm to the driver",
       [](Bench& bench) { return survives(bench, [](pb::TaskConfig& config) { config.clear_resources(); }); }},
      {"start.no-folder", Level::core, Must::must, tasks, "A task whose allocation folder does not exist does no harm to the driver",
       [](Bench& bench) { return survives(bench, [](pb::TaskConfig& config) { config.set_alloc_dir("/nonexistent/alloc"); }); }},
      {"start.no-output", Level::core, Must::must, tasks, "A task whose output cannot be opened does no harm to the driver",
       [](Bench& bench) { return survives(bench, [](pb::TaskConfig& config) { config.set_stdout_path("/nonexistent/out"); }); }},
      {"start.invalid", Level::core, Must::must, invalid, "A configuration that makes no sense is refused",
       [](Bench& bench) -> Result<void> {
         DROVER_TRY(refused(bench, *bench.fixture().invalid, unchanged));
         return {};
       }},
      {"start.invalid-forgets", Level::core, Must::must, invalid, "After a refused start the task is unknown",
       [](Bench& bench) { return leaves_nothing(bench, *bench.fixture().invalid); }},
      {"start.missing", Level::core, Must::must, missing, "A program (or image) that does not exist is an error of StartTask",
       [](Bench& bench) -> Result<void> {
         DROVER_TRY(refused(bench, *bench.fixture().missing, unchanged));
         return {};
       }},
      {"start.missing-forgets", Level::core, Must::must, missing, "After a failed start the task is unknown, and may be tried again with the same id",
       [](Bench& bench) { return leaves_nothing(bench, *bench.fixture().missing); }},
      {"start.error-text", Level::core, Must::must, missing, "The error of a failed start says something",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const rpc::Status status, refused(bench, *bench.fixture().missing, unchanged));
         EXPECT(!status.message.empty(), "the message is empty");
         return {};
       }},
      {"start.error-code", Level::core, Must::must, missing, "A failed start is not UNAVAILABLE, CANCELLED or UNIMPLEMENTED (hosts take that for a dead driver)",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const rpc::Status status, refused(bench, *bench.fixture().missing, unchanged));
         const bool misleading = status.code == rpc::StatusCode::unavailable || status.code == rpc::StatusCode::cancelled || status.code == rpc::StatusCode::unimplemented;
         EXPECT(!misleading, "it is {}", shown(status));
         return {};
       }},
      {"start.error-details", Level::core, Must::must, missing, "Where an error has details, their code and message are those of the status", honest_details},
  };
}

}  // namespace drover::conformance
