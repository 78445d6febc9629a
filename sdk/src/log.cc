#include "sdk/src/log.h"

#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <ctime>
#include <mutex>

#include "base/rpc/log.h"
#include "sdk/src/convert.h"

namespace drover::sdk {
namespace {

std::mutex& module_mutex() {
  static std::mutex mutex;
  return mutex;
}

std::string& module_name() {
  static std::string name = "driver";
  return name;
}

void append_json(std::string& out, std::string_view text) {
  out += '"';
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += '\\';
      out += c;
    } else if (byte < 0x20) {
      char buffer[8];
      std::snprintf(buffer, sizeof buffer, "\\u%04x", byte);
      out += buffer;
    } else {
      out += c;
    }
  }
  out += '"';
}

std::string timestamp(Instant at) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(at);
  const auto micros = std::chrono::duration_cast<std::chrono::microseconds>(at - seconds).count();
  const std::time_t time = seconds.time_since_epoch().count();
  std::tm parts{};
  gmtime_r(&time, &parts);
  char buffer[64];
  std::snprintf(buffer, sizeof buffer, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", parts.tm_year + 1900, parts.tm_mon + 1,
                parts.tm_mday, parts.tm_hour, parts.tm_min, parts.tm_sec, static_cast<int>(micros));
  return buffer;
}

constexpr std::string_view level_names[] = {"trace", "debug", "info", "warn", "error"};

}  // namespace

void set_log_module(std::string name) {
  const std::lock_guard lock(module_mutex());
  module_name() = std::move(name);
}

std::string log_line(Level level, std::string_view message, std::string_view module, Instant at) {
  std::string line = "{\"@level\":\"";
  line += level_names[static_cast<std::size_t>(level)];
  line += "\",\"@message\":";
  append_json(line, valid_utf8(std::string(message.substr(0, log_line_max / 6))));
  line += ",\"@module\":";
  append_json(line, module);
  line += ",\"@timestamp\":\"" + timestamp(at) + "\"}";
  return line;
}

void log(Level level, std::string_view message) {
  std::string line;
  {
    const std::lock_guard lock(module_mutex());
    line = log_line(level, message, module_name(), std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now()));
  }
  line += '\n';
  // One write a line, so that lines of several threads do not mix. Nobody reading is no reason to fail.
  [[maybe_unused]] const ssize_t written = write(STDERR_FILENO, line.data(), line.size());
}

void route_grpc_log() {
  rpc::set_log([](rpc::LogLevel level, const char* message) {
    log(level == rpc::LogLevel::error ? Level::warn : Level::debug, std::string("grpc: ") + message);
  });
}

}  // namespace drover::sdk
