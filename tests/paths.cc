#include "tests/paths.h"

namespace drover::tests {

std::filesystem::path source_dir() { return DROVER_SOURCE_DIR; }
std::filesystem::path binary_dir() { return DROVER_BINARY_DIR; }

}  // namespace drover::tests
