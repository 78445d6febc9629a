#include "base/loop/workers.h"

#include <condition_variable>
#include <deque>
#include <mutex>
#include <thread>
#include <vector>

namespace drover {

struct ThreadWorkers::Pool {
  std::size_t queue_max = 0;
  std::mutex mutex;
  std::condition_variable changed;
  std::deque<std::function<void()>> queue;
  bool ending = false;
  std::vector<std::thread> threads;

  void work() {
    for (;;) {
      std::function<void()> job;
      {
        std::unique_lock lock(mutex);
        changed.wait(lock, [this] { return ending || !queue.empty(); });
        if (ending) return;
        job = std::move(queue.front());
        queue.pop_front();
      }
      job();
    }
  }
};

ThreadWorkers::ThreadWorkers(std::size_t threads, std::size_t queue_max) : pool_(std::make_unique<Pool>()) {
  DROVER_ASSERT(threads > 0);
  pool_->queue_max = queue_max;
  for (std::size_t i = 0; i < threads; ++i) pool_->threads.emplace_back([pool = pool_.get()] { pool->work(); });
}

ThreadWorkers::~ThreadWorkers() {
  {
    const std::lock_guard lock(pool_->mutex);
    pool_->ending = true;
  }
  pool_->changed.notify_all();
  for (std::thread& thread : pool_->threads) thread.join();
}

Result<void> ThreadWorkers::submit(std::function<void()> job) {
  {
    const std::lock_guard lock(pool_->mutex);
    if (pool_->queue.size() >= pool_->queue_max) return fail(Code::exhausted, "all workers are busy and {} jobs wait", pool_->queue.size());
    pool_->queue.push_back(std::move(job));
  }
  pool_->changed.notify_one();
  return {};
}

Result<void> LoopWorkers::submit(std::function<void()> job) {
  loop_.post(std::move(job));
  return {};
}

}  // namespace drover
