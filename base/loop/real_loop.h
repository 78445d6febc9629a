#pragma once

#include <memory>

#include "base/loop/loop.h"

namespace drover {

/// A loop on the thread that calls run(), with the machine's clocks.
class RealLoop final : public Loop {
 public:
  RealLoop();
  ~RealLoop() override;  ///< destroys the frames of coroutines that have not ended
  RealLoop(const RealLoop&) = delete;
  RealLoop& operator=(const RealLoop&) = delete;

  /// Runs until stop(), or until nothing is left to do and nobody holds keep_running().
  void run();
  /// Makes run() return soon; what is queued stays. From any thread.
  void stop();
  /// While it exists, run() does not return for lack of work.
  std::shared_ptr<void> keep_running();

  Executor executor() override;
  Instant now() const override;
  Duration uptime() const override;
  void post(std::function<void()> work) override;
  Async<bool> sleep(Duration delay) override;
  std::unique_ptr<Waiter> make_waiter() override;

 private:
  struct Context;
  std::unique_ptr<Context> context_;
};

}  // namespace drover
