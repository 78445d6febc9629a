#pragma once

#include <drover/result.h>

#include <string>
#include <vector>

/// drover driver new: the project of a driver that builds, conforms and installs as it is.
namespace drover::cli {

struct ProjectFile {
  std::string path;  ///< relative
  std::string text;
  bool is_program = false;
};

/// The files of a driver of that name: lower case letters, digits, `_` and `-`, a letter first, at most 40. Debian's packages do not
/// know `_`: there it becomes `-`.
Result<std::vector<ProjectFile>> driver_project(const std::string& name);

}  // namespace drover::cli
