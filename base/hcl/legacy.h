#pragma once

#include <string>

#include "base/hcl/json_body.h"

/// The first version of the language, which agent files are written in: no expressions, no templates. Keys may be
/// quoted, `a { }` and `a = { }` are the same, commas between entries may be left out or not.
namespace drover::hcl {

/// Reads such a file into the same tree as a JSON file: a block is an object, each of its labels an object around it.
/// Repeated names stay repeated. Any bytes are fine as input.
JsonFile parse_legacy_file(std::string name, std::string text, Diagnostics& out);

}  // namespace drover::hcl
