#pragma once

#include <string>

#include "base/hcl/ast.h"

namespace drover::hcl {

/// The tree as text, one line, without places: two texts that mean the same and differ in layout alone give the same.
/// For tests, and for seeing what was understood.
std::string tree_text(const Expression& expression);
std::string tree_text(const Body& body);

}  // namespace drover::hcl
