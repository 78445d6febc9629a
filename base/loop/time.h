#pragma once

#include <chrono>
#include <cstdint>

namespace drover {

using namespace std::chrono_literals;

/// A span of time, in nanoseconds.
using Duration = std::chrono::nanoseconds;

/// A point in time of the wall clock (UTC, nanoseconds since 1970): for stamps that people and other machines see.
using Instant = std::chrono::sys_time<std::chrono::nanoseconds>;

constexpr std::int64_t to_ns(Instant at) { return at.time_since_epoch().count(); }
constexpr Instant from_ns(std::int64_t ns) { return Instant(Duration(ns)); }

}  // namespace drover
