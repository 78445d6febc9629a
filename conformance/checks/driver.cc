// What a driver says of itself, and of tasks that it does not know.
#include "conformance/census.h"
#include "conformance/check.h"
#include "sdk/host/spec.h"

namespace drover::conformance {
namespace driver_part {

constexpr Duration first_max = 2s;
constexpr Duration open_time = 1500ms;
constexpr Duration prompt_max = 3s;
constexpr int leak_rounds = 60;
constexpr std::size_t leak_slack = 20;

using Opens = std::function<std::unique_ptr<Stream>(Driver&)>;

Result<void> stays_open(Bench& bench, const Opens& open) {
  DROVER_LET(Driver * driver, bench.driver());
  const auto stream = open(*driver);
  const auto ended = stream->ended(open_time);
  EXPECT(!ended, "it ended: {}", shown(*ended));
  return {};
}

/// Opened and cancelled again and again: no descriptor, no thread is left.
Result<void> leaks_nothing(Bench& bench, const Opens& open) {
  DROVER_LET(const auto driver, bench.fresh());
  const auto rounds = [&driver, &open](int count) {
    for (int i = 0; i < count; ++i) {
      const auto stream = open(*driver);
      stream->next(20ms);
      stream->cancel();
    }
  };
  rounds(5);
  const std::size_t descriptors = descriptors_of(driver->process().pid());
  const std::size_t threads = threads_of(driver->process().pid());
  rounds(leak_rounds);
  driver->process().ends_within(300ms);  // a moment to settle
  const std::size_t more_descriptors = descriptors_of(driver->process().pid());
  const std::size_t more_threads = threads_of(driver->process().pid());
  EXPECT(more_descriptors <= descriptors + leak_slack, "descriptors grew from {} to {}", descriptors, more_descriptors);
  EXPECT(more_threads <= threads + leak_slack, "threads grew from {} to {}", threads, more_threads);
  return {};
}

/// A call that names a task that nobody started.
template <class Call>
Check unknown_task(const std::string& method, unsigned needs, Call ask) {
  return {"unknown-task." + method, Level::core, Must::must, needs, method + " of a task that it does not know is an error, at once",
          [ask](Bench& bench) -> Result<void> {
            DROVER_LET(Driver * driver, bench.driver());
            const rpc::Status status = ask(*driver);
            EXPECT(!status.ok(), "it says OK");
            EXPECT(status.code != rpc::StatusCode::deadline_exceeded, "it does not answer");
            EXPECT(status.code != rpc::StatusCode::unavailable && status.code != rpc::StatusCode::unimplemented, "it says {}", shown(status));
            return {};
          }};
}

rpc::Status end_of(Stream& stream) {
  return stream.ended(prompt_max).value_or(rpc::Status{rpc::StatusCode::deadline_exceeded, "", {}});
}

Result<pb::FingerprintResponse> first_fingerprint(Driver& driver) {
  const auto stream = driver.fingerprints();
  const auto message = next<pb::FingerprintResponse>(*stream, first_max);
  EXPECT(message, "no fingerprint within 2 s");
  return *message;
}

}  // namespace driver_part

std::vector<Check> driver_checks() {
  using namespace driver_part;
  const Opens fingerprints = [](Driver& driver) { return driver.fingerprints(); };
  const Opens events = [](Driver& driver) { return driver.events(); };
  return {
      {"task-schema.set", Level::core, Must::must, nothing, "TaskConfigSchema answers with a schema",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         const auto schema = driver->task_schema();
         EXPECT(schema.ok() && schema.message.has_spec(), "{}", schema.ok() ? "it is not set" : shown(schema.status));
         return {};
       }},
      {"task-schema.converts", Level::core, Must::must, nothing, "The schema of tasks is valid: types parse, names are there, literals evaluate",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         return host::check_spec(driver->task_schema().message.spec());
       }},
      {"task-schema.constant", Level::core, Must::must, nothing, "TaskConfigSchema is the same at every call",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         const auto first = driver->task_schema().message;
         for (int i = 0; i < 3; ++i) EXPECT(is_same(driver->task_schema().message, first), "it changed");
         return {};
       }},
      {"capabilities.set", Level::core, Must::must, nothing, "Capabilities answers with the message set, even if it is all zero",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         const auto answer = driver->capabilities();
         EXPECT(answer.ok() && answer.message.has_capabilities(), "{}", answer.ok() ? "it is not set" : shown(answer.status));
         return {};
       }},
      {"capabilities.constant", Level::core, Must::must, nothing, "Capabilities are the same at every call",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         const std::string first = driver->capabilities().message.SerializeAsString();
         for (int i = 0; i < 3; ++i) EXPECT(driver->capabilities().message.SerializeAsString() == first, "they changed");
         return {};
       }},
      {"init.answers", Level::core, Must::must, nothing, "Init is OK or UNIMPLEMENTED",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         const auto answer = driver->init();
         EXPECT(answer.ok() || answer.status.code == rpc::StatusCode::unimplemented, "it says {}", shown(answer.status));
         return {};
       }},
      {"init.again", Level::core, Must::must, nothing, "Init may be called again",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         const auto first = driver->init();
         const auto second = driver->init();
         EXPECT(second.status.code == first.status.code, "the second time it says {}", shown(second.status));
         return {};
       }},
      {"driver-shutdown.answers", Level::core, Must::must, nothing, "Shutdown of the driver is OK or UNIMPLEMENTED within 2 s, and the process lives on",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto driver, bench.fresh());
         const rpc::Reply reply = driver->raw("Shutdown", "", 2s);
         EXPECT(reply.status.ok() || reply.status.code == rpc::StatusCode::unimplemented, "it says {}", shown(reply.status));
         EXPECT(!driver->process().ends_within(300ms), "the process ended");
         return {};
       }},
      {"fingerprint.first", Level::core, Must::must, nothing, "The first fingerprint comes within 2 s of the call",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         DROVER_TRY(first_fingerprint(*driver));
         return {};
       }},
      {"fingerprint.no-error", Level::core, Must::must, nothing, "A fingerprint has no err: what is missing on the machine is a health, not an error",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         DROVER_LET(const auto message, first_fingerprint(*driver));
         EXPECT(message.err().empty(), "it says {}", message.err());
         return {};
       }},
      {"fingerprint.described", Level::core, Must::must, nothing, "A fingerprint describes its health in words",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         DROVER_LET(const auto message, first_fingerprint(*driver));
         EXPECT(!message.health_description().empty(), "the description is empty");
         return {};
       }},
      {"fingerprint.attributes", Level::core, Must::must, nothing, "Attributes are named driver.<name> or driver.<name>.…",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         const std::string prefix = "driver." + driver->plugin_info().message.name();
         DROVER_LET(const auto message, first_fingerprint(*driver));
         for (const auto& [name, value] : message.attributes()) {
           EXPECT(name == prefix || name.starts_with(prefix + "."), "one is named {}", name);
           EXPECT(value.value_case() != 0, "{} has no value", name);
         }
         return {};
       }},
      {"fingerprint.healthy", Level::core, Must::must, tasks, "Configured by the fixture, it is healthy",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         DROVER_LET(const auto message, first_fingerprint(*driver));
         EXPECT(message.health() == pb::FingerprintResponse::HEALTHY, "it says {}", message.health_description());
         return {};
       }},
      {"fingerprint.stays-open", Level::core, Must::must, nothing, "The stream of fingerprints stays open (hosts open it again at once, without a pause)",
       [fingerprints](Bench& bench) { return stays_open(bench, fingerprints); }},
      {"fingerprint.two", Level::core, Must::must, nothing, "Two streams of fingerprints are served at once",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         const auto first = driver->fingerprints();
         DROVER_TRY(first_fingerprint(*driver));
         EXPECT(first->next(first_max), "the first one got nothing");
         return {};
       }},
      {"fingerprint.no-leak", Level::core, Must::must, nothing, "Fingerprint streams that are cancelled leave no thread and no descriptor",
       [fingerprints](Bench& bench) { return leaks_nothing(bench, fingerprints); }},
      {"events.stays-open", Level::core, Must::must, nothing, "The stream of events stays open",
       [events](Bench& bench) { return stays_open(bench, events); }},
      {"events.two", Level::core, Must::must, nothing, "Two streams of events are served at once",
       [events](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         const auto first = driver->events();
         DROVER_TRY(stays_open(bench, events));
         EXPECT(!first->ended(0s), "the first one ended");
         return {};
       }},
      {"events.no-leak", Level::core, Must::must, nothing, "Event streams that are cancelled leave no thread and no descriptor",
       [events](Bench& bench) { return leaks_nothing(bench, events); }},
      unknown_task("WaitTask", nothing, [](Driver& driver) { return driver.wait("unknown", prompt_max).status; }),
      unknown_task("InspectTask", nothing, [](Driver& driver) { return driver.inspect("unknown").status; }),
      unknown_task("DestroyTask", nothing, [](Driver& driver) { return driver.destroy("unknown", true).status; }),
      unknown_task("SignalTask", signals, [](Driver& driver) { return driver.signal("unknown", "SIGHUP").status; }),
      unknown_task("ExecTask", exec, [](Driver& driver) { return driver.exec("unknown", {"true"}, 1s).status; }),
      {"unknown-task.ExecTaskStreaming", Level::exec, Must::must, exec, "ExecTaskStreaming in a task that it does not know is an error, at once",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         const auto stream = driver->exec_stream("unknown", {"true"}, false);
         const rpc::Status status = end_of(*stream);
         EXPECT(!status.ok() && status.code != rpc::StatusCode::deadline_exceeded, "it says {}", shown(status));
         return {};
       }},
      {"unknown-task.StopTask", Level::core, Must::must, nothing, "StopTask of a task that it does not know is answered at once",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         const auto started = std::chrono::steady_clock::now();
         driver->stop("unknown", 10s);
         EXPECT(std::chrono::steady_clock::now() - started < prompt_max, "it took longer than 3 s");
         return {};
       }},
      {"unknown-task.TaskStats", Level::core, Must::must, nothing, "TaskStats of a task that it does not know ends within 3 s",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         const auto stream = driver->stats("unknown", 1s);
         EXPECT(stream->ended(prompt_max), "it stays open");
         return {};
       }},
      {"unknown-task.text", Level::core, Must::should, nothing, "The error for an unknown task is \"task not found for given id\", which hosts compare",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         const auto answer = driver->wait("unknown", prompt_max);
         EXPECT(answer.status.message == "task not found for given id", "it says {}", shown(answer.status));
         return {};
       }},
  };
}

}  // namespace drover::conformance
