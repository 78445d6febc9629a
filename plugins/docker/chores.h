#pragma once

#include <condition_variable>
#include <functional>
#include <map>
#include <mutex>
#include <thread>

#include <drover/task_config.h>

namespace drover::docker {

/// A thread for what has to be done later and may block: removing images and leftovers. From any thread.
class Chores {
 public:
  Chores();
  Chores(const Chores&) = delete;
  Chores& operator=(const Chores&) = delete;
  ~Chores();  ///< what is not due is not done

  void after(sdk::Duration delay, std::function<void()> chore);

 private:
  using Clock = std::chrono::steady_clock;
  void run();

  std::mutex mutex_;
  std::condition_variable changed_;
  std::multimap<Clock::time_point, std::function<void()>> waiting_;
  bool stopping_ = false;
  std::thread thread_;
};

}  // namespace drover::docker
