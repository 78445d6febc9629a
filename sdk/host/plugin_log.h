#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

namespace drover::host {

enum class PluginLevel : std::uint8_t { trace, debug, info, warn, error };

/// One line of a plugin's standard error, understood.
struct PluginLogLine {
  PluginLevel level = PluginLevel::debug;
  std::string message;
  std::vector<std::pair<std::string, std::string>> fields;  ///< further members, in their order

  /// "message key=value …", for a log.
  std::string text() const;
  friend bool operator==(const PluginLogLine&, const PluginLogLine&) = default;
};

/// Understands JSON lines, "[WARN] …" tags, and the last words of a crashing Go program; everything else is debug.
class PluginLogReader {
 public:
  PluginLogLine read(const std::string& line);

 private:
  bool panicking_ = false;
};

}  // namespace drover::host
