#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

/// Names of allocations.
namespace drover::model {

/// "job.group[3]".
std::string alloc_name(std::string_view job, std::string_view group, std::uint32_t index);

/// The 3 of "job.group[3]"; nothing when the name is none.
std::optional<std::uint32_t> index_of_name(std::string_view name);

/// Whether `value` matches a pattern with `*` (any text, also none): datacenters of a job.
bool matches_glob(std::string_view pattern, std::string_view value);

}  // namespace drover::model
