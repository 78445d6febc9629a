#include "base/loop/call.h"

#include <catch2/catch.hpp>

#include "base/loop/scope.h"
#include "base/loop/start.h"

namespace drover {

TEST_CASE("a call is answered on the loop that asked") {
  VirtualTime time;
  VirtualLoop here(time);
  VirtualLoop there(time);
  std::function<void(Done<int>, std::weak_ptr<const void>)> ask = [](Done<int> done, std::weak_ptr<const void>) { done(42); };

  const Result<int> answer = run<Result<int>>(time, here, call<int>(there, ask));

  CHECK(answer.value() == 42);
}

TEST_CASE("who answers a call sees that nobody waits any more") {
  VirtualTime time;
  VirtualLoop here(time);
  VirtualLoop there(time);
  Done<int> later;
  std::weak_ptr<const void> wanted;
  std::function<void(Done<int>, std::weak_ptr<const void>)> ask = [&](Done<int> done, std::weak_ptr<const void> handle) {
    later = std::move(done);
    wanted = std::move(handle);
  };
  Scope scope(here);
  std::optional<Code> code;
  const auto wait = [](VirtualLoop& loop, auto question, std::optional<Code>& out) -> Async<void> {
    const Result<int> answer = co_await call<int>(loop, question);
    if (!answer) out = answer.error().code;
  };
  scope.spawn(wait(there, ask, code));
  time.run_until_idle();
  CHECK_FALSE(wanted.expired());

  run(time, here, scope.stop());

  CHECK(wanted.expired());
  CHECK(code == Code::cancelled);
  later(1);
  time.run_until_idle();
}

}  // namespace drover
