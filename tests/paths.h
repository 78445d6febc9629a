#pragma once

#include <filesystem>

/// Where the checkout and the build tree are, for tests only.
namespace drover::tests {

std::filesystem::path source_dir();
/// build/<preset>: holds bin/, libexec/drover/, lib/drover/plugins/.
std::filesystem::path binary_dir();

}  // namespace drover::tests
