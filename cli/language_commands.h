#pragma once

#include <vector>

#include "cli/command.h"

namespace drover::cli {

/// lsp.
void add_language_commands(std::vector<Command>& rows);

}  // namespace drover::cli
