#include "model/names.h"

#include <charconv>

namespace drover::model {

std::string alloc_name(std::string_view job, std::string_view group, std::uint32_t index) {
  std::string name;
  name.reserve(job.size() + group.size() + 14);
  name.append(job).append(1, '.').append(group).append(1, '[').append(std::to_string(index)).append(1, ']');
  return name;
}

std::optional<std::uint32_t> index_of_name(std::string_view name) {
  const auto open = name.rfind('[');
  if (open == std::string_view::npos || !name.ends_with(']')) return {};
  const auto digits = name.substr(open + 1, name.size() - open - 2);
  std::uint32_t index = 0;
  const auto [end, problem] = std::from_chars(digits.data(), digits.data() + digits.size(), index);
  if (problem != std::errc{} || digits.empty() || end != digits.data() + digits.size()) return {};
  return index;
}

bool matches_glob(std::string_view pattern, std::string_view value) {
  std::size_t p = 0;
  std::size_t v = 0;
  std::size_t star = std::string_view::npos;
  std::size_t retry = 0;
  while (v < value.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      retry = v;
    } else if (p < pattern.size() && pattern[p] == value[v]) {
      ++p;
      ++v;
    } else if (star != std::string_view::npos) {
      p = star + 1;  // let the star take one more
      v = ++retry;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

}  // namespace drover::model
