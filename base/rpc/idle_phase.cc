#include "base/rpc/idle_phase.h"

#include <grpc/support/time.h>

#include <algorithm>
#include <cstdint>
#include <ctime>

namespace {

constexpr std::int64_t idle_phase_max_ns = 100'000'000;  // of gRPC; who sleeps longer than that means it
constexpr std::int64_t idle_phase_ns = 1'000'000;

}  // namespace

/// Takes the place of the function of the same name in libgpr, for this whole program.
extern "C" void gpr_sleep_until(gpr_timespec until) {
  for (;;) {
    const gpr_timespec span = ::gpr_time_sub(until, ::gpr_now(until.clock_type));
    std::int64_t left = span.tv_sec * 1'000'000'000 + span.tv_nsec;
    if (left <= 0) return;
    const bool idle_phase = left <= idle_phase_max_ns;
    if (idle_phase) left = std::min(left, idle_phase_ns);
    const timespec nap{static_cast<std::time_t>(left / 1'000'000'000), static_cast<long>(left % 1'000'000'000)};
    ::nanosleep(&nap, nullptr);
    if (idle_phase) return;
  }
}

namespace drover::rpc {

void shorten_idle_phase() {}

}  // namespace drover::rpc
