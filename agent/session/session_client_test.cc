#include "agent/session/session_client.h"

#include <catch2/catch.hpp>

#include "agent/testing/test_link.h"
#include "base/loop/start.h"

namespace drover::agent {
namespace {

struct Owner final : SessionOwner {
  model::Hello hello() override {
    model::Hello out;
    out.set_have_index(index);
    return out;
  }
  void session_began() override { ++began; }
  void session_lost() override { ++lost; }
  Result<void> take(const model::DesiredAllocs& message) override {
    if (message.index() < index) return fail(Code::conflict, "older than known");
    index = message.index();
    return {};
  }
  void take(const model::StatusesStored& message) override { stored = message.sequence(); }
  void take(const model::OpenTunnel&) override { ++opened; }

  std::uint64_t index = 0, stored = 0;
  int began = 0, lost = 0, opened = 0;
};

struct Fixture {
  Fixture() { client.start(); }
  ~Fixture() { run(time, loop, client.stop()); }

  /// The next message at the server's end of the newest session.
  Result<model::FromAgent> heard() { return run(time, server, link.sessions.back()->receive()); }
  void tell(model::ToAgent message) { REQUIRE(link.sessions.back()->send(std::move(message))); }
  void welcome(Duration ttl = 9s) {
    model::ToAgent message;
    message.mutable_welcome()->set_heartbeat_ttl_ns(ttl.count());
    tell(message);
    time.run_until_idle();
  }

  VirtualTime time;
  VirtualLoop loop{time};
  VirtualLoop server{time};
  SeededRandom random{3};
  TestLink link{loop, server};
  Owner owner;
  SessionClient client{loop, random, link, owner, Log()};
};

model::ToAgent allocs(std::uint64_t index) {
  model::ToAgent message;
  message.mutable_allocs()->set_index(index);
  return message;
}

}  // namespace

TEST_CASE("a session begins with hello and is up when the server has said welcome", "[agent]") {
  Fixture f;
  f.time.run_until_idle();
  CHECK(f.heard()->has_hello());
  CHECK_FALSE(f.client.connected());

  f.welcome();
  CHECK(f.client.connected());
  CHECK(f.owner.began == 1);
}

TEST_CASE("a silent agent beats three times in the server's limit, a busy one does not need to", "[agent]") {
  Fixture f;
  f.time.run_until_idle();
  f.heard().value();
  f.welcome(9s);

  const Duration before = f.time.elapsed();
  CHECK(f.heard()->has_beat());
  CHECK(f.time.elapsed() - before <= 3s);
}

TEST_CASE("a lost session is dialled again, and says how far the agent is", "[agent]") {
  Fixture f;
  f.time.run_until_idle();
  f.heard().value();
  f.welcome();
  f.tell(allocs(42));
  f.time.run_until_idle();

  f.link.sessions.back()->close("the server restarts");
  f.time.advance(2s);
  CHECK(f.owner.lost == 1);
  CHECK(f.link.dials == 2);
  CHECK(f.heard()->hello().have_index() == 42);
}

TEST_CASE("pauses between dials grow to half a minute, and are not all alike", "[agent]") {
  Fixture f;
  f.link.refuses = true;
  f.time.advance(10s);
  const int early = f.link.dials;
  CHECK(early >= 4);
  f.time.advance(10min);
  CHECK(f.link.dials - early >= 19);
  CHECK(f.link.dials - early <= 42);
}

TEST_CASE("a server that takes the stream and then says nothing is given up", "[agent]") {
  Fixture f;
  f.time.advance(15s);
  CHECK(f.link.dials >= 2);
}

TEST_CASE("a server that goes silent after the welcome is given up", "[agent]") {
  Fixture f;
  f.time.run_until_idle();
  f.heard().value();
  f.welcome(1s);
  f.time.advance(10s);
  CHECK(f.owner.lost == 1);
}

TEST_CASE("a message that cannot be taken ends the session", "[agent]") {
  Fixture f;
  f.owner.index = 7;
  f.time.run_until_idle();
  f.heard().value();
  f.welcome();
  f.tell(allocs(5));
  f.time.run_until_idle();
  CHECK(f.owner.lost == 1);
}

TEST_CASE("a refusal is said in the log's words and tried again seldom", "[agent]") {
  Fixture f;
  f.time.run_until_idle();
  f.heard().value();
  model::ToAgent refused;
  refused.mutable_refused()->set_reason("node secret does not match");
  f.tell(refused);
  f.time.advance(10s);
  CHECK(f.link.dials == 1);
  f.time.advance(21s);
  CHECK(f.link.dials >= 2);
  CHECK(f.link.dials <= 3);
}

}  // namespace drover::agent
