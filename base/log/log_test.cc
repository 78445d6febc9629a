#include "base/log/log.h"

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <vector>

using namespace drover;

namespace {

std::chrono::sys_time<std::chrono::nanoseconds> at_noon() {
  return std::chrono::sys_days(std::chrono::year(2026) / 11 / 24) + std::chrono::hours(12) + std::chrono::milliseconds(5);
}

struct Heard {
  std::vector<std::string> lines;

  std::function<void(const LogLine&)> listener() {
    return [this](const LogLine& line) { lines.push_back(format_line(line, LogFormat::text)); };
  }
};

}  // namespace

TEST_CASE("a line says when, how grave, where and what") {
  const LogLine line{at_noon(), LogLevel::warn, "server.broker", "lease lapsed: eval=1"};
  CHECK(format_line(line, LogFormat::text) == "2026-11-24T12:00:00.005Z [WARN]  server.broker: lease lapsed: eval=1");
  CHECK(format_line(line, LogFormat::json) ==
        R"({"@level":"warn","@message":"lease lapsed: eval=1","@module":"server.broker","@timestamp":"2026-11-24T12:00:00.005Z"})");
}

TEST_CASE("a message cannot break out of its line") {
  const LogLine line{at_noon(), LogLevel::info, "", "a\nb"};
  CHECK(format_line(line, LogFormat::text) == "2026-11-24T12:00:00.005Z [INFO]  a\\nb");
}

TEST_CASE("a hub has room for so many listeners, and says so to the next one") {
  const auto hub = LogHub::silent();
  std::vector<std::shared_ptr<void>> handles;
  for (std::size_t i = 0; i < LogHub::listeners_max; ++i) {
    handles.push_back(hub->listen(LogLevel::info, [](const LogLine&) {}));
    REQUIRE(handles.back() != nullptr);
  }
  CHECK(hub->listen(LogLevel::info, [](const LogLine&) {}) == nullptr);
  handles.pop_back();
  CHECK(hub->listen(LogLevel::info, [](const LogLine&) {}) != nullptr);
}

TEST_CASE("listeners hear lines from their level on until they leave, each under its full name") {
  LogOptions options;
  options.clock = at_noon;
  const auto hub = LogHub::silent(options);
  const Log log = Log(hub, "server").with("broker");
  Heard heard;
  auto handle = hub->listen(LogLevel::info, heard.listener());

  log.debug("too quiet {}", 1);
  log.info("dequeued: eval={} priority={}", "e1", 50);
  handle.reset();
  log.error("nobody hears this");

  CHECK(heard.lines == std::vector<std::string>{"2026-11-24T12:00:00.005Z [INFO]  server.broker: dequeued: eval=e1 priority=50"});
}

TEST_CASE("a handle may outlive its hub") {
  Heard heard;
  auto hub = LogHub::silent();
  const auto handle = hub->listen(LogLevel::debug, heard.listener());
  hub.reset();
  CHECK(heard.lines.empty());
}

TEST_CASE("a log without a hub drops everything") {
  const Log log;
  log.error("dropped {}", 1);
  log.with("part").info("dropped");
}

TEST_CASE("lines below the hub's level do not reach the file") {
  const std::filesystem::path folder = std::filesystem::temp_directory_path() / "drover-log-test";
  std::filesystem::create_directories(folder);
  LogOptions options;
  options.to_stderr = false;
  options.file = folder / "drover.log";
  options.level = LogLevel::warn;
  {
    const auto hub = LogHub::open(options);
    REQUIRE(hub.ok());
    Log(*hub, "agent").info("left out");
    Log(*hub, "agent").warn("kept");
    (*hub)->set_level(LogLevel::info);
    Log(*hub, "agent").info("kept now");
  }
  std::ifstream file(options.file);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  std::filesystem::remove_all(folder);
  CHECK(text.find("left out") == std::string::npos);
  CHECK(text.find("agent: kept\n") != std::string::npos);
  CHECK(text.find("agent: kept now\n") != std::string::npos);
}

TEST_CASE("a log file that cannot be opened is named") {
  LogOptions options;
  options.to_stderr = false;
  options.file = "/dev/null/impossible.log";
  const auto hub = LogHub::open(options);
  REQUIRE_FALSE(hub.ok());
  CHECK(hub.error().message.find("/dev/null/impossible.log") != std::string::npos);
}

TEST_CASE("level names are those that operators write") {
  CHECK(parse_log_level("WARN") == LogLevel::warn);
  CHECK(parse_log_level("trace") == LogLevel::debug);
  CHECK_FALSE(parse_log_level("loud"));
}
