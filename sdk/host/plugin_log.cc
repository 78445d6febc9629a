#include "sdk/host/plugin_log.h"

#include <algorithm>
#include <cctype>
#include <optional>
#include <string_view>

#include "base/json/json.h"

namespace drover::host {
namespace {

std::optional<PluginLevel> level_named(std::string name) {
  std::transform(name.begin(), name.end(), name.begin(), [](unsigned char c) { return std::tolower(c); });
  if (name == "trace") return PluginLevel::trace;
  if (name == "debug") return PluginLevel::debug;
  if (name == "info") return PluginLevel::info;
  if (name == "warn") return PluginLevel::warn;
  if (name == "error") return PluginLevel::error;
  return std::nullopt;
}

std::string shown_value(const Value& value) { return value.is_text() ? value.text() : json::write(value); }

std::optional<PluginLogLine> from_json(const std::string& line) {
  if (!line.starts_with('{')) return std::nullopt;
  const Result<Value> parsed = json::parse(line);
  if (!parsed || !parsed->is_map()) return std::nullopt;
  const Value* level = parsed->find("@level");
  const Value* message = parsed->find("@message");
  if (level == nullptr || !level->is_text() || message == nullptr || !message->is_text()) return std::nullopt;
  const auto known = level_named(level->text());
  if (!known) return std::nullopt;

  PluginLogLine read{*known, message->text(), {}};
  for (const auto& [key, value] : parsed->members()) {
    if (key == "@level" || key == "@message" || key == "@timestamp" || key == "@module") continue;
    read.fields.emplace_back(key, shown_value(value));
  }
  return read;
}

}  // namespace

std::string PluginLogLine::text() const {
  std::string out = message;
  for (const auto& [key, value] : fields) out += " " + key + "=" + value;
  return out;
}

PluginLogLine PluginLogReader::read(const std::string& line) {
  if (const auto json = from_json(line)) return *json;
  for (const auto& [tag, level] : std::initializer_list<std::pair<std::string_view, PluginLevel>>{
           {"[TRACE]", PluginLevel::trace},
           {"[DEBUG]", PluginLevel::debug},
           {"[INFO]", PluginLevel::info},
           {"[WARN]", PluginLevel::warn},
           {"[ERROR]", PluginLevel::error}}) {
    if (line.starts_with(tag)) return {level, line, {}};
  }
  if (line.starts_with("panic: ") || line.starts_with("fatal error: ")) panicking_ = true;
  return {panicking_ ? PluginLevel::error : PluginLevel::debug, line, {}};
}

}  // namespace drover::host
