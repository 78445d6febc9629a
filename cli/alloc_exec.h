#pragma once

#include <vector>

#include "cli/command.h"

namespace drover::cli {

/// alloc exec and its short form.
void add_alloc_exec_commands(std::vector<Command>& rows);

}  // namespace drover::cli
