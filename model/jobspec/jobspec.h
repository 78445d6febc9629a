#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/hcl/diagnostic.h"
#include "base/hcl/function.h"
#include "model/fwd.h"

/// Job files: HCL or its JSON form, to a job message as it was written (defaults are canonicalize()'s).
namespace drover::model {

/// A text that sets variables, with the name that messages use for it.
struct VariableFile {
  std::string name;
  std::string text;
};

struct JobspecOptions {
  std::vector<std::pair<std::string, std::string>> environment;  ///< variable → text: NOMAD_VAR_… and DROVER_VAR_…, without the prefix
  std::vector<VariableFile> variable_files;                      ///< in order, later ones win
  std::vector<std::string> variables;                            ///< "name=value", later ones win over everything
  bool strict = true;            ///< a value for a variable that is not declared is an error, not a warning
  Random* random = nullptr;      ///< for uuidv4(), bcrypt(); without it these fail
  hcl::Files* files = nullptr;   ///< for file() and the like; without it these fail
};

struct ParsedJob {
  std::shared_ptr<Job> job;        ///< null where there is an error
  hcl::Diagnostics diagnostics;    ///< errors, warnings
  /// What no server will accept, with its place: a missing driver, a negative count. The job is there all the same.
  hcl::Diagnostics refusals;
};

/// Parses a job file. `name` is what messages call it. Any bytes are fine as input.
ParsedJob parse_job(std::string text, std::string name, const JobspecOptions& options);

}  // namespace drover::model
