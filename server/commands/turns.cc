#include "server/commands/turns.h"

#include <algorithm>

#include "server/proto/command.pb.h"
#include "server/state/bytes.h"
#include "server/state/serialize.h"

namespace drover::server {

Turns::Turns(Parts parts)
    : parts_(std::move(parts)),
      queued_(parts_.loop),
      published_signal_(parts_.loop),
      idle_(parts_.loop),
      scope_(parts_.loop) {}

Async<Result<void>> Turns::start() {
  const Result<LoadedSnapshot> loaded = co_await parts_.snapshots.load_newest();
  if (!loaded) co_return loaded.error();
  for (const std::string& damaged : loaded->damaged) parts_.log.error("a snapshot is damaged and was passed over: {}", damaged);
  if (!loaded->bytes.empty()) {
    Result<State> restored = restore(loaded->bytes);
    if (!restored) co_return restored.error();
    saved_ = loaded->index;
    published_ = restored->snapshot();
  }
  const Result<void> made = co_await make_state_anew();
  if (!made) co_return made.error();
  scope_.spawn(run());
  scope_.spawn(save_snapshots());
  co_return Result<void>();
}

Async<void> Turns::stop() {
  stopping_ = true;
  leading_ = false;
  refuse_queued(fail(Code::unavailable, "the server is stopping"));
  while (busy_) {
    const bool woken = co_await idle_.wait();
    if (!woken) break;
  }
  co_await scope_.stop();
}

void Turns::submit(Decide decide, Answered answered) {
  const auto refuse = [this, &answered](Error error) {
    parts_.loop.post([answered = std::move(answered), error = std::move(error)] { answered(error); });
  };
  if (stopping_) return refuse(fail(Code::unavailable, "the server is stopping"));
  if (!leading_) return refuse(fail(Code::unavailable, "No cluster leader"));
  if (queue_.size() >= requests_max) return refuse(fail(Code::exhausted, "the server is busy: {} requests wait; try again", queue_.size()));
  queue_.push_back(Request{std::move(decide), std::move(answered)});
  queued_.notify();
}

Async<void> Turns::run() {
  while (!stopping_) {
    if (queue_.empty()) {
      const bool woken = co_await queued_.wait();
      if (!woken) co_return;
      continue;
    }
    busy_ = true;
    Turn turn = gather();
    co_await commit(std::move(turn));
    busy_ = false;
    idle_.notify();
  }
}

Turns::Turn Turns::gather() {
  Turn turn;
  turn.first = working_.index() + 1;
  std::size_t decided = 0;
  while (!queue_.empty() && decided < turn_requests_max && turn.bytes < turn_bytes_max) {
    const Request request = std::move(queue_.front());
    queue_.pop_front();
    ++decided;
    Result<void> result = decide_one(request, turn);
    turn.answers.emplace_back(request.answered, std::move(result));
  }
  return turn;
}

/// Decides against the working state and applies the command to it; a refused one leaves no trace.
Result<void> Turns::decide_one(const Request& request, Turn& turn) {
  const Index index = working_.index() + 1;
  const Deciding deciding{working_, index, parts_.loop.now(), parts_.random, parts_.config};
  DROVER_LET(const std::shared_ptr<proto::Command> command, request.decide(deciding));
  if (!command) return {};

  std::string record = to_bytes(*command);
  if (record.size() > journal_record_bytes_max) return fail(Code::exhausted, "the change is too big: {} bytes, {} are allowed", record.size(), journal_record_bytes_max);
  State before = working_;
  Result<void> applied = apply(working_, *command, index);
  if (!applied) {
    working_ = std::move(before);
    return applied;
  }
  for (Effect& effect : working_.take_effects()) turn.effects.push_back(std::move(effect));
  turn.bytes += record.size();
  turn.records.push_back(std::move(record));
  return {};
}

Async<void> Turns::commit(Turn turn) {
  if (!turn.records.empty()) {
    const Appended appended = co_await parts_.journal.append(turn.first, std::move(turn.records));
    if (!appended.durable()) {
      const Error why = appended.error.within(appended.outcome == Appended::Outcome::refused
                                                  ? "the change was not made"
                                                  : "it is not known whether the change was made");
      for (auto& [answered, result] : turn.answers) result = why;
      // The state is made anew first, so that who asks again after this answer finds what is durable.
      co_await recover();
    } else {
      publish(turn.effects, false);
    }
  }
  for (auto& [answered, result] : turn.answers) answered(std::move(result));
}

void Turns::publish(const Effects& effects, bool anew) {
  published_ = working_.snapshot();
  for (const Listener& listener : listeners_) listener(published_, effects, anew);
  published_signal_.notify();
}

Async<void> Turns::recover() {
  leading_ = false;
  while (!stopping_) {
    const Result<void> made = co_await make_state_anew();
    if (made) co_return;
    parts_.log.error("the journal cannot be taken over, trying again: error=\"{}\"", made.error().message);
    refuse_queued(made.error());
    const bool slept = co_await parts_.loop.sleep(lead_retry_delay);
    if (!slept) co_return;
  }
}

/// What is published is durable: the state is that, with the records that follow it.
Async<Result<void>> Turns::make_state_anew() {
  const Result<Index> head = co_await parts_.journal.lead();
  if (!head) co_return head.error();
  auto state = std::make_shared<State>(*published_);
  std::function<Result<void>(Index, std::string_view)> visit = [this, state](Index index, std::string_view record) {
    replay_one(*state, index, record);
    return Result<void>();
  };
  if (*head > state->index()) {
    const Result<void> replayed = co_await parts_.journal.replay(state->index() + 1, std::move(visit));
    if (!replayed) co_return replayed.error();
  }
  if (state->index() != *head) {
    co_return fail(Code::internal, "the journal ends at {}, the state at {}: restore the data folder from a backup", *head, state->index());
  }
  const Effects effects = state->take_effects();
  // After a refused append nothing is new to whoever is told of published states: what they know still holds.
  const bool anew = !told_ || *head != published_->index();
  told_ = true;
  working_ = *state;
  leading_ = !stopping_;
  publish(effects, anew);
  co_return Result<void>();
}

void Turns::replay_one(State& state, Index index, std::string_view record) {
  State before = state;
  proto::Command command;
  Result<void> applied = fail(Code::invalid, "it cannot be read");
  if (command.ParseFromArray(record.data(), static_cast<int>(record.size()))) applied = apply(state, command, index);
  state.take_effects();  // whoever is told learns that all is new
  if (applied) return;
  state = std::move(before);
  state.begin(index, 0);
  parts_.log.error("a command of the journal cannot be applied and is passed over: index={} error=\"{}\"", index, applied.error().message);
  const bool known = std::any_of(quarantined_.begin(), quarantined_.end(), [index](const Quarantined& q) { return q.index == index; });
  if (!known) quarantined_.push_back(Quarantined{index, applied.error().message});
}

void Turns::refuse_queued(const Error& why) {
  std::deque<Request> refused = std::exchange(queue_, {});
  for (const Request& request : refused) request.answered(why);
}

Async<void> Turns::save_snapshots() {
  for (;;) {
    if (published_->index() < saved_ + snapshot_every) {
      const bool woken = co_await published_signal_.wait();
      if (!woken) co_return;
      continue;
    }
    const SnapshotPtr state = published_;
    SnapshotBody body = [state](const std::function<Result<void>(std::string_view)>& write) { return serialize(*state, write); };
    const Result<Index> trimmable = co_await parts_.snapshots.save(state->index(), std::move(body));
    if (!trimmable) {
      if (trimmable.error().code == Code::cancelled) co_return;
      parts_.log.error("a snapshot could not be saved, the journal grows on: error=\"{}\"", trimmable.error().message);
      const bool slept = co_await parts_.loop.sleep(1min);
      if (!slept) co_return;
      continue;
    }
    saved_ = state->index();
    if (*trimmable == 0) continue;
    const Result<void> trimmed = co_await parts_.journal.trim(*trimmable);
    if (!trimmed && trimmed.error().code != Code::cancelled) parts_.log.warn("the journal could not be trimmed: error=\"{}\"", trimmed.error().message);
  }
}

}  // namespace drover::server
