#pragma once

#include <filesystem>

#include "base/hcl/function.h"

namespace drover::cli {

/// The files that functions of a job file read: relative paths start where the command was called.
class LocalFiles final : public hcl::Files {
 public:
  explicit LocalFiles(std::string home) : home_(std::move(home)) {}

  Result<std::string> read(std::string_view path) override;
  Result<bool> exists(std::string_view path) override;
  Result<std::vector<std::string>> match(std::string_view folder, std::string_view pattern) override;
  Result<std::string> absolute(std::string_view path) override;
  Result<std::string> home() override;

 private:
  std::string home_;
};

/// A file's text; at most `bytes_max`. The error says what the system says.
constexpr std::size_t file_bytes_max = 50u << 20;
Result<std::string> read_file(const std::filesystem::path& path, std::size_t bytes_max = file_bytes_max);

}  // namespace drover::cli
