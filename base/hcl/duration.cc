#include "base/hcl/duration.h"

#include <limits>

namespace drover::hcl {
namespace {

struct Unit {
  std::string_view name;
  std::int64_t nanoseconds;
};

// Two-letter units first: "ms" is no "m".
constexpr Unit units[] = {{"ns", 1}, {"us", 1'000}, {"\u00B5s", 1'000}, {"\u03BCs", 1'000}, {"ms", 1'000'000},
                          {"s", 1'000'000'000}, {"m", 60'000'000'000}, {"h", 3'600'000'000'000}};

bool is_digit(std::string_view text) { return !text.empty() && text[0] >= '0' && text[0] <= '9'; }

/// One number with its unit; moves past it.
std::optional<__int128> term(std::string_view& text) {
  constexpr __int128 limit = static_cast<__int128>(std::numeric_limits<std::int64_t>::max()) * 2;
  __int128 whole = 0, fraction = 0, scale = 1;
  bool digits = false;
  for (; is_digit(text); text.remove_prefix(1), digits = true) {
    whole = whole * 10 + (text[0] - '0');
    if (whole > limit) return std::nullopt;
  }
  if (text.starts_with('.')) {
    text.remove_prefix(1);
    for (; is_digit(text); text.remove_prefix(1), digits = true) {
      if (scale >= 1'000'000'000'000'000) continue;  // finer than a nanosecond of an hour
      fraction = fraction * 10 + (text[0] - '0');
      scale *= 10;
    }
  }
  if (!digits) return std::nullopt;
  for (const Unit& unit : units) {
    if (!text.starts_with(unit.name)) continue;
    text.remove_prefix(unit.name.size());
    return whole * unit.nanoseconds + fraction * unit.nanoseconds / scale;
  }
  return std::nullopt;
}

}  // namespace

std::optional<std::int64_t> parse_duration(std::string_view text) {
  const bool negative = text.starts_with('-');
  if (negative || text.starts_with('+')) text.remove_prefix(1);
  if (text == "0") return 0;
  if (text.empty()) return std::nullopt;
  __int128 sum = 0;
  while (!text.empty()) {
    const std::optional<__int128> part = term(text);
    if (!part) return std::nullopt;
    sum += *part;
    if (sum > static_cast<__int128>(std::numeric_limits<std::int64_t>::max()) + (negative ? 1 : 0)) return std::nullopt;
  }
  return static_cast<std::int64_t>(negative ? -sum : sum);
}

}  // namespace drover::hcl
