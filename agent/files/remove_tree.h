#pragma once

#include <string>

#include <drover/result.h>

namespace drover::agent {

/// Deletes a folder and everything in it, by descriptors: follows no link, crosses no mount (such a folder stays, and
/// the error names it), and copes with any depth. What is not there is deleted already. Blocks.
Result<void> remove_tree(const std::string& path);

}  // namespace drover::agent
