#include "base/loop/real_loop.h"

#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "base/loop/waiter.h"

namespace drover {

struct RealLoop::Context {
  boost::asio::io_context io{1};  // one thread runs it; others only post
  std::chrono::steady_clock::time_point start = std::chrono::steady_clock::now();
};

RealLoop::RealLoop() : context_(std::make_unique<Context>()) {}
RealLoop::~RealLoop() = default;

void RealLoop::run() {
  if (context_->io.stopped()) context_->io.restart();
  context_->io.run();
}

void RealLoop::stop() { context_->io.stop(); }

std::shared_ptr<void> RealLoop::keep_running() {
  using Guard = boost::asio::executor_work_guard<boost::asio::io_context::executor_type>;
  return std::make_shared<Guard>(boost::asio::make_work_guard(context_->io));
}

Loop::Executor RealLoop::executor() { return context_->io.get_executor(); }

Instant RealLoop::now() const {
  return std::chrono::time_point_cast<Duration>(std::chrono::system_clock::now());
}

Duration RealLoop::uptime() const { return std::chrono::steady_clock::now() - context_->start; }

void RealLoop::post(std::function<void()> work) { boost::asio::post(context_->io, std::move(work)); }

Async<bool> RealLoop::sleep(Duration delay) {
  const std::unique_ptr<Waiter> waiter = make_waiter();
  co_return co_await waiter->wait(delay) == Waiter::End::elapsed;
}

std::unique_ptr<Waiter> RealLoop::make_waiter() { return std::make_unique<TimerWaiter>(executor()); }

}  // namespace drover
