#pragma once

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <string>

#include <boost/json.hpp>
#include <catch2/catch.hpp>

#include "tests/paths.h"

/// Recorded answers of the program we are compatible with, for tests of our own meaning of them.
namespace drover::tests {

inline std::filesystem::path recorded_dir() {
  const char* given = std::getenv("DROVER_SHARED");
  return given ? std::filesystem::path(given) : source_dir().parent_path() / "shared";
}

/// The folder of that name, or, where it is absent, an empty path and a warning that nothing was run.
inline std::filesystem::path recorded_or_skip(std::string_view name) {
  const auto folder = recorded_dir() / name;
  if (std::filesystem::exists(folder)) return folder;
  WARN("not run: recorded answers are absent (" << folder << "; set DROVER_SHARED)");
  return {};
}

inline std::optional<boost::json::value> recorded_json(const std::filesystem::path& path) {
  std::ifstream file(path);
  if (!file) return {};
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  boost::json::error_code problem;
  auto value = boost::json::parse(text, problem);
  if (problem) return {};
  return value;
}

/// null, empty lists and empty objects say the same as a missing member.
inline bool says_nothing(const boost::json::value& value) {
  return value.is_null() || (value.is_array() && value.get_array().empty()) || (value.is_object() && value.get_object().empty());
}

/// "", 0 and false too: for what leaves out its default values.
inline bool is_default(const boost::json::value& value) {
  return says_nothing(value) || value == "" || value == false || value == 0;
}

/// Where `got` says something else than `want`; empty when nowhere. Members of `got` that `want` lacks do not count.
inline std::string first_difference(const boost::json::value& want, const boost::json::value& got, const std::string& place) {
  if (says_nothing(want)) return says_nothing(got) ? "" : place + ": want nothing, got " + boost::json::serialize(got);
  if (want.is_object() && got.is_object()) {
    for (const auto& member : want.get_object()) {
      const auto* other = got.get_object().if_contains(member.key());
      const auto problem =
          first_difference(member.value(), other ? *other : boost::json::value(), place + '.' + std::string(member.key()));
      if (!problem.empty()) return problem;
    }
    return {};
  }
  if (want.is_array() && got.is_array() && want.get_array().size() == got.get_array().size()) {
    for (std::size_t i = 0; i < want.get_array().size(); ++i) {
      const auto problem = first_difference(want.get_array()[i], got.get_array()[i], place + '[' + std::to_string(i) + ']');
      if (!problem.empty()) return problem;
    }
    return {};
  }
  return want == got ? "" : place + ": want " + boost::json::serialize(want) + ", got " + boost::json::serialize(got);
}

}  // namespace drover::tests
