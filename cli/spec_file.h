#pragma once

#include <drover/result.h>

#include <string>

#include "base/value/value.h"
#include "model/spec_files/spec_files.h"

namespace drover::cli {

/// Reads a file that describes what is no job ("-" = standard input): HCL, or with `is_json` the API's object as it is.
/// Every mistake is in the error, with file, line, column and a caret.
Result<Value> read_spec_file(model::SpecKind kind, const std::string& path, bool is_json);

}  // namespace drover::cli
