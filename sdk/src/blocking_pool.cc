#include "sdk/src/blocking_pool.h"

#include <thread>
#include <utility>

namespace drover::sdk {

BlockingPool::~BlockingPool() {
  std::unique_lock lock(mutex_);
  ending_ = true;
  changed_.notify_all();
  changed_.wait(lock, [this] { return threads_ == 0; });
}

Result<void> BlockingPool::submit(std::function<void()> job) {
  const std::lock_guard lock(mutex_);
  if (queue_.size() >= queue_max) return fail(Code::exhausted, "the driver is busy with {} calls", queue_max);
  queue_.push_back(std::move(job));
  if (idle_ >= queue_.size() || threads_ >= threads_max) {
    changed_.notify_one();
    return {};
  }
  ++threads_;
  std::thread([this] { work(); }).detach();
  return {};
}

void BlockingPool::work() {
  std::unique_lock lock(mutex_);
  for (;;) {
    if (queue_.empty()) {
      if (ending_) break;
      ++idle_;
      const bool woken = changed_.wait_for(lock, idle_max, [this] { return !queue_.empty() || ending_; });
      --idle_;
      if (!woken) break;
      continue;
    }
    const std::function<void()> job = std::move(queue_.front());
    queue_.pop_front();
    lock.unlock();
    job();
    lock.lock();
  }
  --threads_;
  if (threads_ == 0) changed_.notify_all();
}

}  // namespace drover::sdk
