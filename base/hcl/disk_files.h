#pragma once

#include <string>

#include "base/hcl/function.h"

namespace drover::hcl {

/// Files of the machine, relative paths from a base folder.
class DiskFiles final : public Files {
 public:
  /// `home` is what "~" stands for; may be empty: then it cannot be expanded.
  DiskFiles(std::string base, std::string home) : base_(std::move(base)), home_(std::move(home)) {}

  Result<std::string> read(std::string_view path) override;
  Result<bool> exists(std::string_view path) override;
  Result<std::vector<std::string>> match(std::string_view folder, std::string_view pattern) override;
  Result<std::string> absolute(std::string_view path) override;
  Result<std::string> home() override;

 private:
  std::string located(std::string_view path) const;

  std::string base_;
  std::string home_;
};

/// Whether a relative path fits a pattern of `*`, `?`, `[a-z]` (within one part), `{a,b}` and `**` (any parts).
bool path_matches(std::string_view path, std::string_view pattern);

}  // namespace drover::hcl
