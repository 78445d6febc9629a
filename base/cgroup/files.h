#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <drover/result.h>

/// Reading and writing the small files of control groups. Private to base/cgroup.
namespace drover::cgroup {

bool exists(const std::string& path);
/// Empty when it cannot be read.
std::string read_text(const std::string& path);
Result<void> write_text(const std::string& path, std::string_view value);

/// The file's only number; nothing when it is absent or not a number ("max").
std::optional<std::uint64_t> read_number(const std::string& path);
/// The number after `name` in a file of "name number" lines.
std::optional<std::uint64_t> find_number(const std::string& content, std::string_view name);

std::vector<std::string> words_of(const std::string& text);
/// Names of the folders in a folder, sorted.
std::vector<std::string> folders_in(const std::string& path);

}  // namespace drover::cgroup
