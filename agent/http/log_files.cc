#include "agent/http/log_files.h"

#include <charconv>

namespace drover::agent {

std::optional<std::uint64_t> log_index(std::string_view name, std::string_view prefix) {
  if (!name.starts_with(prefix)) return std::nullopt;
  name.remove_prefix(prefix.size());
  std::uint64_t index = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), index);
  if (name.empty() || error != std::errc() || end != name.data() + name.size()) return std::nullopt;
  return index;
}

LogPlace find_place(const std::vector<LogFile>& files, std::uint64_t offset, bool from_end) {
  if (files.empty()) return {};
  if (from_end) {
    std::uint64_t total = 0;
    for (const LogFile& file : files) total += file.size;
    offset = offset < total ? total - offset : 0;
  }
  for (std::size_t i = 0; i < files.size(); ++i) {
    const bool last = i + 1 == files.size();
    if (offset < files[i].size || last) return {files[i].index, offset < files[i].size ? offset : files[i].size};
    offset -= files[i].size;
  }
  return {};
}

}  // namespace drover::agent
