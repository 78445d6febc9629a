#pragma once

#include <drover/result.h>

#include <functional>
#include <memory>
#include <optional>
#include <type_traits>

#include "base/loop/loop.h"
#include "base/loop/signal.h"

namespace drover {

/// Where heavy pure functions run, so that a loop does not wait for them.
class Workers {
 public:
  virtual ~Workers() = default;

  /// Runs `job` once, soon, off the loop; `exhausted` when the bounded queue is full. From any thread.
  virtual Result<void> submit(std::function<void()> job) = 0;
};

/// A small pool of threads. The destructor waits for the jobs that run and drops those that wait.
class ThreadWorkers final : public Workers {
 public:
  static constexpr std::size_t queue_max_default = 1024;

  explicit ThreadWorkers(std::size_t threads, std::size_t queue_max = queue_max_default);
  ~ThreadWorkers() override;
  ThreadWorkers(const ThreadWorkers&) = delete;
  ThreadWorkers& operator=(const ThreadWorkers&) = delete;

  Result<void> submit(std::function<void()> job) override;

 private:
  struct Pool;
  std::unique_ptr<Pool> pool_;
};

/// Runs each job as its own turn of a loop: for tests and the simulator, where one thread is everything.
class LoopWorkers final : public Workers {
 public:
  explicit LoopWorkers(Loop& loop) : loop_(loop) {}
  Result<void> submit(std::function<void()> job) override;

 private:
  Loop& loop_;
};

namespace detail {
template <class T>
struct PoolCall {
  PoolCall(Loop& its_loop, std::function<T()> its_work) : loop(its_loop), work(std::move(its_work)), done(its_loop) {}
  Loop& loop;
  std::function<T()> work;
  std::optional<T> result;
  Signal done;
};
}  // namespace detail

/// Runs a pure function of values on the pool and comes back to the loop with its result. `work` owns what it reads.
/// `exhausted` when the pool is busy; `cancelled` when the caller was (the function still runs to its end, its result
/// is dropped). `loop` outlives the pool.
template <class T>
Async<Result<T>> run_on_pool(Workers& workers, Loop& loop, std::function<T()> work) {
  auto call = std::make_shared<detail::PoolCall<T>>(loop, std::move(work));
  std::function<void()> job = [call] {
    auto result = std::make_shared<T>(call->work());
    call->loop.post([call, result] {
      call->result.emplace(std::move(*result));
      call->done.notify();
    });
  };
  Result<void> taken = workers.submit(std::move(job));
  if (!taken) co_return std::move(taken).error();
  while (!call->result) {
    const bool woken = co_await call->done.wait();
    if (!woken) co_return fail(Code::cancelled, "the wait for a worker was cancelled");
  }
  co_return std::move(*call->result);
}

}  // namespace drover
