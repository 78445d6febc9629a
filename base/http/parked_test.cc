#include <sys/resource.h>

#include <catch2/catch.hpp>

#include <atomic>
#include <future>

#include "base/http/client.h"
#include "base/http/server.h"
#include "base/http/test_server.h"
#include "base/loop/signal.h"

namespace drover::http {
namespace {

/// Holds requests for "/park" until told to let go.
class Park {
 public:
  void use(Loop& loop) { wake_ = std::make_unique<Signal>(loop); }

  Async<Response> handle(Request request) {
    Response response;
    if (request.path == "/park") {
      ++parked_;
      parked_.notify_all();
      const bool woken = co_await wake_->wait();
      if (!woken) {
        ++cancelled_;
        cancelled_.notify_all();
      }
    }
    response.body = "done";
    co_return response;
  }

  void wait_until_parked(int count) { wait_for(parked_, count); }
  void wait_until_cancelled(int count) { wait_for(cancelled_, count); }
  void let_go(Loop& loop) {
    loop.post([this] { wake_->notify(); });
  }

 private:
  static void wait_for(std::atomic<int>& counter, int count) {
    for (int now = counter; now < count; now = counter) counter.wait(now);
  }

  std::unique_ptr<Signal> wake_;
  std::atomic<int> parked_ = 0;
  std::atomic<int> cancelled_ = 0;
};

struct ParkingServer {
  explicit ParkingServer(ServerOptions options = {.connections_per_address_max = 0, .sweep_interval = 10ms})
      : server([this](Request request) { return park.handle(std::move(request)); }, std::move(options)) {
    std::promise<void> ready;
    server.loop().post([this, &ready] {
      park.use(server.loop());
      ready.set_value();
    });
    ready.get_future().wait();
  }

  Park park;
  TestServer server;
};

/// How many connections this process may hold both ends of, up to `wanted`.
int allowed_connections(int wanted) {
  rlimit limit{};
  ::getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  ::setrlimit(RLIMIT_NOFILE, &limit);
  const auto pairs = limit.rlim_cur == RLIM_INFINITY ? rlim_t(wanted) : (limit.rlim_cur - 100) / 2;
  return static_cast<int>(std::min<rlim_t>(pairs, wanted));
}

TEST_CASE("ten thousand parked requests are held while others are served, and all are woken", "[http]") {
  const int count = allowed_connections(10'000);
  if (count < 10'000) WARN("only " << count << " parked requests: the file limit allows no more");
  ParkingServer parking;
  std::vector<RawClient> clients;
  for (int i = 0; i < count; ++i) {
    clients.emplace_back(parking.server);
    REQUIRE(clients.back().connected());
    REQUIRE(clients.back().send("GET /park HTTP/1.1\r\n\r\n"));
  }
  parking.park.wait_until_parked(count);

  Client other({.address = parking.server.url()});
  for (int i = 0; i < 100; ++i) CHECK(other.get("/").value().body == "done");

  parking.park.let_go(parking.server.loop());
  int answered = 0;
  for (RawClient& client : clients) answered += client.read_until("done").ends_with("done");
  CHECK(answered == count);
}

TEST_CASE("a client that goes away while parked cancels its request", "[http]") {
  ParkingServer parking;
  {
    RawClient client(parking.server);
    client.send("GET /park HTTP/1.1\r\n\r\n");
    parking.park.wait_until_parked(1);
  }
  parking.park.wait_until_cancelled(1);
}

TEST_CASE("a pipelined request behind a parked one is no reason to cancel it, but closing is", "[http]") {
  ParkingServer parking;
  {
    RawClient stays(parking.server);
    stays.send("GET /park HTTP/1.1\r\n\r\nGET /next HTTP/1.1\r\nConnection: close\r\n\r\n");
    RawClient leaves(parking.server);
    leaves.send("GET /park HTTP/1.1\r\n\r\n");
    parking.park.wait_until_parked(2);
    leaves.send("GET /next HTTP/1.1\r\n\r\n");
    leaves.close();
    parking.park.wait_until_cancelled(1);

    parking.park.let_go(parking.server.loop());

    const std::string all = stays.read_all();
    CHECK(all.find("done") != all.rfind("done"));
  }
}

TEST_CASE("stopping cancels parked requests and still answers them", "[http]") {
  ParkingServer parking;
  RawClient client(parking.server);
  client.send("GET /park HTTP/1.1\r\n\r\n");
  parking.park.wait_until_parked(1);

  parking.server.stop();

  const std::string answer = client.read_all();
  CHECK(answer.ends_with("done"));
  CHECK(answer.find("Connection: close") != std::string::npos);
  CHECK_FALSE(RawClient(parking.server).connected());
}

}  // namespace
}  // namespace drover::http
