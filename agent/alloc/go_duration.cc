#include "agent/alloc/go_duration.h"

#include <cstdint>

namespace drover::agent {
namespace {

/// `value` in units of `unit` with its fraction, without trailing zeros: (1500, 1000) → "1.5".
std::string with_fraction(std::uint64_t value, std::uint64_t unit) {
  std::string out = std::to_string(value / unit);
  std::uint64_t rest = value % unit;
  if (rest == 0) return out;
  out += '.';
  for (std::uint64_t digit = unit / 10; rest != 0; digit /= 10) {
    out += static_cast<char>('0' + rest / digit);
    rest %= digit;
  }
  return out;
}

}  // namespace

std::string go_duration(Duration duration) {
  const bool negative = duration.count() < 0;
  const std::uint64_t ns =
      negative ? 0 - static_cast<std::uint64_t>(duration.count()) : static_cast<std::uint64_t>(duration.count());
  const std::string sign = negative ? "-" : "";
  if (ns == 0) return "0s";
  if (ns < 1'000) return sign + std::to_string(ns) + "ns";
  if (ns < 1'000'000) return sign + with_fraction(ns, 1'000) + "µs";
  if (ns < 1'000'000'000) return sign + with_fraction(ns, 1'000'000) + "ms";

  constexpr std::uint64_t minute = 60'000'000'000, hour = 60 * minute;
  std::string out = sign;
  if (ns >= hour) out += std::to_string(ns / hour) + "h";
  if (ns >= minute) out += std::to_string(ns % hour / minute) + "m";
  return out + with_fraction(ns % minute, 1'000'000'000) + "s";
}

}  // namespace drover::agent
