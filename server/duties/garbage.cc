#include "server/duties/garbage.h"

#include "base/loop/call.h"

namespace drover::server {

Async<Result<void>> Garbage::collect(bool force) {
  for (;;) {
    const CollectGarbage request{force};
    std::function<void(Done<GarbageCollected>, std::weak_ptr<const void>)> ask = [this, request](Done<GarbageCollected> done, std::weak_ptr<const void>) {
      turns_.ask(request, std::move(done));
    };
    const Result<GarbageCollected> collected = co_await call<GarbageCollected>(loop_, std::move(ask));
    if (!collected) co_return collected.error();
    if (collected->removed > 0) log_.info("dead things are forgotten: count={}", collected->removed);
    // Jobs go only once their evaluations can: what went now may have made way for more.
    if (collected->removed == 0) co_return Result<void>();
  }
}

Async<void> Garbage::run() {
  for (;;) {
    const bool slept = co_await loop_.sleep(config_.gc_interval);
    if (!slept) co_return;
    const Result<void> collected = co_await collect(false);
    if (!collected && collected.error().code != Code::cancelled) log_.warn("garbage could not be collected: error=\"{}\"", collected.error().message);
  }
}

}  // namespace drover::server
