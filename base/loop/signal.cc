#include "base/loop/signal.h"

#include <algorithm>
#include <vector>

namespace drover {

struct Signal::State {
  explicit State(Loop& its_loop) : loop(its_loop) {}

  Loop& loop;
  std::vector<Waiter*> waiting;
  bool gone = false;

  void wake_all() {
    for (Waiter* waiter : std::exchange(waiting, {})) waiter->wake();
  }

  static Async<bool> wait(std::shared_ptr<State> state, std::optional<Duration> limit);
};

namespace {

/// In the list while its coroutine is suspended, however the frame ends.
struct Listed {
  Listed(std::vector<Waiter*>& its_list, Waiter* its_waiter) : list(its_list), waiter(its_waiter) { list.push_back(waiter); }
  Listed(const Listed&) = delete;
  Listed& operator=(const Listed&) = delete;
  ~Listed() { std::erase(list, waiter); }

  std::vector<Waiter*>& list;
  Waiter* waiter;
};

}  // namespace

Async<bool> Signal::State::wait(std::shared_ptr<State> state, std::optional<Duration> limit) {
  if (state->gone) co_return false;
  const std::unique_ptr<Waiter> waiter = state->loop.make_waiter();
  const Listed listed(state->waiting, waiter.get());
  const Waiter::End end = co_await waiter->wait(limit);
  co_return end != Waiter::End::cancelled && !state->gone;
}

Signal::Signal(Loop& loop) : state_(std::make_shared<State>(loop)) {}

Signal::~Signal() {
  state_->gone = true;
  state_->wake_all();
}

void Signal::notify() { state_->wake_all(); }
Async<bool> Signal::wait() { return State::wait(state_, std::nullopt); }
Async<bool> Signal::wait_for(Duration limit) { return State::wait(state_, limit); }

}  // namespace drover
