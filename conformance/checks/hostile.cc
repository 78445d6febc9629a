// What no good host sends: the driver answers with errors, and lives on.
#include "conformance/check.h"

namespace drover::conformance {
namespace hostile_part {

constexpr Duration prompt = 10s;
constexpr std::size_t large_bytes = 5 << 20;

const char* const base_service = "/hashicorp.nomad.plugins.base.proto.BasePlugin/";

struct Method {
  const char* name;
  bool streams;        ///< its end may be long in coming
  bool takes_nothing;  ///< its request has no fields: an empty one is right
};

constexpr Method methods[] = {
    {"SetConfig", false, false},  {"RecoverTask", false, false}, {"StartTask", false, false},   {"WaitTask", false, false},
    {"StopTask", false, false},   {"DestroyTask", false, false}, {"InspectTask", false, false}, {"SignalTask", false, false},
    {"ExecTask", false, false},   {"TaskStats", true, false},    {"ExecTaskStreaming", true, false},
};

std::string path_of(const std::string& name) { return name == "SetConfig" ? base_service + name : name; }

Result<void> lives(Driver& driver) {
  EXPECT(driver.alive(), "the driver died");
  EXPECT(driver.raw("TaskConfigSchema", "", prompt).status.ok(), "the driver does not answer any more");
  return {};
}

Result<rpc::Status> asked(Driver& driver, const std::string& method, const std::string& request) {
  const auto stream = driver.open(path_of(method), prompt);
  stream->send(request);
  stream->close_sending();
  const auto status = stream->ended(prompt + 1s);
  EXPECT(status, "it is not answered");
  return *status;
}

/// Bytes that are no message.
Check garbage(const Method& method) {
  const std::string name = method.name;
  return {"hostile.garbage." + name, Level::core, Must::must, nothing, name + " with bytes that are no message is an error, and the driver lives on",
          [name](Bench& bench) -> Result<void> {
            DROVER_LET(Driver * driver, bench.driver());
            DROVER_LET(const rpc::Status status, asked(*driver, name, "\xff\xff\xff\xff"));
            EXPECT(!status.ok(), "it says OK");
            EXPECT(status.code != rpc::StatusCode::deadline_exceeded, "it is not answered");
            const Result<void> after = lives(*driver);
            if (name == "SetConfig") bench.drop_driver();  // whatever it made of that: the next check wants the right one
            return after;
          }};
}

/// A message with nothing in it: no task, no handle, no command.
Check empty(const Method& method) {
  const std::string name = method.name;
  return {"hostile.empty." + name, Level::core, Must::must, nothing, name + " with an empty message is answered, and the driver lives on", [name](Bench& bench) -> Result<void> {
            DROVER_LET(Driver * driver, bench.driver());
            DROVER_LET(const rpc::Status status, asked(*driver, name, ""));
            EXPECT(status.code != rpc::StatusCode::deadline_exceeded, "it is not answered");
            const Result<void> after = lives(*driver);
            if (name == "SetConfig") bench.drop_driver();  // whatever it made of that: the next check wants the right one
            return after;
          }};
}

/// A string field that is no UTF-8 (field 1, two bytes), which protobuf forbids.
Check no_utf8(const Method& method) {
  const std::string name = method.name;
  return {"hostile.utf8." + name, Level::core, Must::must, nothing, name + " with a text that is no UTF-8 is answered, and the driver lives on", [name](Bench& bench) -> Result<void> {
            DROVER_LET(Driver * driver, bench.driver());
            DROVER_LET(const rpc::Status status, asked(*driver, name, std::string("\x0a\x02\xff\xfe", 4)));
            EXPECT(status.code != rpc::StatusCode::deadline_exceeded, "it is not answered");
            const Result<void> after = lives(*driver);
            if (name == "SetConfig") bench.drop_driver();  // whatever it made of that: the next check wants the right one
            return after;
          }};
}

/// Field 4711 as a text.
const std::string unknown_field("\xba\xa6\x02\x01x", 5);

Result<void> cancelled_everywhere(Bench& bench) {
  DROVER_LET(Driver * driver, bench.driver());
  for (const Method& method : methods) {
    for (int i = 0; i < 5; ++i) driver->open(path_of(method.name))->cancel();
  }
  const Result<void> after = lives(*driver);
  bench.drop_driver();
  return after;
}

}  // namespace hostile_part

std::vector<Check> hostile_checks() {
  using namespace hostile_part;
  std::vector<Check> checks;
  for (const Method& method : methods) checks.push_back(garbage(method));
  for (const Method& method : methods) checks.push_back(empty(method));
  for (const Method& method : methods) checks.push_back(no_utf8(method));
  const std::vector<Check> more = {
      {"hostile.unknown-fields", Level::core, Must::must, nothing, "Fields that it does not know are ignored",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         const rpc::Reply reply = driver->raw("TaskConfigSchema", unknown_field);
         EXPECT(reply.status.ok(), "it says {}", shown(reply.status));
         return {};
       }},
      {"hostile.start-unknown-fields", Level::core, Must::must, tasks, "A start with fields that it does not know starts the task",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         const auto task = bench.task(bench.fixture().forever());
         pb::StartTaskRequest request;
         *request.mutable_task() = task->config;
         const rpc::Reply reply = driver->raw("StartTask", request.SerializeAsString() + unknown_field);
         EXPECT(reply.status.ok(), "it says {}", shown(reply.status));
         return {};
       }},
      {"hostile.large", Level::core, Must::must, nothing, "A request of 5 MB is answered, and the driver lives on",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         pb::StartTaskRequest request;
         request.mutable_task()->set_id("large");
         (*request.mutable_task()->mutable_env())["LARGE"] = std::string(large_bytes, 'x');
         DROVER_LET(const rpc::Status status, asked(*driver, "StartTask", request.SerializeAsString()));
         driver->destroy("large", true);
         EXPECT(status.code != rpc::StatusCode::deadline_exceeded, "it is not answered");
         return lives(*driver);
       }},
      {"hostile.cancelled", Level::core, Must::must, nothing, "Calls that are cancelled before their request arrives do no harm", cancelled_everywhere},
      {"hostile.flood", Level::core, Must::must, nothing, "200 calls at once are all answered",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         std::vector<std::unique_ptr<Stream>> streams;
         for (int i = 0; i < 200; ++i) {
           streams.push_back(driver->open("Capabilities", 20s));
           streams.back()->send("");
           streams.back()->close_sending();
         }
         for (const auto& stream : streams) {
           const auto status = stream->ended(20s);
           EXPECT(status && status->ok(), "one says {}", status ? shown(*status) : "nothing");
         }
         return {};
       }},
      {"hostile.long-id", Level::core, Must::must, nothing, "An id of 100 KB is an unknown task like any other",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         const auto answer = driver->inspect(std::string(100'000, 'x'));
         EXPECT(!answer.ok() && answer.status.code != rpc::StatusCode::deadline_exceeded, "it says {}", shown(answer.status));
         return lives(*driver);
       }},
      {"hostile.path-id", Level::core, Must::must, tasks, "A task id with .. in it reaches nothing outside the task's folders",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         const auto task = bench.task(bench.fixture().exit(0));
         task->config.set_id("../../../../tmp/escaped/" + bench.unique("x"));
         if (task->start().ok()) driver->wait(task->id());
         return lives(*driver);
       }},
  };
  checks.insert(checks.end(), more.begin(), more.end());
  return checks;
}

}  // namespace drover::conformance
