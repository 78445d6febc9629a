#include "sdk/shim/spec_file.h"

#include <algorithm>

namespace drover::sdk::shim {

void SpecText::add(std::string_view key, std::string_view value) {
  valid_ = valid_ && value.find('\0') == std::string_view::npos;
  bytes_.append(key).push_back('\0');
  bytes_.append(value).push_back('\0');
}

Result<SpecEntries> parse_spec(std::string_view bytes) {
  SpecEntries entries;
  while (!bytes.empty()) {
    const auto key_end = bytes.find('\0');
    const auto value_end = key_end == std::string_view::npos ? key_end : bytes.find('\0', key_end + 1);
    if (value_end == std::string_view::npos) return fail(Code::invalid, "the spec of a process ends within an entry");
    entries.emplace_back(bytes.substr(0, key_end), bytes.substr(key_end + 1, value_end - key_end - 1));
    bytes.remove_prefix(value_end + 1);
  }
  return entries;
}

std::string value_of(const SpecEntries& entries, std::string_view key) {
  const auto found = std::find_if(entries.begin(), entries.end(), [key](const auto& entry) { return entry.first == key; });
  return found == entries.end() ? std::string() : found->second;
}

std::vector<std::string> values_of(const SpecEntries& entries, std::string_view key) {
  std::vector<std::string> values;
  for (const auto& [name, value] : entries)
    if (name == key) values.push_back(value);
  return values;
}

std::string line_value(std::string_view content, std::string_view name) {
  while (!content.empty()) {
    const std::string_view line = content.substr(0, content.find('\n'));
    if (line.size() > name.size() && line.starts_with(name) && line[name.size()] == '=') return std::string(line.substr(name.size() + 1));
    content.remove_prefix(std::min(content.size(), line.size() + 1));
  }
  return {};
}

}  // namespace drover::sdk::shim
