#include "tests/sim/net.h"

#include <algorithm>

#include <catch2/catch.hpp>

#include "base/loop/start.h"

using namespace drover;
using namespace drover::sim;

namespace {

using End = NetEnd<int, int>;

struct Pair {
  explicit Pair(std::uint64_t seed) : net(time, trace, seed, 1) {
    connection = net.connect(0);
    const auto up = std::make_shared<Lane<int>>();
    const auto down = std::make_shared<Lane<int>>();
    connection->drop_all = [up, down] {
      up->parcels.clear();
      down->parcels.clear();
    };
    const End::Describe describe = [](const int& message) { return std::to_string(message); };
    agent = std::make_unique<End>(agent_loop, connection, Side::agent, "agent", up, down, describe);
    server = std::make_unique<End>(server_loop, connection, Side::server, "server", down, up, describe);
  }

  VirtualTime time;
  Trace trace{time};
  Net net;
  VirtualLoop agent_loop{time};
  VirtualLoop server_loop{time};
  std::shared_ptr<Connection> connection;
  std::unique_ptr<End> agent;
  std::unique_ptr<End> server;
  std::vector<int> got;
  std::string end;
};

Async<void> collect(Pair& pair) {
  for (;;) {
    const Result<int> message = co_await pair.server->receive();
    if (!message) {
      pair.end = message.error().message;
      co_return;
    }
    pair.got.push_back(*message);
  }
}

}  // namespace

TEST_CASE("messages arrive late but in order, now and then twice") {
  bool doubled = false;
  for (std::uint64_t seed = 1; seed < 20; ++seed) {
    Pair pair(seed);
    start(pair.server_loop, collect(pair));
    for (int i = 0; i < 50; ++i) CHECK(pair.agent->send(i).ok());
    pair.time.advance(10s);

    doubled = doubled || pair.got.size() > 50;
    CHECK(std::is_sorted(pair.got.begin(), pair.got.end()));
    pair.got.erase(std::unique(pair.got.begin(), pair.got.end()), pair.got.end());
    CHECK(pair.got.size() == 50);
    pair.server_loop.crash();
  }
  CHECK(doubled);
}

TEST_CASE("a short cut delays, a long one breaks both sides in their own time") {
  Pair pair(1);
  pair.net.calm();
  start(pair.server_loop, collect(pair));
  pair.net.set_cut(0, true);
  CHECK(pair.agent->send(1).ok());
  pair.time.advance(5s);
  CHECK(pair.got.empty());

  pair.net.set_cut(0, false);
  pair.time.advance(1s);
  CHECK(pair.got == std::vector<int>{1});

  pair.net.set_cut(0, true);
  pair.time.advance(40s);
  CHECK(pair.end == "the connection is broken");
  CHECK_FALSE(pair.agent->send(2).ok());
}

TEST_CASE("a reset loses what is under way") {
  Pair pair(1);
  start(pair.server_loop, collect(pair));
  CHECK(pair.agent->send(1).ok());
  pair.net.reset(0);
  pair.time.advance(20s);
  CHECK(pair.got.empty());
  CHECK(pair.end == "the connection is broken");
}

TEST_CASE("what a reset has lost is noticed also when a cut ends meanwhile: no message is missing in a stream that goes on") {
  Pair pair(1);
  start(pair.server_loop, collect(pair));
  pair.net.set_cut(0, true);
  CHECK(pair.agent->send(1).ok());
  pair.net.reset(0);
  pair.net.set_cut(0, false);
  pair.time.advance(20s);
  CHECK(pair.got.empty());
  CHECK(pair.end == "the connection is broken");
}

TEST_CASE("an end that goes closes the stream behind what it has sent") {
  Pair pair(1);
  pair.net.calm();
  start(pair.server_loop, collect(pair));
  CHECK(pair.agent->send(1).ok());
  pair.agent.reset();
  pair.time.advance(1s);
  CHECK(pair.got == std::vector<int>{1});
  CHECK(pair.end == "the other side is gone");
}
