#include "api/blocking.h"

#include <catch2/catch.hpp>

#include "api/answer.h"
#include "base/loop/signal.h"
#include "base/loop/start.h"

namespace drover::api {
namespace {

/// A state of which one thing is read: `result` is its index, `state` that of everything.
struct Fixture {
  Found read() {
    ++reads;
    return {.index = result, .seen = state, .build = [this] { return (++builds, json("{}")); }};
  }
  Async<bool> wait(Index seen, Duration limit) {
    while (state <= seen) {
      const bool woken = co_await changed.wait_for(limit);
      if (!woken) co_return false;
      if (state <= seen) co_return true;  // the limit has passed
    }
    co_return true;
  }
  void change(Index to, bool ours) {
    state = to;
    if (ours) result = to;
    changed.notify();
  }

  void ask(Params params) {
    std::function<void(http::Response)> done = [this](http::Response response) { answer = std::move(response); };
    start<http::Response>(loop,
                          answer_read(std::move(params), 0s, loop, [this] { return read(); },
                                      [this](Index seen, Duration limit) { return wait(seen, limit); }),
                          std::move(done));
    time.run_until_idle();
  }

  VirtualTime time;
  VirtualLoop loop{time};
  Signal changed{loop};
  Index result = 5;
  Index state = 9;
  int reads = 0;
  int builds = 0;
  std::optional<http::Response> answer;
};

Params after(Index index, Duration wait = 10s) {
  Params params;
  params.index = index;
  params.wait = wait;
  return params;
}

TEST_CASE("a read without an index, or with an old one, is answered at once", "[api]") {
  Fixture f;
  f.ask(after(0));
  REQUIRE(f.answer);
  CHECK(f.answer->headers.get("X-Nomad-Index") == "5");
  CHECK(f.answer->headers.get("X-Nomad-KnownLeader") == "true");
  CHECK(f.answer->headers.get("X-Nomad-LastContact") == "0");

  f.answer.reset();
  f.ask(after(4));
  CHECK(f.answer);
}

TEST_CASE("a blocking read sleeps through changes of other things and answers with its own", "[api]") {
  Fixture f;
  f.ask(after(5));
  CHECK_FALSE(f.answer);

  f.change(10, false);
  f.time.run_until_idle();
  CHECK_FALSE(f.answer);
  CHECK(f.reads == 2);
  CHECK(f.builds == 0);

  f.change(11, true);
  f.time.run_until_idle();
  REQUIRE(f.answer);
  CHECK(f.answer->headers.get("X-Nomad-Index") == "11");
  CHECK(f.builds == 1);
}

TEST_CASE("a blocking read whose time is over answers what is there", "[api]") {
  Fixture f;
  f.ask(after(5, 10s));

  f.time.advance(9s);
  CHECK_FALSE(f.answer);
  f.time.advance(2s);
  REQUIRE(f.answer);
  CHECK(f.answer->headers.get("X-Nomad-Index") == "5");
}

TEST_CASE("jitter is at most a sixteenth of the wait", "[api]") {
  CHECK(jitter_of(16s, 0.0) == 0s);
  CHECK(jitter_of(16s, 0.5) == 500ms);
  CHECK(jitter_of(16s, 0.999) < 1s);
}

}  // namespace
}  // namespace drover::api
