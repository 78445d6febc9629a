#pragma once

#include <string>

#include <drover/result.h>

/// Facts about program files. No thread, no state.
namespace drover {

/// Checks that a file can be executed here and says in one sentence why not: "is missing", "is a folder", "is not
/// executable", "is built for another machine (aarch64)", "is neither a program nor a script".
Result<void> check_executable(const std::string& path);

/// The folder that our own program's file is in (through /proc/self/exe), for finding what is installed beside it.
Result<std::string> own_program_folder();

}  // namespace drover
