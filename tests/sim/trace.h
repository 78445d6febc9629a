#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <string_view>

#include "base/loop/virtual_loop.h"

namespace drover::sim {

/// What happened in a run, in order: the same for the same seed, in every process. Its hash stands for all of it.
class Trace {
 public:
  static constexpr std::size_t lines_kept = 400;

  explicit Trace(VirtualTime& time) : time_(time) {}

  void add(std::string_view actor, std::string_view what);
  /// Each line is handed to `listener` as well: for --story.
  void listen(std::function<void(const std::string&)> listener) { listener_ = std::move(listener); }

  std::uint64_t hash() const { return hash_; }
  std::size_t size() const { return size_; }
  /// The last `lines_kept` lines.
  const std::deque<std::string>& tail() const { return tail_; }

 private:
  VirtualTime& time_;
  std::function<void(const std::string&)> listener_;
  std::deque<std::string> tail_;
  std::uint64_t hash_ = 14695981039346656037u;  // FNV-1a
  std::size_t size_ = 0;
};

}  // namespace drover::sim
