#pragma once

#include <optional>
#include <string>

#include "base/hcl/diagnostic.h"
#include "base/value/value.h"

/// Files that describe what is no job: access policies, namespaces, node pools, quotas, volumes, variables. Read with the
/// language of job files, without variables and functions, by one table (spec_table.h). Pure, any thread.
namespace drover::model {

enum class SpecKind : std::uint8_t { acl_policy, name_space, node_pool, quota, volume, variable };

struct ParsedSpec {
  std::optional<Value> object;   ///< as the HTTP API's JSON; nothing where there is an error
  hcl::Diagnostics diagnostics;  ///< every mistake, with its place
};

/// `name` is what messages call the file. HCL, or its JSON form. Any bytes are fine as input.
ParsedSpec parse_spec(SpecKind kind, std::string text, std::string name);

}  // namespace drover::model
