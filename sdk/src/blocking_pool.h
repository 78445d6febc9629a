#pragma once

#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <deque>
#include <functional>
#include <mutex>

#include "base/loop/workers.h"

namespace drover::sdk {

/// Where the author's calls run, each as long as it likes: a new thread whenever all are busy, up to threads_max; idle
/// threads end by themselves. Never destroyed while threads run: the process ends under them (serve.cc).
class BlockingPool final : public Workers {
 public:
  static constexpr std::size_t threads_max = 512;
  static constexpr std::size_t queue_max = 4096;
  static constexpr std::chrono::seconds idle_max{10};

  BlockingPool() = default;
  BlockingPool(const BlockingPool&) = delete;
  BlockingPool& operator=(const BlockingPool&) = delete;
  /// Waits for the jobs in hand.
  ~BlockingPool() override;

  Result<void> submit(std::function<void()> job) override;

 private:
  void work();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::deque<std::function<void()>> queue_;
  std::size_t threads_ = 0;
  std::size_t idle_ = 0;
  bool ending_ = false;
};

}  // namespace drover::sdk
