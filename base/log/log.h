#pragma once

#include <drover/result.h>
#include <fmt/core.h>

#include <chrono>
#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace drover {

enum class LogLevel : std::uint8_t { debug, info, warn, error };

std::string_view to_text(LogLevel level);
/// "trace" and "debug", "info", "warn", "err" and "error", in any case.
std::optional<LogLevel> parse_log_level(std::string_view text);

/// One line, as listeners get it.
struct LogLine {
  std::chrono::sys_time<std::chrono::nanoseconds> time;
  LogLevel level = LogLevel::info;
  std::string_view name;     ///< e.g. "server.broker"; valid during the call
  std::string_view message;  ///< valid during the call
};

enum class LogFormat : std::uint8_t { text, json };

/// "2026-11-24T09:52:00.123Z [WARN]  server.broker: …", or the same as one JSON object. No newline.
std::string format_line(const LogLine& line, LogFormat format);

struct LogOptions {
  LogLevel level = LogLevel::info;
  LogFormat format = LogFormat::text;
  bool to_stderr = true;
  std::string file;                            ///< empty: none
  std::size_t rotate_bytes = 64 << 20;         ///< the file is renamed to NAME.1.EXT and begun anew
  std::size_t rotate_files_max = 8;            ///< older ones are removed
  std::function<std::chrono::sys_time<std::chrono::nanoseconds>()> clock;  ///< empty: the machine's
};

/// Where a process's lines go: standard error, a file, listeners. Made once in main (or a test). Any thread.
class LogHub {
 public:
  static constexpr std::size_t listeners_max = 64;

  /// Fails when the file cannot be opened.
  static Result<std::shared_ptr<LogHub>> open(LogOptions options);
  /// Only listeners, for tests and the simulator.
  static std::shared_ptr<LogHub> silent(LogOptions options = {});
  LogHub(const LogHub&) = delete;
  LogHub& operator=(const LogHub&) = delete;
  ~LogHub();

  void set_level(LogLevel level);
  /// Whether a line of that level would reach anyone.
  bool wants(LogLevel level) const;
  void write(LogLevel level, std::string_view name, std::string_view message);

  /// Calls `listener` with each line of `level` and above (also below the hub's own level) on the thread that logs,
  /// until the returned handle is dropped; null when there are listeners_max. It must be quick and log nothing itself.
  std::shared_ptr<void> listen(LogLevel level, std::function<void(const LogLine&)> listener);

 private:
  struct Impl;
  explicit LogHub(std::shared_ptr<Impl> impl);
  std::shared_ptr<Impl> impl_;  // shared with the handles of listeners
};

/// A name under which an object logs; copies freely. One line an event, fields as key=value:
///
///   log_.warn("agent lost, rescheduling its allocations: node={} silent_for={}", id, silence);
///
/// A default-made Log drops everything. Arguments are formatted only if the line is wanted.
class Log {
 public:
  Log() = default;
  explicit Log(std::shared_ptr<LogHub> hub, std::string name = {}) : hub_(std::move(hub)), name_(std::move(name)) {}

  /// The same for a part: Log("server").with("broker") logs as "server.broker".
  Log with(std::string_view part) const;
  const std::shared_ptr<LogHub>& hub() const { return hub_; }

  template <class... Args>
  void debug(fmt::format_string<Args...> format, Args&&... args) const {
    log(LogLevel::debug, fmt::string_view(format), fmt::make_format_args(args...));
  }
  template <class... Args>
  void info(fmt::format_string<Args...> format, Args&&... args) const {
    log(LogLevel::info, fmt::string_view(format), fmt::make_format_args(args...));
  }
  template <class... Args>
  void warn(fmt::format_string<Args...> format, Args&&... args) const {
    log(LogLevel::warn, fmt::string_view(format), fmt::make_format_args(args...));
  }
  template <class... Args>
  void error(fmt::format_string<Args...> format, Args&&... args) const {
    log(LogLevel::error, fmt::string_view(format), fmt::make_format_args(args...));
  }

 private:
  void log(LogLevel level, fmt::string_view format, fmt::format_args args) const;

  std::shared_ptr<LogHub> hub_;
  std::string name_;
};

}  // namespace drover
