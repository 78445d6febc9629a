#pragma once

#include <vector>

#include "base/value/value.h"
#include "cli/command.h"

namespace drover::cli {

/// A JSON Schema (draft 2020-12) of job files in JSON syntax, from the table that job files are read by. Each property
/// names the member of the API's JSON that it becomes, as "x-api".
Value job_file_schema();

/// job schema.
void add_job_schema_commands(std::vector<Command>& rows);

}  // namespace drover::cli
