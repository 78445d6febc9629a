#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace drover::agent {

/// One file of a rotated log: "<task>.stdout.<index>".
struct LogFile {
  std::uint64_t index = 0;
  std::uint64_t size = 0;

  friend bool operator==(const LogFile&, const LogFile&) = default;
};

/// Where in a log to begin: in the file of that index, at that byte.
struct LogPlace {
  std::uint64_t index = 0;
  std::uint64_t offset = 0;

  friend bool operator==(const LogPlace&, const LogPlace&) = default;
};

/// The index in a file's name after `prefix` ("server.stdout."); nothing for other names.
std::optional<std::uint64_t> log_index(std::string_view name, std::string_view prefix);

/// `offset` bytes from the beginning of all files taken together, or before their end. `files` are sorted by index.
LogPlace find_place(const std::vector<LogFile>& files, std::uint64_t offset, bool from_end);

}  // namespace drover::agent
