#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace drover::hcl {

/// "1h30m", "-1.5s", "300ms", "0": signed decimal numbers with the units ns, us, µs, ms, s, m, h. In nanoseconds;
/// nothing where it is not written so or does not fit.
std::optional<std::int64_t> parse_duration(std::string_view text);

}  // namespace drover::hcl
