#pragma once

#include <drover/result.h>

#include <string>

#include "base/value/value.h"
#include "sdk/proto/hclspec.pb.h"

namespace drover::host {

/// A configuration given its form by a driver's schema: every member present, absent ones null or default, members sorted,
/// types converted. Blocks may be maps or lists of maps, as job files and JSON give them. An error names the place:
/// "config.auth.username: …".
Result<Value> apply_spec(const hashicorp::nomad::plugins::shared::hclspec::Spec& spec, const Value& config,
                         const std::string& path);

/// Checks a schema itself: type expressions, names, literals.
Result<void> check_spec(const hashicorp::nomad::plugins::shared::hclspec::Spec& spec);

}  // namespace drover::host
