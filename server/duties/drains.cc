#include "server/duties/drains.h"

#include <algorithm>

#include "base/loop/call.h"
#include "model/proto/node.pb.h"
#include "server/commands/drain_step.h"

namespace drover::server {

Drains::Drains(Loop& loop, Turns& turns, Log log) : loop_(loop), turns_(turns), log_(std::move(log)), changed_(loop), scope_(loop) {
  turns_.listen([this](const SnapshotPtr& state, const Effects& effects, bool anew) { published(state, effects, anew); });
}

void Drains::published(const SnapshotPtr& state, const Effects& effects, bool anew) {
  const auto touches = [&effects](Topic topic) { return std::ranges::any_of(effects, [topic](const Effect& effect) { return effect.topic == topic; }); };
  const bool nodes = anew || touches(Topic::nodes);
  if (nodes) {
    draining_ = 0;
    state->each_node({}, [this](const model::Node& node) { return draining_ += node.has_drain_strategy(), true; });
  }
  if (draining_ == 0 || !(nodes || touches(Topic::allocs) || touches(Topic::jobs))) return;
  due_ = true;
  changed_.notify();
}

Async<void> Drains::run() {
  for (;;) {
    if (due_) {
      due_ = false;
      const Result<void> advanced = co_await advance();
      if (!advanced && advanced.error().code == Code::cancelled) co_return;
      if (!advanced) {
        log_.warn("a drain could not go on, it is tried again: error=\"{}\"", advanced.error().message);
        const bool slept = co_await loop_.sleep(drain_retry_delay);
        if (!slept) co_return;
        due_ = true;
      }
      continue;
    }
    const std::optional<Instant> deadline = draining_ > 0 ? drain_step(*turns_.published(), loop_.now()).next : std::nullopt;
    const Duration left = deadline ? std::max<Duration>(*deadline - loop_.now(), Duration(0)) : Duration(0);
    const bool woken = deadline ? co_await changed_.wait_for(left) : co_await changed_.wait();
    if (!woken) co_return;
    // Whether the deadline has passed is for the step to say: until then, it does nothing.
    if (deadline && loop_.now() >= *deadline) due_ = true;
  }
}

Async<Result<void>> Drains::advance() {
  for (;;) {
    std::function<void(Done<DrainsAdvanced>, std::weak_ptr<const void>)> ask = [this](Done<DrainsAdvanced> done, std::weak_ptr<const void>) {
      turns_.ask(AdvanceDrains{}, std::move(done));
    };
    const Result<DrainsAdvanced> advanced = co_await call<DrainsAdvanced>(loop_, std::move(ask));
    if (!advanced) co_return advanced.error();
    for (const Uuid& node : advanced->completed) log_.info("a node is drained: node={}", to_text(node));
    if (!advanced->changed) co_return Result<void>();
  }
}

}  // namespace drover::server
