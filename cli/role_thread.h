#pragma once

#include <functional>
#include <future>
#include <memory>
#include <string>
#include <thread>

#include "base/loop/real_loop.h"
#include "base/loop/start.h"

namespace drover::cli {

/// The loop of a role and the thread that runs it. Started at once; the destructor ends the loop and joins.
class RoleThread {
 public:
  explicit RoleThread(const std::string& name);
  ~RoleThread();
  RoleThread(const RoleThread&) = delete;
  RoleThread& operator=(const RoleThread&) = delete;

  RealLoop& loop() { return loop_; }

  /// Runs a coroutine on the loop and blocks the calling thread (never the loop's own) until it has ended.
  template <class T>
  T wait(std::function<Async<T>()> make) {
    std::promise<T> promise;
    std::future<T> future = promise.get_future();
    loop_.post([this, make = std::move(make), &promise] {
      std::function<void(T)> done = [&promise](T value) { promise.set_value(std::move(value)); };
      drover::start<T>(loop_, make(), std::move(done));
    });
    return future.get();
  }
  void wait_void(std::function<Async<void>()> make);

 private:
  RealLoop loop_;
  std::shared_ptr<void> guard_;
  std::thread thread_;
};

}  // namespace drover::cli
