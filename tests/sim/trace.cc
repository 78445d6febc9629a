#include "tests/sim/trace.h"

#include <fmt/core.h>

namespace drover::sim {

void Trace::add(std::string_view actor, std::string_view what) {
  const auto microseconds = std::chrono::duration_cast<std::chrono::microseconds>(time_.elapsed()).count();
  std::string line = fmt::format("{:>6}.{:06}  {:<9} {}", microseconds / 1'000'000, microseconds % 1'000'000, actor, what);
  for (const char c : line) hash_ = (hash_ ^ static_cast<std::uint8_t>(c)) * 1099511628211u;
  ++size_;
  if (listener_) listener_(line);
  tail_.push_back(std::move(line));
  if (tail_.size() > lines_kept) tail_.pop_front();
}

}  // namespace drover::sim
