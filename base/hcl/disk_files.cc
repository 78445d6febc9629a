#include "base/hcl/disk_files.h"

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/hcl/functions_impl.h"

namespace drover::hcl {
namespace {

namespace fs = std::filesystem;

/// A folder with more files than this is not searched.
constexpr std::size_t found_files_max = 100'000;

bool class_matches(char c, std::string_view set) {
  const bool negated = set.starts_with('^') || set.starts_with('!');
  if (negated) set.remove_prefix(1);
  bool in = false;
  for (std::size_t i = 0; i < set.size(); ++i) {
    if (i + 2 < set.size() && set[i + 1] == '-') {
      in = in || (c >= set[i] && c <= set[i + 2]);
      i += 2;
    } else {
      in = in || c == set[i];
    }
  }
  return in != negated;
}

/// A pattern is short; a hostile one is given up after so many steps.
constexpr int match_steps_max = 100'000;

bool matches(std::string_view path, std::string_view pattern, int& steps) {
  if (++steps > match_steps_max) return false;
  while (!pattern.empty()) {
    if (pattern.starts_with("**")) {
      std::string_view rest = pattern.substr(2);
      if (rest.starts_with('/')) rest.remove_prefix(1);
      for (std::size_t i = 0; i <= path.size(); ++i)
        if ((i == 0 || path[i - 1] == '/' || rest.empty()) && matches(path.substr(i), rest, steps)) return true;
      return false;
    }
    if (pattern[0] == '*') {
      for (std::size_t i = 0; i <= path.size(); ++i) {
        if (matches(path.substr(i), pattern.substr(1), steps)) return true;
        if (i < path.size() && path[i] == '/') return false;
      }
      return false;
    }
    if (pattern[0] == '{') {
      const std::size_t end = pattern.find('}');
      if (end == std::string_view::npos) return false;
      std::string_view choices = pattern.substr(1, end - 1);
      for (;;) {
        const std::size_t comma = std::min(choices.find(','), choices.size());
        if (matches(path, std::string(choices.substr(0, comma)).append(pattern.substr(end + 1)), steps)) return true;
        if (comma == choices.size()) return false;
        choices.remove_prefix(comma + 1);
      }
    }
    if (path.empty()) return false;
    if (pattern[0] == '[' && pattern.find(']', 1) != std::string_view::npos) {
      const std::size_t end = pattern.find(']', 1);
      if (path[0] == '/' || !class_matches(path[0], pattern.substr(1, end - 1))) return false;
      pattern.remove_prefix(end + 1);
    } else if (pattern[0] == '?' ? path[0] == '/' : path[0] != pattern[0]) {
      return false;
    } else {
      pattern.remove_prefix(1);
    }
    path.remove_prefix(1);
  }
  return path.empty();
}

}  // namespace

bool path_matches(std::string_view path, std::string_view pattern) {
  int steps = 0;
  return matches(path, pattern, steps);
}

std::string DiskFiles::located(std::string_view path) const {
  std::string out(path);
  if (!home_.empty() && (out == "~" || out.starts_with("~/"))) out = home_ + out.substr(1);
  return (fs::path(base_) / out).string();
}

Result<std::string> DiskFiles::read(std::string_view path) {
  const std::string at = located(path);
  std::error_code error;
  const fs::file_status status = fs::status(at, error);
  if (!fs::exists(status)) return fail(Code::not_found, "no file exists at {}", path);
  if (!fs::is_regular_file(status)) return fail(Code::invalid, "{} is not a regular file", path);
  if (fs::file_size(at, error) > detail::text_bytes_max) return fail(Code::exhausted, "{} is longer than {} bytes", path, detail::text_bytes_max);
  std::ifstream in(at, std::ios::binary);
  if (!in) return fail(Code::denied, "cannot open {}", path);
  return std::string(std::istreambuf_iterator<char>(in), {});
}

Result<bool> DiskFiles::exists(std::string_view path) {
  std::error_code error;
  const fs::file_status status = fs::status(located(path), error);
  if (!fs::exists(status)) return false;
  if (!fs::is_regular_file(status)) return fail(Code::invalid, "{} is not a regular file", path);
  return true;
}

Result<std::vector<std::string>> DiskFiles::match(std::string_view folder, std::string_view pattern) {
  std::vector<std::string> out;
  std::error_code error;
  const fs::path base = located(folder);
  std::size_t seen = 0;
  for (fs::recursive_directory_iterator at(base, error), end; !error && at != end; at.increment(error)) {
    if (++seen > found_files_max) return fail(Code::exhausted, "{} holds more than {} files", folder, found_files_max);
    std::error_code ignored;
    const std::string relative = at->path().lexically_relative(base).generic_string();
    if (at->is_regular_file(ignored) && path_matches(relative, pattern)) out.push_back(relative);
  }
  std::sort(out.begin(), out.end());
  return out;
}

Result<std::string> DiskFiles::absolute(std::string_view path) {
  std::string out = fs::absolute(located(path)).lexically_normal().generic_string();
  while (out.size() > 1 && out.ends_with('/')) out.pop_back();
  return out;
}

Result<std::string> DiskFiles::home() {
  if (home_.empty()) return fail(Code::not_found, "the home folder is not known");
  return home_;
}

}  // namespace drover::hcl
