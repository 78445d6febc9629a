#pragma once

#include <string_view>

#include <drover/result.h>

#include "base/hcl/datum.h"

namespace drover::hcl {

/// So many values may come of one YAML text, those that aliases repeat counted each time.
constexpr int yaml_values_max = 100'000;
/// Lists and maps may be nested so deep.
constexpr int yaml_depth_max = 100;

/// Reads one YAML document. Lists become tuples, maps objects; keys become text. Plain words mean what YAML 1.1 says
/// (yes, off, ~), but numbers have no underscores and no base 60. Any bytes are fine as input.
Result<Datum> read_yaml(std::string_view text);

}  // namespace drover::hcl
