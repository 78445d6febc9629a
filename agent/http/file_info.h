#pragma once

#include <sys/stat.h>

#include <cstdint>
#include <string>
#include <string_view>

#include "base/value/value.h"

namespace drover::agent {

/// A file as the fs endpoints show it.
struct FileInfo {
  std::string name;
  bool is_dir = false;
  std::int64_t size = 0;
  std::string mode;  ///< "-rw-r--r--", "drwxrwxrwx", "prw-------"
  std::int64_t modified_ns = 0;
  std::string content_type;
};

FileInfo make_file_info(std::string name, const struct stat& status);
/// The letters that Go prints for a mode.
std::string format_mode(mode_t mode);
/// "2026-11-24T10:00:00.123Z"
std::string format_time(std::int64_t ns);
/// By what the file begins with, and its name.
std::string guess_content_type(std::string_view name, std::string_view beginning);

Value to_value(const FileInfo& info);

}  // namespace drover::agent
