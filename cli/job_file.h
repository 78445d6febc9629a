#pragma once

#include <drover/result.h>

#include <string>

#include "cli/command.h"

namespace drover::cli {

/// A job as it is sent to the server: its JSON text, and the file it came from.
struct JobFile {
  std::string job_json;  ///< the job object, not wrapped
  std::string source;    ///< the text of the file
  std::string format;    ///< "hcl2" or "json"
};

/// Reads a job file ("-" = standard input), HCL or with -json JSON, with the -var, -var-file flags and NOMAD_VAR_
/// variables of the call. Every problem is in the error, one a line, with file, line and column.
Result<JobFile> read_job_file(Context& context, const std::string& path);

/// Everything that a server would refuse in the job, found without one: "" when nothing is.
Result<std::string> offline_problems(const JobFile& file);

extern const std::vector<Flag> job_file_flags;

}  // namespace drover::cli
