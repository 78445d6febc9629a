#pragma once

#include <cstdint>

namespace drover::server {

/// The number of a command in the journal. The first command is 1; 0 is "nothing yet".
using Index = std::uint64_t;

}  // namespace drover::server
