#include "base/loop/scope.h"

#include <drover/result.h>

#include <algorithm>

#include <boost/asio/bind_cancellation_slot.hpp>
#include <boost/asio/cancellation_signal.hpp>
#include <boost/asio/co_spawn.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/this_coro.hpp>
#include <vector>

namespace drover {

namespace asio = boost::asio;

namespace {

/// One spawned coroutine. Asio keeps the coroutine's cancellation state inside `signal`, so this outlives the frame.
struct Entry {
  asio::cancellation_signal signal;
  bool started = false;
  bool cancelled = false;
  bool ended = false;
};

Async<void> without_throwing(Async<void> work) {
  co_await asio::this_coro::throw_if_cancelled(false);
  co_await std::move(work);
}

constexpr std::size_t sweep_min = 16;

void cancel_entry(Entry& entry) {
  entry.cancelled = true;
  if (entry.started && !entry.ended) entry.signal.emit(asio::cancellation_type::terminal);
}

}  // namespace

struct Scope::State {
  explicit State(Loop& its_loop) : loop(its_loop) {}

  Loop& loop;
  std::vector<std::shared_ptr<Entry>> entries;
  std::size_t live = 0;
  std::size_t sweep_at = sweep_min;
  bool stopping = false;
  Waiter* stop_waiter = nullptr;

  /// Forgets what has ended; only as often as the number of entries doubles, so that a spawn costs the same with 10,000
  /// live.
  void sweep() {
    if (entries.size() < sweep_at) return;
    std::erase_if(entries, [](const std::shared_ptr<Entry>& entry) { return entry->ended && entry.use_count() == 1; });
    sweep_at = std::max(sweep_min, 2 * entries.size());
  }

  void end(Entry& entry) {
    if (std::exchange(entry.ended, true)) return;
    --live;
    if (live == 0 && stop_waiter != nullptr) stop_waiter->wake();
  }
};

namespace {

/// Tells the scope that a coroutine has ended, also when its frame is destroyed without having run to its end.
template <class State>
class EndNotice {
 public:
  EndNotice(std::shared_ptr<State> state, std::shared_ptr<Entry> entry)
      : state_(std::move(state)), entry_(std::move(entry)) {}
  EndNotice(EndNotice&&) = default;
  EndNotice& operator=(EndNotice&&) = delete;
  ~EndNotice() {
    if (state_) state_->end(*entry_);
  }

  void operator()(std::exception_ptr exception) {
    if (exception) std::rethrow_exception(exception);  // nothing of ours throws: ends the program, naming the exception
    state_->end(*entry_);
  }

 private:
  std::shared_ptr<State> state_;
  std::shared_ptr<Entry> entry_;
};

}  // namespace

Scope::Scope(Loop& loop) : state_(std::make_shared<State>(loop)) {}
Scope::~Scope() { DROVER_ASSERT(state_->live == 0); }

void Scope::spawn(Async<void> work) { spawn_cancellable(std::move(work)); }

std::function<void()> Scope::spawn_cancellable(Async<void> work) {
  if (state_->stopping) return [] {};
  state_->sweep();
  auto entry = std::make_shared<Entry>();
  state_->entries.push_back(entry);
  ++state_->live;
  const Loop::Executor executor = state_->loop.executor();
  EndNotice<State> notice(state_, entry);
  asio::post(executor, [executor, entry, notice = std::move(notice), work = std::move(work)]() mutable {
    if (entry->cancelled) return;
    entry->started = true;
    asio::co_spawn(executor, without_throwing(std::move(work)),
                   asio::bind_cancellation_slot(entry->signal.slot(), std::move(notice)));
  });
  return [weak = std::weak_ptr<Entry>(entry)] {
    if (const std::shared_ptr<Entry> alive = weak.lock()) cancel_entry(*alive);
  };
}

void Scope::cancel() {
  const std::vector<std::shared_ptr<Entry>> entries = state_->entries;  // a cancelled coroutine may spawn or end others
  for (const std::shared_ptr<Entry>& entry : entries) cancel_entry(*entry);
}

Async<void> Scope::stop() {
  const std::shared_ptr<State> state = state_;
  state->stopping = true;
  cancel();
  const std::unique_ptr<Waiter> waiter = state->loop.make_waiter();
  if (state->live == 0) co_return;
  state->stop_waiter = waiter.get();
  co_await waiter->wait_uncancelled();
  state->stop_waiter = nullptr;
}

std::size_t Scope::size() const { return state_->live; }

}  // namespace drover
