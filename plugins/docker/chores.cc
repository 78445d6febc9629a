#include "plugins/docker/chores.h"

#include <utility>

namespace drover::docker {

Chores::Chores() { thread_ = std::thread([this] { run(); }); }

Chores::~Chores() {
  {
    const std::lock_guard lock(mutex_);
    stopping_ = true;
  }
  changed_.notify_all();
  thread_.join();
}

void Chores::after(sdk::Duration delay, std::function<void()> chore) {
  const std::lock_guard lock(mutex_);
  waiting_.emplace(Clock::now() + std::chrono::duration_cast<Clock::duration>(delay), std::move(chore));
  changed_.notify_all();
}

void Chores::run() {
  std::unique_lock lock(mutex_);
  while (!stopping_) {
    if (waiting_.empty()) {
      changed_.wait(lock);
      continue;
    }
    const auto first = waiting_.begin();
    if (first->first > Clock::now()) {
      changed_.wait_until(lock, Clock::time_point(first->first));
      continue;
    }
    const auto chore = std::move(first->second);
    waiting_.erase(first);
    lock.unlock();
    chore();
    lock.lock();
  }
}

}  // namespace drover::docker
