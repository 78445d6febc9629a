#include "base/rpc/rpc.h"

#include <drover/result.h>

#include <dlfcn.h>
#include <grpc/support/time.h>

#include <catch2/catch.hpp>
#include <chrono>
#include <filesystem>
#include <string>

#include "base/loop/scope.h"
#include "base/loop/start.h"
#include "base/rpc/client.h"
#include "base/rpc/server.h"

namespace drover::rpc {
namespace {

/// A server on a socket of its own, whose methods are: Echo, Fail, and Hang (never answers).
class TestServer {
 public:
  TestServer() : folder_(make_folder()) { start(); }
  ~TestServer() {
    server_.reset();
    std::filesystem::remove_all(folder_);
  }

  void start() {
    Server::Options options;
    options.address = target();
    options.stop_grace = Duration::zero();
    server_ = std::move(Server::start(options, [](std::shared_ptr<Call> call, const Incoming& incoming) {
                return accept(std::move(call), incoming.method);
              })).value();
  }
  void stop() { server_.reset(); }

  std::string target() const { return "unix:" + folder_ + "/s"; }

 private:
  static std::string make_folder() {
    std::string name = std::filesystem::temp_directory_path().string() + "/drover-rpc-XXXXXX";
    DROVER_ASSERT(mkdtemp(name.data()) != nullptr);
    return name;
  }

  static CallEvents accept(std::shared_ptr<Call> call, const std::string& method) {
    CallEvents events;
    call->read();
    if (method == "/test/Echo") {
      events.received = [call](std::string message) {
        CHECK(call->send(std::move(message)).ok());
        call->close();
      };
    } else if (method == "/test/Fail") {
      events.received = [call](const std::string& message) {
        call->close(Status{StatusCode::failed_precondition, message, "details"});
      };
    } else if (method != "/test/Hang") {
      call->close(Status{StatusCode::unimplemented, "unknown method " + method, {}});
    }
    return events;
  }

  std::string folder_;
  std::unique_ptr<Server> server_;
};

CallOptions within(Duration deadline) { return CallOptions{deadline, false}; }

Async<int> echo_many(Channel& channel, Loop& loop, int calls) {
  int right = 0;
  for (int i = 0; i < calls; ++i) {
    const std::string sent = std::to_string(i);
    const Reply reply = co_await channel.call(loop, "/test/Echo", sent, within(10s));
    if (reply.status.ok() && reply.body == sent) ++right;
  }
  co_return right;
}

Async<void> count_echoes(Channel& channel, Loop& loop, int calls, int& right, int& running) {
  right += co_await echo_many(channel, loop, calls);
  --running;
}

Async<int> echo_side_by_side(Channel& channel, Loop& loop, int lanes, int calls) {
  Scope scope(loop);
  int right = 0;
  int running = lanes;
  for (int lane = 0; lane < lanes; ++lane) scope.spawn(count_echoes(channel, loop, calls, right, running));
  while (running > 0) co_await loop.sleep(1ms);
  co_await scope.stop();
  co_return right;
}

Async<void> keep_reply(Channel& channel, Loop& loop, std::string method, std::optional<Reply>& reply) {
  reply = co_await channel.call(loop, std::move(method), "x", within(10s));
}

Async<Reply> cancel_soon(Channel& channel, Loop& loop) {
  Scope scope(loop);
  std::optional<Reply> reply;
  scope.spawn(keep_reply(channel, loop, "/test/Hang", reply));
  co_await loop.sleep(10ms);
  CHECK_FALSE(reply);
  co_await scope.stop();
  co_return reply.value();
}

Async<Reply> lose_the_server(Channel& channel, Loop& loop, TestServer& server) {
  Scope scope(loop);
  std::optional<Reply> reply;
  scope.spawn(keep_reply(channel, loop, "/test/Hang", reply));
  co_await loop.sleep(20ms);
  server.stop();
  while (!reply) co_await loop.sleep(1ms);
  co_await scope.stop();
  co_return *reply;
}

}  // namespace

TEST_CASE("the threads of gRPC that run callbacks do not sleep through what arrives") {
  TestServer server;
  // The very function that gRPC's library calls between two polls.
  const auto sleep_until = reinterpret_cast<void (*)(gpr_timespec)>(::dlsym(RTLD_DEFAULT, "gpr_sleep_until"));
  REQUIRE(sleep_until != nullptr);
  const auto began = std::chrono::steady_clock::now();
  for (int i = 0; i < 10; ++i) sleep_until(::gpr_time_add(::gpr_now(GPR_CLOCK_REALTIME), ::gpr_time_from_millis(100, GPR_TIMESPAN)));
  CHECK(std::chrono::steady_clock::now() - began < 500ms);
}

TEST_CASE("ten thousand calls, many at a time, all get their own answer", "[rpc]") {
  TestServer server;
  RealLoop loop;
  Channel channel(server.target(), {});

  CHECK(run(loop, echo_side_by_side(channel, loop, 50, 200)) == 10'000);
}

TEST_CASE("a failure keeps its code, message and details", "[rpc]") {
  TestServer server;
  RealLoop loop;
  Channel channel(server.target(), {});

  const Reply reply = run(loop, channel.call(loop, "/test/Fail", "no disk", within(10s)));

  CHECK(reply.status == Status{StatusCode::failed_precondition, "no disk", "details"});
}

TEST_CASE("a call that is not answered ends at its deadline", "[rpc]") {
  TestServer server;
  RealLoop loop;
  Channel channel(server.target(), {});

  const Reply reply = run(loop, channel.call(loop, "/test/Hang", "x", within(50ms)));

  CHECK(reply.status.code == StatusCode::deadline_exceeded);
}

TEST_CASE("a cancelled waiter gets its answer at once, and the server sees the end", "[rpc]") {
  TestServer server;
  RealLoop loop;
  Channel channel(server.target(), {});

  CHECK(run(loop, cancel_soon(channel, loop)).status.code == StatusCode::cancelled);
}

TEST_CASE("a call in flight fails when its server goes, and the next server is found", "[rpc]") {
  TestServer server;
  RealLoop loop;
  Channel channel(server.target(), {});

  CHECK(run(loop, lose_the_server(channel, loop, server)).status.code == StatusCode::unavailable);

  server.start();
  const Reply reply = run(loop, channel.call(loop, "/test/Echo", "again", CallOptions{10s, true}));
  CHECK(reply.body == "again");
}

TEST_CASE("an unknown method and an absent server are errors", "[rpc]") {
  TestServer server;
  RealLoop loop;
  Channel channel(server.target(), {});
  Channel nowhere("unix:/nonexistent/socket", {});

  CHECK(run(loop, channel.call(loop, "/test/Nothing", "", within(10s))).status.code == StatusCode::unimplemented);
  CHECK(run(loop, nowhere.call(loop, "/test/Echo", "", within(10s))).status.code == StatusCode::unavailable);
}

TEST_CASE("a channel that goes away takes its calls with it", "[rpc]") {
  TestServer server;
  RealLoop loop;
  std::optional<Reply> reply;
  {
    Channel channel(server.target(), {});
    start(loop, keep_reply(channel, loop, "/test/Hang", reply));
    loop.post([&loop] { loop.stop(); });
    loop.run();
  }
  const auto busy = loop.keep_running();
  loop.post([&loop] { loop.post([&loop] { loop.stop(); }); });
  loop.run();

  REQUIRE(reply);
  CHECK(reply->status.code == StatusCode::cancelled);
}

TEST_CASE("every code survives the way to gRPC and back", "[rpc]") {
  for (int code = 0; code <= static_cast<int>(Code::internal); ++code) {
    CHECK(code_of(status_code_of(static_cast<Code>(code))) == static_cast<Code>(code));
  }
}

}  // namespace drover::rpc
