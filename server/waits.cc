#include "server/waits.h"

#include <algorithm>

namespace drover::server {

Async<void> Waits::stop() {
  while (!waiting_.empty()) answer(waiting_.begin()->first, fail(Code::unavailable, "the server is stopping"));
  co_await scope_.stop();
}

void Waits::add(std::vector<WaitFor> what, Index after, Duration limit, const SnapshotPtr& state, Done<SnapshotPtr> done, std::weak_ptr<const void> wanted) {
  const bool changed = std::any_of(what.begin(), what.end(), [&](const WaitFor& one) { return state->index(one.topic) > after; });
  if (changed || limit <= Duration(0)) return done(state);
  Waiting waiting{.keys = {}, .index = 0, .ends = loop_.uptime() + limit, .done = std::move(done), .wanted = std::move(wanted)};
  for (const WaitFor& one : what) waiting.keys.emplace_back(one.topic, one.id, one.job);
  park(std::move(waiting));
}

void Waits::add_for_index(Index index, Duration limit, const SnapshotPtr& state, Done<SnapshotPtr> done) {
  if (state->index() >= index) return done(state);
  park(Waiting{.keys = {}, .index = index, .ends = loop_.uptime() + limit, .done = std::move(done), .wanted = {}});
}

void Waits::park(Waiting waiting) {
  if (waiting_.size() >= forget_at_) forget_unwanted();
  if (waiting_.size() >= waits_max) return waiting.done(fail(Code::exhausted, "too many readers wait: {}; try again", waiting_.size()));
  const Number number = ++last_;
  for (const Key& key : waiting.keys) by_key_.emplace(key, number);
  if (waiting.keys.empty()) by_index_.emplace(waiting.index, number);
  const bool first = by_end_.empty() || waiting.ends < by_end_.begin()->first;
  by_end_.emplace(waiting.ends, number);
  waiting_.emplace(number, std::move(waiting));
  if (first) changed_.notify();
}

void Waits::answer(Number number, const Result<SnapshotPtr>& result) {
  const auto found = waiting_.find(number);
  if (found == waiting_.end()) return;
  const Waiting waiting = std::move(found->second);
  for (const Key& key : waiting.keys) by_key_.erase({key, number});
  if (waiting.keys.empty()) by_index_.erase({waiting.index, number});
  by_end_.erase({waiting.ends, number});
  waiting_.erase(found);
  waiting.done(result);
}

/// Readers that went away before their time; looked for as often as their number doubles.
void Waits::forget_unwanted() {
  std::vector<Number> gone;
  for (const auto& [number, waiting] : waiting_) {
    if (!waiting.keys.empty() && waiting.wanted.expired()) gone.push_back(number);
  }
  for (const Number number : gone) answer(number, fail(Code::cancelled, "nobody waits any more"));
  forget_at_ = std::max<std::size_t>(1024, 2 * waiting_.size());
}

void Waits::published(const SnapshotPtr& state, const Effects& effects, bool anew) {
  state_ = state;
  std::set<Number> woken;
  const auto wake = [this, &woken](const Key& key) {
    for (auto at = by_key_.lower_bound({key, 0}); at != by_key_.end() && at->first == key; ++at) woken.insert(at->second);
  };
  if (anew) {
    for (const auto& [key, number] : by_key_) woken.insert(number);
  } else if (!by_key_.empty()) {
    for (const Effect& effect : effects) {
      wake(Key{effect.topic, Uuid{}, JobKey{}});
      wake(Key{effect.topic, effect.id, effect.job});
    }
  }
  for (auto at = by_index_.begin(); at != by_index_.end() && at->first <= state->index(); ++at) woken.insert(at->second);
  for (const Number number : woken) answer(number, state);
}

Async<void> Waits::keep_time() {
  for (;;) {
    while (!by_end_.empty() && by_end_.begin()->first <= loop_.uptime()) {
      const Number number = by_end_.begin()->second;
      const bool for_index = waiting_.at(number).keys.empty();
      answer(number, for_index ? Result<SnapshotPtr>(fail(Code::timeout, "the state has not come so far")) : Result<SnapshotPtr>(state_));
    }
    bool woken = true;
    if (by_end_.empty()) {
      woken = co_await changed_.wait();
    } else {
      const Duration left = by_end_.begin()->first - loop_.uptime();
      woken = co_await changed_.wait_for(left);
    }
    if (!woken) co_return;
  }
}

}  // namespace drover::server
