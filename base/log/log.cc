#include "base/log/log.h"

#include <fmt/chrono.h>
#include <spdlog/logger.h>
#include <spdlog/pattern_formatter.h>
#include <spdlog/sinks/rotating_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>

#include <algorithm>
#include <atomic>
#include <mutex>
#include <vector>

#include "base/json/text.h"

namespace drover {

namespace {

struct Listener {
  std::uint64_t id;
  LogLevel level;
  std::function<void(const LogLine&)> call;
};

spdlog::level::level_enum spdlog_level(LogLevel level) {
  constexpr spdlog::level::level_enum levels[] = {spdlog::level::debug, spdlog::level::info, spdlog::level::warn, spdlog::level::err};
  return levels[static_cast<std::size_t>(level)];
}

std::string stamp(std::chrono::sys_time<std::chrono::nanoseconds> time) {
  const auto second = std::chrono::floor<std::chrono::seconds>(time);
  const auto milliseconds = std::chrono::duration_cast<std::chrono::milliseconds>(time - second).count();
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}.{:03}Z", second, milliseconds);
}

/// One line stays one line, whatever was put into it.
void append_one_line(std::string& out, std::string_view message) {
  for (const char c : message) {
    if (c == '\n') {
      out += "\\n";
    } else if (c == '\r') {
      out += "\\r";
    } else {
      out += c;
    }
  }
}

}  // namespace

std::string_view to_text(LogLevel level) {
  constexpr std::string_view names[] = {"debug", "info", "warn", "error"};
  return names[static_cast<std::size_t>(level)];
}

std::optional<LogLevel> parse_log_level(std::string_view text) {
  std::string lower(text);
  std::ranges::transform(lower, lower.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; });
  if (lower == "trace" || lower == "debug") return LogLevel::debug;
  if (lower == "info") return LogLevel::info;
  if (lower == "warn") return LogLevel::warn;
  if (lower == "err" || lower == "error") return LogLevel::error;
  return std::nullopt;
}

std::string format_line(const LogLine& line, LogFormat format) {
  constexpr std::string_view tags[] = {"[DEBUG]", "[INFO] ", "[WARN] ", "[ERROR]"};
  std::string out;
  if (format == LogFormat::text) {
    out = stamp(line.time);
    out.append(" ").append(tags[static_cast<std::size_t>(line.level)]).append(" ");
    if (!line.name.empty()) out.append(line.name).append(": ");
    append_one_line(out, line.message);
    return out;
  }
  out = "{\"@level\":\"";
  out.append(to_text(line.level)).append("\",\"@message\":");
  json::append_quoted(out, line.message);
  out += ",\"@module\":";
  json::append_quoted(out, line.name);
  out.append(",\"@timestamp\":\"").append(stamp(line.time)).append("\"}");
  return out;
}

struct LogHub::Impl {
  LogOptions options;
  std::unique_ptr<spdlog::logger> logger;  ///< null: only listeners
  std::atomic<LogLevel> level{LogLevel::info};
  std::atomic<LogLevel> lowest_listened{LogLevel::error};
  std::atomic<bool> listened = false;
  std::mutex mutex;
  std::vector<Listener> listeners;
  std::uint64_t listeners_made = 0;

  void note_listeners() {
    listened = !listeners.empty();
    LogLevel lowest = LogLevel::error;
    for (const Listener& listener : listeners) lowest = std::min(lowest, listener.level);
    lowest_listened = lowest;
  }
};

LogHub::LogHub(std::shared_ptr<Impl> impl) : impl_(std::move(impl)) { impl_->level = impl_->options.level; }
LogHub::~LogHub() = default;

std::shared_ptr<LogHub> LogHub::silent(LogOptions options) {
  auto impl = std::make_shared<Impl>();
  impl->options = std::move(options);
  return std::shared_ptr<LogHub>(new LogHub(std::move(impl)));
}

Result<std::shared_ptr<LogHub>> LogHub::open(LogOptions options) {
  auto impl = std::make_shared<Impl>();
  impl->logger = std::make_unique<spdlog::logger>("drover");
  if (options.to_stderr) impl->logger->sinks().push_back(std::make_shared<spdlog::sinks::stderr_sink_mt>());
  if (!options.file.empty()) {
    try {
      impl->logger->sinks().push_back(
          std::make_shared<spdlog::sinks::rotating_file_sink_mt>(options.file, options.rotate_bytes, options.rotate_files_max));
    } catch (const spdlog::spdlog_ex& exception) {
      return fail(Code::unavailable, "open log file '{}': {}", options.file, exception.what());
    }
  }
  impl->logger->set_pattern("%v");
  impl->logger->set_level(spdlog::level::trace);
  impl->logger->flush_on(spdlog::level::trace);
  impl->options = std::move(options);
  return std::shared_ptr<LogHub>(new LogHub(std::move(impl)));
}

void LogHub::set_level(LogLevel level) { impl_->level = level; }

bool LogHub::wants(LogLevel level) const {
  return (impl_->logger && level >= impl_->level) || (impl_->listened && level >= impl_->lowest_listened);
}

void LogHub::write(LogLevel level, std::string_view name, std::string_view message) {
  const auto now = impl_->options.clock ? impl_->options.clock() : std::chrono::sys_time<std::chrono::nanoseconds>(spdlog::log_clock::now());
  const LogLine line{now, level, name, message};
  if (impl_->logger && level >= impl_->level) {
    const std::string text = format_line(line, impl_->options.format);
    impl_->logger->log(spdlog_level(level), spdlog::string_view_t(text.data(), text.size()));
  }
  if (!impl_->listened) return;
  const std::lock_guard lock(impl_->mutex);
  for (const Listener& listener : impl_->listeners) {
    if (level >= listener.level) listener.call(line);
  }
}

std::shared_ptr<void> LogHub::listen(LogLevel level, std::function<void(const LogLine&)> listener) {
  const std::lock_guard lock(impl_->mutex);
  if (impl_->listeners.size() >= listeners_max) return nullptr;
  const std::uint64_t id = ++impl_->listeners_made;
  impl_->listeners.push_back(Listener{id, level, std::move(listener)});
  impl_->note_listeners();
  return std::shared_ptr<void>(impl_.get(), [impl = impl_, id](void*) {  // not null: null says that there is no room
    const std::lock_guard unlisten_lock(impl->mutex);
    std::erase_if(impl->listeners, [id](const Listener& each) { return each.id == id; });
    impl->note_listeners();
  });
}

Log Log::with(std::string_view part) const {
  std::string name = name_;
  if (!name.empty()) name += '.';
  name += part;
  return Log(hub_, std::move(name));
}

void Log::log(LogLevel level, fmt::string_view format, fmt::format_args args) const {
  if (!hub_ || !hub_->wants(level)) return;
  hub_->write(level, name_, fmt::vformat(format, args));
}

}  // namespace drover
