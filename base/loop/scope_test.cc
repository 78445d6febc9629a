#include "base/loop/scope.h"

#include <boost/asio/post.hpp>
#include <boost/asio/use_awaitable.hpp>
#include <catch2/catch.hpp>

#include "base/loop/signal.h"
#include "base/loop/start.h"

using namespace drover;

namespace {

struct Log {
  std::vector<std::string> lines;
};

Async<void> sleeper(Loop& loop, Log& log) {
  const bool slept = co_await loop.sleep(std::chrono::hours(1));
  log.lines.push_back(slept ? "slept" : "cancelled");
  const bool again = co_await loop.sleep(std::chrono::hours(1));  // after a cancel every wait ends at once
  log.lines.push_back(again ? "slept" : "cancelled again");
}

/// Goes through the loop without a wait that can be cancelled, then waits.
Async<void> busy_then_sleeper(Loop& loop, Log& log) {
  co_await boost::asio::post(loop.executor(), boost::asio::use_awaitable_t<Loop::Executor>());
  const bool slept = co_await loop.sleep(std::chrono::hours(1));
  log.lines.push_back(slept ? "slept" : "cancelled");
}

Async<void> cleans_up(Loop& loop, Signal& may_end, Log& log) {
  co_await loop.sleep(std::chrono::hours(1));
  Scope inner(loop);
  co_await inner.stop();  // stopping something is not cut short by being cancelled
  const std::unique_ptr<Waiter> waiter = loop.make_waiter();
  may_end.notify();
  log.lines.push_back("cleaned up");
}

Async<void> stop_then_note(Scope& scope, Log& log) {
  co_await scope.stop();
  log.lines.push_back("stopped");
}

Async<void> spawns_more(Loop& loop, Scope& scope, Log& log) {
  co_await loop.sleep(std::chrono::hours(1));
  scope.spawn(sleeper(loop, log));  // refused: the scope is stopping
}

Async<void> stops_slowly(Loop& loop, Scope& inner, Log& log) {
  co_await loop.sleep(std::chrono::hours(1));
  log.lines.push_back("outer cancelled");
  co_await inner.stop();
  log.lines.push_back("inner stopped");
}

Async<void> ends_at_once() { co_return; }

}  // namespace

TEST_CASE("stopping a scope ends every wait without an exception and completes after the last frame") {
  VirtualTime time;
  VirtualLoop loop(time);
  Log log;
  Scope scope(loop);
  scope.spawn(sleeper(loop, log));
  time.run_until_idle();
  CHECK(scope.size() == 1);

  start(loop, stop_then_note(scope, log));
  time.run_until_idle();

  CHECK(log.lines == std::vector<std::string>{"cancelled", "cancelled again", "stopped"});
  CHECK(scope.size() == 0);
  CHECK(time.elapsed() == 0s);
}

TEST_CASE("a cancel between two waits is not lost") {
  VirtualTime time;
  VirtualLoop loop(time);
  Log log;
  Scope scope(loop);
  scope.spawn(busy_then_sleeper(loop, log));
  loop.post([&scope] { scope.cancel(); });  // runs while the coroutine is queued, waiting for nothing

  time.run_until_idle();

  CHECK(log.lines == std::vector<std::string>{"cancelled"});
}

TEST_CASE("a coroutine cancelled before it began never begins") {
  VirtualTime time;
  VirtualLoop loop(time);
  Log log;
  Scope scope(loop);
  const auto cancel = scope.spawn_cancellable(sleeper(loop, log));
  cancel();

  time.run_until_idle();

  CHECK(log.lines.empty());
  CHECK(scope.size() == 0);
}

TEST_CASE("cancelling one coroutine leaves the others alone") {
  VirtualTime time;
  VirtualLoop loop(time);
  Log log;
  Scope scope(loop);
  const auto cancel = scope.spawn_cancellable(sleeper(loop, log));
  scope.spawn(sleeper(loop, log));
  time.run_until_idle();

  cancel();
  time.run_until_idle();
  CHECK(log.lines == std::vector<std::string>{"cancelled", "cancelled again"});
  CHECK(scope.size() == 1);

  cancel();  // harmless now
  scope.cancel();
  time.run_until_idle();
  CHECK(scope.size() == 0);
}

TEST_CASE("a stopping scope starts nothing more") {
  VirtualTime time;
  VirtualLoop loop(time);
  Log log;
  Scope scope(loop);
  scope.spawn(spawns_more(loop, scope, log));
  time.run_until_idle();

  start(loop, stop_then_note(scope, log));
  time.run_until_idle();

  CHECK(log.lines == std::vector<std::string>{"stopped"});
}

TEST_CASE("clean-up after a cancel may stop scopes of its own") {
  VirtualTime time;
  VirtualLoop loop(time);
  Log log;
  Signal ended(loop);
  Scope inner(loop);
  Scope outer(loop);
  outer.spawn(stops_slowly(loop, inner, log));
  inner.spawn(busy_then_sleeper(loop, log));
  outer.spawn(cleans_up(loop, ended, log));
  time.run_until_idle();

  start(loop, stop_then_note(outer, log));
  time.run_until_idle();

  CHECK(log.lines == std::vector<std::string>{"outer cancelled", "cleaned up", "cancelled", "inner stopped", "stopped"});
}

TEST_CASE("a scope that starts many short coroutines keeps nothing of them") {
  VirtualTime time;
  VirtualLoop loop(time);
  Scope scope(loop);
  for (int i = 0; i < 10'000; ++i) {
    scope.spawn(ends_at_once());
    time.run_until_idle();
  }
  CHECK(scope.size() == 0);
}
