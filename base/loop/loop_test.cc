#include <catch2/catch.hpp>
#include <csignal>
#include <thread>

#include "base/loop/os_signals.h"
#include "base/loop/scope.h"
#include "base/loop/signal.h"
#include "base/loop/start.h"
#include "base/loop/workers.h"

using namespace drover;

namespace {

Async<bool> sleep_and_note(Loop& loop, Duration delay, std::vector<std::string>& notes, std::string name) {
  const bool slept = co_await loop.sleep(delay);
  notes.push_back(name);
  co_return slept;
}

Async<void> note_after(Loop& loop, Duration delay, std::vector<std::string>& notes, std::string name) {
  co_await sleep_and_note(loop, delay, notes, name);
}

Async<void> hold(Loop& loop, std::shared_ptr<int> token) {
  co_await loop.sleep(std::chrono::hours(1));
  *token = 1;
}

Async<void> wait_for_signal(Signal& signal, int& woken) {
  while (co_await signal.wait()) ++woken;
}

Async<void> spin(Loop& loop) {
  for (;;) co_await loop.sleep(Duration(0));
}

Async<bool> wait_limited(Signal& signal, Duration limit) { co_return co_await signal.wait_for(limit); }

Async<Result<std::thread::id>> where(Workers& workers, Loop& loop) {
  const std::function<std::thread::id()> work = [] { return std::this_thread::get_id(); };
  co_return co_await run_on_pool<std::thread::id>(workers, loop, work);
}

Async<bool> sleep_once(Loop& loop, Duration delay) { co_return co_await loop.sleep(delay); }

}  // namespace

TEST_CASE("sleeps end in the order of their times, then of their start") {
  VirtualTime time;
  VirtualLoop loop(time);
  std::vector<std::string> notes;
  start(loop, note_after(loop, 2s, notes, "late"));
  start(loop, note_after(loop, 1s, notes, "first"));
  start(loop, note_after(loop, 1s, notes, "second"));

  time.advance(1s);
  CHECK(notes == std::vector<std::string>{"first", "second"});
  CHECK(time.elapsed() == 1s);

  CHECK(time.step());
  CHECK(notes.back() == "late");
  CHECK_FALSE(time.step());
}

TEST_CASE("each virtual loop has its own wall clock over one time") {
  VirtualTime time(from_ns(0));
  VirtualLoop exact(time);
  VirtualLoop ahead(time);
  ahead.set_clock_offset(5s);

  time.advance(1s);

  CHECK(exact.now() == from_ns(1'000'000'000));
  CHECK(ahead.now() == from_ns(6'000'000'000));
  CHECK(ahead.uptime() == exact.uptime());
}

TEST_CASE("a crashed loop has destroyed its frames and drops what is posted") {
  VirtualTime time;
  VirtualLoop loop(time);
  VirtualLoop other(time);
  auto token = std::make_shared<int>(0);
  Scope scope(loop);
  scope.spawn(hold(loop, token));
  scope.spawn(hold(loop, token));
  time.run_until_idle();
  scope.spawn(hold(loop, token));  // never begun
  start(loop, hold(loop, token));
  CHECK(token.use_count() == 5);

  loop.crash();
  loop.post([token] { *token = 2; });
  time.advance(std::chrono::hours(2));

  CHECK(token.use_count() == 1);
  CHECK(*token == 0);
  CHECK(scope.size() == 0);
}

TEST_CASE("a waiting coroutine of a crashed loop is no longer woken by its signal") {
  VirtualTime time;
  VirtualLoop loop(time);
  int woken = 0;
  {
    Signal signal(loop);
    start(loop, wait_for_signal(signal, woken));
    time.run_until_idle();
    loop.crash();
    signal.notify();
    time.run_until_idle();
  }
  CHECK(woken == 0);
}

TEST_CASE("notify wakes all who wait, and destroying the signal ends their waits") {
  VirtualTime time;
  VirtualLoop loop(time);
  int woken = 0;
  auto signal = std::make_unique<Signal>(loop);
  start(loop, wait_for_signal(*signal, woken));
  start(loop, wait_for_signal(*signal, woken));
  time.run_until_idle();

  signal->notify();
  time.run_until_idle();
  CHECK(woken == 2);

  signal.reset();
  time.run_until_idle();
  CHECK(woken == 2);
}

TEST_CASE("a limited wait for a signal ends when its time has passed") {
  VirtualTime time;
  VirtualLoop loop(time);
  Signal signal(loop);

  CHECK(run(time, loop, wait_limited(signal, 3s)));
  CHECK(time.elapsed() == 3s);
}

TEST_CASE("a coroutine that spins is noticed") {
  VirtualTime time;
  VirtualLoop loop(time);
  bool noticed = false;
  time.on_spin([&noticed] { noticed = true; });
  start(loop, spin(loop));

  time.advance(1s);

  CHECK(noticed);
}

TEST_CASE("run_until stops at its limit") {
  VirtualTime time;
  VirtualLoop loop(time);
  std::vector<std::string> notes;
  start(loop, note_after(loop, 10s, notes, "done"));

  CHECK_FALSE(time.run_until([&notes] { return !notes.empty(); }, 5s));
  CHECK(time.run_until([&notes] { return !notes.empty(); }, 5s));
}

TEST_CASE("a real loop sleeps, takes posts from other threads, and ends with its coroutine") {
  RealLoop loop;
  CHECK(run(loop, sleep_once(loop, 1ms)));

  bool ran = false;
  const std::shared_ptr<void> guard = loop.keep_running();
  std::thread other([&loop, &ran] {
    loop.post([&loop, &ran] {
      ran = true;
      loop.stop();
    });
  });
  loop.run();
  other.join();
  CHECK(ran);
}

TEST_CASE("a real loop without work returns from run") {
  RealLoop loop;
  loop.run();
  bool ran = false;
  loop.post([&ran] { ran = true; });
  loop.run();
  CHECK(ran);
}

TEST_CASE("workers run a function on another thread and come back to the loop") {
  ThreadWorkers workers(2);
  RealLoop loop;
  const Result<std::thread::id> thread = run(loop, where(workers, loop));
  REQUIRE(thread.ok());
  CHECK(*thread != std::this_thread::get_id());
}

TEST_CASE("a full queue of workers refuses") {
  RealLoop loop;
  ThreadWorkers workers(1, 0);
  const Result<std::thread::id> thread = run(loop, where(workers, loop));
  REQUIRE_FALSE(thread.ok());
  CHECK(thread.error().code == Code::exhausted);
}

TEST_CASE("in the simulated world the loop itself does the work") {
  VirtualTime time;
  VirtualLoop loop(time);
  LoopWorkers workers(loop);
  const Result<std::thread::id> thread = run(time, loop, where(workers, loop));
  REQUIRE(thread.ok());
  CHECK(*thread == std::this_thread::get_id());
}

TEST_CASE("signals to the process are waited for, and none is lost between two waits") {
  RealLoop loop;
  OsSignals signals(loop, {SIGUSR1, SIGUSR2});
  std::raise(SIGUSR1);
  CHECK(run<int>(loop, signals.next()) == SIGUSR1);
  std::raise(SIGUSR2);
  std::raise(SIGUSR1);
  const int first = run<int>(loop, signals.next());
  CHECK(first + run<int>(loop, signals.next()) == SIGUSR1 + SIGUSR2);
}
