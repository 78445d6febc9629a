#pragma once

#include <vector>

namespace drover::cli {

struct Command;

/// drover driver list|inspect|run|trace|attach: drivers of this machine, without any cluster.
void add_driver_commands(std::vector<Command>& rows);

}  // namespace drover::cli
