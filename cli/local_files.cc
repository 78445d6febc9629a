#include "cli/local_files.h"

#include <fnmatch.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <fstream>
#include <iterator>

namespace drover::cli {
namespace fs = std::filesystem;

Result<std::string> read_file(const fs::path& path, std::size_t bytes_max) {
  std::error_code problem;
  const fs::file_status status = fs::status(path, problem);
  if (!fs::exists(status)) return fail(Code::not_found, "open {}: no such file or directory", path.string());
  if (fs::is_directory(status)) return fail(Code::invalid, "read {}: is a directory", path.string());
  std::ifstream file(path, std::ios::binary);
  if (!file) return fail(Code::denied, "open {}: {}", path.string(), std::strerror(errno));
  std::string text;
  char buffer[64 * 1024];
  while (file.read(buffer, sizeof buffer) || file.gcount() > 0) {
    text.append(buffer, static_cast<std::size_t>(file.gcount()));
    if (text.size() > bytes_max) return fail(Code::exhausted, "read {}: larger than {} bytes", path.string(), bytes_max);
  }
  return text;
}

Result<std::string> LocalFiles::read(std::string_view path) { return read_file(fs::path(path)); }

Result<bool> LocalFiles::exists(std::string_view path) {
  std::error_code problem;
  const fs::file_status status = fs::status(fs::path(path), problem);
  if (!fs::exists(status)) return false;
  if (!fs::is_regular_file(status)) return fail(Code::invalid, "{} is not a regular file", path);
  return true;
}

Result<std::vector<std::string>> LocalFiles::match(std::string_view folder, std::string_view pattern) {
  std::vector<std::string> found;
  std::error_code problem;
  const bool deep = pattern.find("**") != std::string_view::npos;
  // fnmatch's "*" also crosses "/" without FNM_PATHNAME, which is what "**" means.
  const int flags = deep ? 0 : FNM_PATHNAME;
  for (fs::recursive_directory_iterator entry(fs::path(folder), problem), end; !problem && entry != end; entry.increment(problem)) {
    const std::string relative = entry->path().lexically_relative(fs::path(folder)).string();
    if (entry->is_regular_file() && fnmatch(std::string(pattern).c_str(), relative.c_str(), flags) == 0) found.push_back(relative);
  }
  if (problem) return fail(Code::invalid, "list {}: {}", folder, problem.message());
  std::ranges::sort(found);
  return found;
}

Result<std::string> LocalFiles::absolute(std::string_view path) {
  std::error_code problem;
  const fs::path whole = fs::absolute(fs::path(path), problem);
  if (problem) return fail(Code::invalid, "{}: {}", path, problem.message());
  return whole.lexically_normal().string();
}

Result<std::string> LocalFiles::home() {
  if (home_.empty()) return fail(Code::not_found, "HOME is not set");
  return home_;
}

}  // namespace drover::cli
