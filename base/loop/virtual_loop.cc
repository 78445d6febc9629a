#include "base/loop/virtual_loop.h"

#include <drover/result.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>

#include "base/loop/waiter.h"

namespace drover {

/// Its alarm is in the queue of VirtualTime; the Asio timer never expires, it only holds the suspended frame.
class VirtualWaiter final : public TimerWaiter {
 public:
  VirtualWaiter(VirtualTime& time, const Loop::Executor& executor) : TimerWaiter(executor), time_(time) {}
  ~VirtualWaiter() override { VirtualWaiter::disarm(); }

  void ring() {
    alarm_.reset();
    elapse();
  }

 protected:
  void arm(std::optional<Duration> limit) override {
    timer_.expires_at(std::chrono::steady_clock::time_point::max());
    if (!limit) return;
    alarm_ = {time_.elapsed_ + std::max(*limit, Duration(0)), time_.alarms_set_++};
    time_.alarms_.emplace(*alarm_, this);
  }

  void disarm() override {
    if (alarm_) time_.alarms_.erase(*alarm_);
    alarm_.reset();
  }

 private:
  VirtualTime& time_;
  std::optional<VirtualTime::Alarm> alarm_;
};

VirtualTime::VirtualTime(Instant start) : start_(start) {}
VirtualTime::~VirtualTime() { DROVER_ASSERT(loops_.empty()); }

void VirtualTime::run_until_idle() {
  for (bool busy = true; busy && !spun_;) {
    busy = false;
    const std::vector<VirtualLoop*> turn = loops_;
    for (VirtualLoop* loop : turn) {
      if (std::ranges::find(loops_, loop) == loops_.end()) continue;  // gone since, by another loop's doing
      const std::size_t ran = loop->poll();
      count_handlers(ran);
      busy = busy || ran > 0;
    }
  }
}

void VirtualTime::count_handlers(std::size_t ran) {
  handlers_now_ += ran;
  if (handlers_now_ < handlers_max) return;
  DROVER_ASSERT(on_spin_ != nullptr);  // a coroutine spins: time cannot move
  if (!std::exchange(spun_, true)) on_spin_();
}

bool VirtualTime::ring_next(Duration until) {
  if (spun_ || alarms_.empty() || alarms_.begin()->first.first > until) return false;
  const auto [alarm, waiter] = *alarms_.begin();
  alarms_.erase(alarms_.begin());
  if (alarm.first > elapsed_) handlers_now_ = 0;
  elapsed_ = std::max(elapsed_, alarm.first);
  waiter->ring();
  return true;
}

bool VirtualTime::step() {
  run_until_idle();
  if (!ring_next(Duration::max())) return false;
  run_until_idle();
  return true;
}

void VirtualTime::advance(Duration by) {
  const Duration until = elapsed_ + by;
  do run_until_idle();
  while (ring_next(until));
  elapsed_ = until;
}

bool VirtualTime::run_until(const std::function<bool()>& condition, Duration limit) {
  const Duration until = elapsed_ + limit;
  for (;;) {
    run_until_idle();
    if (condition()) return true;
    if (!ring_next(until)) break;
  }
  elapsed_ = until;
  return false;
}

/// How many handlers a loop runs before it is another's turn.
constexpr std::size_t poll_max = 100'000;

struct VirtualLoop::Context {
  boost::asio::io_context io{1};
};

VirtualLoop::VirtualLoop(VirtualTime& time) : time_(time), context_(std::make_unique<Context>()) {
  time_.loops_.push_back(this);
}

VirtualLoop::~VirtualLoop() {
  DROVER_ASSERT(!running_);
  std::erase(time_.loops_, this);
}

void VirtualLoop::crash() {
  DROVER_ASSERT(!running_);
  crashed_ = true;
  // Destructors of the frames may post and ask for the executor: they meet a context that nobody runs.
  const std::unique_ptr<Context> old = std::exchange(context_, std::make_unique<Context>());
}

std::size_t VirtualLoop::poll() {
  if (crashed_) return 0;
  running_ = true;
  context_->io.restart();
  std::size_t ran = 0;  // in slices, for a loop that spins never ends a poll
  while (ran < poll_max && context_->io.poll_one() > 0) ++ran;
  running_ = false;
  return ran;
}

Loop::Executor VirtualLoop::executor() { return context_->io.get_executor(); }
Instant VirtualLoop::now() const { return time_.start_ + time_.elapsed_ + clock_offset_; }
Duration VirtualLoop::uptime() const { return time_.elapsed_; }

void VirtualLoop::post(std::function<void()> work) {
  if (!crashed_) boost::asio::post(context_->io, std::move(work));
}

Async<bool> VirtualLoop::sleep(Duration delay) {
  const std::unique_ptr<Waiter> waiter = make_waiter();
  co_return co_await waiter->wait(delay) == Waiter::End::elapsed;
}

std::unique_ptr<Waiter> VirtualLoop::make_waiter() { return std::make_unique<VirtualWaiter>(time_, executor()); }

}  // namespace drover
