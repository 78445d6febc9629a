#include "base/cgroup/files.h"

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

namespace drover::cgroup {

namespace {

std::optional<std::uint64_t> to_number(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc{} || (end != text.data() + text.size() && *end != '\n')) return std::nullopt;
  return value;
}

}  // namespace

bool exists(const std::string& path) {
  std::error_code ignored;
  return std::filesystem::exists(path, ignored);
}

std::string read_text(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream content;
  if (file) content << file.rdbuf();
  return content.str();
}

Result<void> write_text(const std::string& path, std::string_view value) {
  const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
  if (fd < 0) return fail(errno == ENOENT ? Code::not_found : errno == EACCES || errno == EROFS ? Code::denied : Code::internal, "open {}: {}", path, std::strerror(errno));
  const ssize_t put = ::write(fd, value.data(), value.size());
  const int error = errno;
  ::close(fd);
  if (put < 0) return fail(Code::internal, "write '{}' into {}: {}", value, path, std::strerror(error));
  return {};
}

std::optional<std::uint64_t> read_number(const std::string& path) { return to_number(read_text(path)); }

std::optional<std::uint64_t> find_number(const std::string& content, std::string_view name) {
  for (std::size_t at = 0; at < content.size();) {
    const std::size_t end = std::min(content.find('\n', at), content.size());
    const std::string_view line(content.data() + at, end - at);
    if (line.size() > name.size() && line.starts_with(name) && line[name.size()] == ' ') return to_number(line.substr(name.size() + 1));
    at = end + 1;
  }
  return std::nullopt;
}

std::vector<std::string> words_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> words;
  for (std::string word; stream >> word;) words.push_back(word);
  return words;
}

std::vector<std::string> folders_in(const std::string& path) {
  std::vector<std::string> names;
  std::error_code error;
  for (std::filesystem::directory_iterator at(path, error), end; !error && at != end; at.increment(error)) {
    std::error_code ignored;
    if (at->is_directory(ignored) && !at->is_symlink(ignored)) names.push_back(at->path().filename().string());
  }
  std::sort(names.begin(), names.end());
  return names;
}

}  // namespace drover::cgroup
