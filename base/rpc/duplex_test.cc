#include "base/rpc/duplex.h"

#include <catch2/catch.hpp>
#include <optional>

#include "base/loop/start.h"
#include "base/rpc/client.h"
#include "base/rpc/server.h"

namespace drover::rpc {
namespace {

/// Both ends of one stream on one loop, over TCP on loopback.
struct Pair {
  explicit Pair(RealLoop& loop) {
    Server::Options options;
    options.address = "127.0.0.1:0";
    options.stop_grace = Duration::zero();
    server = std::move(Server::start(options, [this, &loop](std::shared_ptr<Call> call, const Incoming&) {
               return serve_duplex(loop, std::move(call), HalfClose::ends_the_stream, [this](auto accepted) { far = std::move(accepted); });
             })).value();
    channel = std::make_unique<Channel>("127.0.0.1:" + std::to_string(server->port()), Channel::Options{});
    near = duplex_of(loop, [this](CallEvents events) {
      const std::shared_ptr<Call> call = channel->open("/test/Stream", std::move(events));
      near_call = call;
      return call;
    });
  }

  std::unique_ptr<Server> server;
  std::unique_ptr<Channel> channel;
  std::unique_ptr<ByteDuplex> near;
  std::weak_ptr<Call> near_call;
  std::unique_ptr<ByteDuplex> far;
};

Async<bool> connect(Pair& pair, Loop& loop) {
  while (!pair.far) co_await loop.sleep(1ms);
  co_return true;
}

Async<std::string> receive_text(ByteDuplex& end) {
  const Result<std::string> message = co_await end.receive();
  co_return message.ok() ? *message : "error: " + std::string(to_text(message.error().code)) + ": " + message.error().message;
}

Async<int> receive_in_order(ByteDuplex& end, int messages) {
  int right = 0;
  for (int i = 0; i < messages; ++i) {
    const Result<std::string> message = co_await end.receive();
    if (message.ok() && *message == std::to_string(i)) ++right;
  }
  co_return right;
}

Async<bool> send_until_refused(ByteDuplex& end, Loop& loop) {
  while (end.send("late").ok()) co_await loop.sleep(1ms);
  co_return true;
}

}  // namespace

TEST_CASE("messages cross a stream in order, both ways", "[rpc]") {
  RealLoop loop;
  Pair pair(loop);
  run(loop, connect(pair, loop));

  for (int i = 0; i < 2000; ++i) {
    REQUIRE(pair.near->send(std::to_string(i)).ok());
    REQUIRE(pair.far->send(std::to_string(i)).ok());
  }

  CHECK(run(loop, receive_in_order(*pair.far, 2000)) == 2000);
  CHECK(run(loop, receive_in_order(*pair.near, 2000)) == 2000);
}

TEST_CASE("what was sent before the server closes arrives, then the reason", "[rpc]") {
  RealLoop loop;
  Pair pair(loop);
  run(loop, connect(pair, loop));

  REQUIRE(pair.far->send("last words").ok());
  pair.far->close("node is unknown");

  CHECK(run(loop, receive_text(*pair.near)) == "last words");
  CHECK(run(loop, receive_text(*pair.near)) == "error: unavailable: node is unknown");
  CHECK_FALSE(pair.far->send("more").ok());
}

TEST_CASE("what a server said before it closed is read to its end by a client that goes on sending", "[rpc]") {
  RealLoop loop;
  Pair pair(loop);
  run(loop, connect(pair, loop));
  constexpr int messages = static_cast<int>(receive_queue_max) + 20;  // more than are taken before anybody asks for them

  for (int i = 0; i < messages; ++i) REQUIRE(pair.far->send(std::to_string(i)).ok());
  pair.far->close("done");
  run(loop, send_until_refused(*pair.near, loop));

  CHECK(run(loop, receive_in_order(*pair.near, messages)) == messages);
  CHECK(run(loop, receive_text(*pair.near)) == "error: unavailable: done");
}

Async<bool> wait_for_the_end(std::weak_ptr<Call> call, Loop& loop) {
  for (int looks = 0; looks < 5000 && !call.expired(); ++looks) co_await loop.sleep(1ms);
  co_return call.expired();
}

TEST_CASE("a call whose client has closed is let go, whatever the server still says", "[rpc]") {
  const int messages = GENERATE(0, 1, static_cast<int>(receive_queue_max) + 20, 1000);
  RealLoop loop;
  Pair pair(loop);
  run(loop, connect(pair, loop));
  for (int i = 0; i < messages; ++i) REQUIRE(pair.far->send(std::to_string(i)).ok());

  pair.near->close("answered");
  pair.near.reset();

  CHECK(run(loop, wait_for_the_end(pair.near_call, loop)));
}

TEST_CASE("a client that closes or vanishes ends the stream of the server", "[rpc]") {
  RealLoop loop;
  Pair pair(loop);
  run(loop, connect(pair, loop));

  SECTION("closes") { pair.near->close("done"); }
  SECTION("vanishes") { pair.near.reset(); }

  CHECK(run(loop, receive_text(*pair.far)).starts_with("error: unavailable"));
}

TEST_CASE("a server that stops ends the stream of the client", "[rpc]") {
  RealLoop loop;
  Pair pair(loop);
  run(loop, connect(pair, loop));

  pair.server.reset();

  CHECK(run(loop, receive_text(*pair.near)).starts_with("error: unavailable"));
}

TEST_CASE("a peer that does not read is noticed by the bounded queue", "[rpc]") {
  RealLoop loop;
  Pair pair(loop);
  run(loop, connect(pair, loop));

  Result<void> sent;
  const std::string message(100'000, 'x');
  for (int i = 0; sent.ok() && i < 20'000; ++i) sent = pair.near->send(message);

  REQUIRE_FALSE(sent.ok());
  CHECK(sent.error().code == Code::exhausted);
}

}  // namespace drover::rpc
