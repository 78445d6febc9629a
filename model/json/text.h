#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/json/text.h"

/// The small texts that JSON of /v1 is made of: quoted strings, numbers, base64, times and durations, as Go writes them.
namespace drover::model {

using json::append_integer;
using json::append_quoted;
using json::append_real;

void append_base64(std::string& out, std::string_view bytes);
/// Empty when the text is not base64 (with padding).
std::optional<std::string> parse_base64(std::string_view text);

/// "2026-11-24T09:52:00.5Z" from nanoseconds since 1970; UTC, no trailing zeros in the fraction. No quotes.
void append_time(std::string& out, std::int64_t ns);
/// RFC 3339 with any offset. The year 1 that Go writes for "never" is 0.
std::optional<std::int64_t> parse_time(std::string_view text);

/// "1h30m", "300ms", "-1.5s", "0" in nanoseconds; empty when it is none or does not fit.
std::optional<std::int64_t> parse_duration(std::string_view text);
/// "1h30m0s", "15s", "500ms", "0s": as Go prints durations.
std::string duration_text(std::int64_t ns);

}  // namespace drover::model
