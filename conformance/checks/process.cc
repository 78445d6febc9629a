// The plugin as a process: signals, output, connections, its end.
#include <signal.h>

#include <filesystem>

#include "base/json/json.h"
#include "conformance/check.h"

namespace drover::conformance {
namespace process_part {

namespace fs = std::filesystem;
constexpr Duration quiet_time = 500ms;
constexpr Duration end_max = 2s;
constexpr const char* shutdown_method = "/plugin.GRPCController/Shutdown";

Result<void> still_answers(Driver& driver, const std::string& after) {
  const auto info = driver.plugin_info();
  EXPECT(info.ok(), "after {} PluginInfo fails: {}", after, shown(info.status));
  return {};
}

Result<void> stays_open(Stream& stream, Duration limit) {
  const auto ended = stream.ended(limit);
  EXPECT(!ended, "it ended: {}", shown(*ended));
  return {};
}

std::vector<std::string> lines_of(const std::string& text) {
  std::vector<std::string> lines;
  std::size_t at = 0;
  for (std::size_t end; (end = text.find('\n', at)) != std::string::npos; at = end + 1) lines.push_back(text.substr(at, end - at));
  return lines;
}

/// A private driver that has worked a little, so that it had something to log.
Result<std::unique_ptr<Driver>> worked(Bench& bench) {
  DROVER_LET(std::unique_ptr<Driver> driver, bench.fresh());
  driver->task_schema();
  driver->capabilities();
  driver->fingerprints()->next(2s);
  driver->raw("StartTask", "\xff\xff");
  driver->wait("unknown", 2s);
  return driver;
}

}  // namespace process_part

std::vector<Check> process_checks() {
  using namespace process_part;
  return {
      {"process.ctrl-c", Level::core, Must::must, nothing, "SIGINT does not end it: Ctrl-C at the agent's terminal is for the agent",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto driver, bench.fresh());
         driver->process().signal(SIGINT);
         EXPECT(!driver->process().ends_within(quiet_time), "it ended");
         return still_answers(*driver, "SIGINT");
       }},
      {"process.connections-closed", Level::core, Must::must, nothing, "It lives on when all connections to it are closed",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto driver, bench.fresh());
         {
           rpc::Channel second(driver->target(), rpc::Channel::Options{});
           call(second, "/hashicorp.nomad.plugins.base.proto.BasePlugin/PluginInfo", "", 5s);
         }
         driver->disconnect();
         EXPECT(!driver->process().ends_within(quiet_time), "it ended");
         driver->connect();
         return still_answers(*driver, "a new connection");
       }},
      {"process.two-connections", Level::core, Must::must, nothing, "It serves two connections at once",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         rpc::Channel second(driver->target(), rpc::Channel::Options{});
         const rpc::Reply reply = call(second, "/hashicorp.nomad.plugins.base.proto.BasePlugin/PluginInfo", "", 5s);
         EXPECT(reply.status.ok(), "the second one: {}", shown(reply.status));
         return {};
       }},
      {"process.output-closed", Level::core, Must::must, nothing, "It lives on, and logs on, when nobody reads its standard output and error",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto driver, bench.fresh());
         driver->process().close_outputs();
         driver->raw("StartTask", "\xff\xff");
         driver->wait("unknown", 2s);
         EXPECT(!driver->process().ends_within(quiet_time), "it ended");
         return still_answers(*driver, "closing its output");
       }},
      {"process.quiet-output", Level::core, Must::must, nothing, "After the handshake it writes nothing to standard output",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto driver, worked(bench));
         const auto lines = lines_of(driver->process().standard_output());
         EXPECT(lines.size() == 1, "it wrote: {}", lines.back().substr(0, 100));
         return {};
       }},
      {"process.log-objects", Level::core, Must::should, nothing, "Its log lines on standard error are JSON objects with @level, @message and @timestamp",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto driver, worked(bench));
         for (const std::string& line : lines_of(driver->process().standard_error())) {
           const auto value = json::parse(line);
           EXPECT(value && value->is_map() && value->find("@level") && value->find("@message") && value->find("@timestamp"), "one is: {}", line.substr(0, 120));
         }
         return {};
       }},
      {"process.log-texts", Level::core, Must::must, nothing, "@level, @message and @timestamp of a log line are texts (another type crashes Go hosts)",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto driver, worked(bench));
         for (const std::string& line : lines_of(driver->process().standard_error())) {
           const auto value = json::parse(line);
           if (!value || !value->is_map()) continue;
           for (const char* name : {"@level", "@message", "@timestamp"}) {
             const Value* member = value->find(name);
             EXPECT(member == nullptr || member->is_text(), "{} is none: {}", name, line.substr(0, 120));
           }
         }
         return {};
       }},
      {"process.log-line-length", Level::core, Must::must, nothing, "No line on standard error is longer than 64 KiB, whatever it is asked",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto driver, bench.fresh());
         driver->wait(std::string(200'000, 'x'), 5s);
         driver->signal(std::string(200'000, 'y'), "SIGHUP");
         for (const std::string& line : lines_of(driver->process().standard_error())) EXPECT(line.size() < 65536, "one has {} bytes", line.size());
         return {};
       }},
      {"process.two-at-once", Level::core, Must::must, nothing, "Two processes of it run at the same time",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto first, bench.fresh());
         DROVER_LET(const auto second, bench.fresh());
         EXPECT(first->plugin_info().ok() && second->plugin_info().ok(), "one of them does not answer");
         return {};
       }},
      {"process.shutdown", Level::core, Must::must, nothing, "It ends within 2 s of the controller's Shutdown",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto driver, bench.fresh());
         driver->raw(shutdown_method, "", end_max);
         EXPECT(driver->process().ends_within(end_max), "it still runs");
         return {};
       }},
      {"process.shutdown-status", Level::core, Must::should, nothing, "It exits with status 0 after the controller's Shutdown",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto driver, bench.fresh());
         driver->raw(shutdown_method, "", end_max);
         const auto ended = driver->process().ends_within(end_max);
         EXPECT(ended && ended->code == 0, "it ended with {}", ended ? ended->code : -1);
         return {};
       }},
      {"process.shutdown-with-streams", Level::core, Must::must, nothing, "Open streams do not hold up the controller's Shutdown",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto driver, bench.fresh());
         const auto fingerprints = driver->fingerprints();
         const auto events = driver->events();
         const auto stdio = driver->open("/plugin.GRPCStdio/StreamStdio");
         stdio->send("");
         fingerprints->next(2s);
         driver->raw(shutdown_method, "", end_max);
         EXPECT(driver->process().ends_within(end_max), "it still runs");
         return {};
       }},
      {"process.shutdown-socket", Level::core, Must::should, nothing, "Its socket is gone after the controller's Shutdown",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto driver, bench.fresh());
         const std::string target = driver->target();
         driver->raw(shutdown_method, "", end_max);
         driver->process().ends_within(end_max);
         EXPECT(!target.starts_with("unix:") || !fs::exists(target.substr(5)), "{} is still there", target);
         return {};
       }},
      {"process.health", Level::core, Must::must, nothing, "The health service says SERVING for the service \"plugin\"",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         const rpc::Reply reply = driver->raw("/grpc.health.v1.Health/Check", "\n\x06plugin");
         EXPECT(reply.status.ok() && reply.body == "\x08\x01", "it says {}", shown(reply.status));
         return {};
       }},
      {"process.stdio", Level::core, Must::must, nothing, "StreamStdio stays open",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         const auto stream = driver->open("/plugin.GRPCStdio/StreamStdio");
         stream->send("");
         stream->close_sending();
         return stays_open(*stream, quiet_time);
       }},
      {"process.broker", Level::core, Must::must, nothing, "The broker's StartStream stays open while idle",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         const auto stream = driver->open("/plugin.GRPCBroker/StartStream");
         return stays_open(*stream, quiet_time);
       }},
      {"process.unknown-method", Level::core, Must::must, nothing, "A method that does not exist is UNIMPLEMENTED",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         const rpc::Reply reply = driver->raw("NoSuchMethod", "");
         EXPECT(reply.status.code == rpc::StatusCode::unimplemented, "it says {}", shown(reply.status));
         return {};
       }},
      {"process.unknown-service", Level::core, Must::must, nothing, "A service that does not exist is UNIMPLEMENTED",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         const rpc::Reply reply = driver->raw("/no.such.Service/Method", "");
         EXPECT(reply.status.code == rpc::StatusCode::unimplemented, "it says {}", shown(reply.status));
         return {};
       }},
  };
}

}  // namespace drover::conformance
