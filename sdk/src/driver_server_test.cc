#include "sdk/src/driver_server.h"

#include <atomic>
#include <catch2/catch.hpp>
#include <filesystem>
#include <set>
#include <thread>

#include "base/loop/real_loop.h"
#include "base/loop/start.h"
#include "base/msgpack/msgpack.h"
#include "base/rpc/client.h"
#include "sdk/proto/driver.pb.h"
#include "sdk/src/blocking_pool.h"

namespace drover::sdk {
namespace {

namespace drivers = hashicorp::nomad::plugins::drivers::proto;
using drover::rpc::CallOptions;

constexpr const char* prefix = "/hashicorp.nomad.plugins.drivers.proto.Driver/";

/// A command that prints without end until it is killed.
class Flood final : public ExecSession {
 public:
  Flood(Handlers handlers, std::atomic<int>& printed, std::atomic<int>& killed) : printed_(printed), killed_(killed) {
    thread_ = std::thread([this, handlers = std::move(handlers)] {
      const std::string chunk(10'000, 'x');
      while (!over_) {
        handlers.output(false, chunk);
        ++printed_;
      }
      handlers.exited(137, 9);
    });
  }
  ~Flood() override {
    kill();
    thread_.join();
  }
  Result<void> write_stdin(std::string_view) override { return {}; }
  void close_stdin() override {}
  Result<void> resize(int, int) override { return {}; }
  void kill() override {
    if (!over_.exchange(true)) ++killed_;
  }

 private:
  std::atomic<int>& printed_;
  std::atomic<int>& killed_;
  std::atomic<bool> over_ = false;
  std::thread thread_;
};

struct Counters {
  std::atomic<int> printed = 0;
  std::atomic<int> killed = 0;
  std::atomic<int> destroyed = 0;
};

class TestTask final : public Task, public RunsCommands {
 public:
  explicit TestTask(Counters& counters) : counters_(counters) {}
  Exit wait() override { return Exit::unknown("on_exit() tells"); }
  bool on_exit(std::function<void(const Exit&)> handler) override {
    const std::lock_guard lock(mutex_);
    ended_ = std::move(handler);
    return true;
  }
  // Tells before it returns: no thread of the task outlives the test.
  Result<void> stop(int, Duration) override {
    const std::lock_guard lock(mutex_);
    ended_(Exit::of_signal(9));
    return {};
  }
  std::string checkpoint() const override { return "c"; }
  Result<void> destroy() override { return ++counters_.destroyed, Result<void>(); }
  Result<std::unique_ptr<ExecSession>> exec(const ExecSpec&, ExecSession::Handlers handlers) override {
    return std::unique_ptr<ExecSession>(std::make_unique<Flood>(std::move(handlers), counters_.printed, counters_.killed));
  }

 private:
  Counters& counters_;
  std::mutex mutex_;
  std::function<void(const Exit&)> ended_;
};

class TestDriver : public DriverOf<TestTask, NoConfig> {
 public:
  explicit TestDriver(Counters& counters) : counters_(counters) {}
  DriverInfo info() const override { return {.name = "test", .version = "1.0.0"}; }
  Result<std::unique_ptr<TestTask>> start(const TaskConfig& task, const NoConfig&, Events& events) override {
    events.emit(task, "starting", {{"why", "a test"}});
    return std::make_unique<TestTask>(counters_);
  }
  Result<std::unique_ptr<TestTask>> recover(const TaskConfig&, const NoConfig&, const std::string& checkpoint) override {
    if (checkpoint != "c") return fail(Code::not_found, "no such task");
    return std::make_unique<TestTask>(counters_);
  }

 private:
  Counters& counters_;
};

/// One network an allocation, known by its name.
class NetworkDriver final : public TestDriver, public MakesNetworks {
 public:
  using TestDriver::TestDriver;
  Result<Made> create_network(const std::string& alloc_id, const std::string& hostname) override {
    if (alloc_id == "none") return Made{};
    const bool is_new = networks_.insert(alloc_id).second;
    return Made{NetworkIsolation{NetworkMode::group, "/run/netns/" + alloc_id, {{"sandbox", "s"}}, hostname, "10.0.0.2"}, is_new};
  }
  Result<void> destroy_network(const std::string& alloc_id, const NetworkIsolation& network) override {
    if (network.labels.at("sandbox") != "s") return fail(Code::invalid, "not mine");
    networks_.erase(alloc_id);
    return {};
  }

 private:
  std::set<std::string> networks_;
};

/// A served driver and a connection to it; the server's loop runs on a thread of its own.
template <class ServedDriver>
struct ServedOf {
  ServedOf() : driver(counters), service(loop, pool, driver, [] {}) {
    std::string name = std::filesystem::temp_directory_path().string() + "/drover-sdk-XXXXXX";
    REQUIRE(mkdtemp(name.data()) != nullptr);
    folder = name;
    rpc::Server::Options options;
    options.address = "unix:" + folder + "/s";
    options.stop_grace = Duration::zero();
    server = std::move(rpc::Server::start(options, [this](std::shared_ptr<rpc::Call> call, const rpc::Incoming& incoming) {
               return service.accept(std::move(call), incoming);
             })).value();
    channel = std::make_unique<rpc::Channel>(options.address, rpc::Channel::Options{});
    guard = loop.keep_running();
    thread = std::thread([this] { loop.run(); });
  }

  ~ServedOf() {
    channel.reset();
    server.reset();
    drover::start(loop, stop());
    thread.join();
    std::filesystem::remove_all(folder);
  }

  Async<void> stop() {
    co_await service.stop();
    loop.stop();
  }

  template <class Response, class Request>
  std::pair<rpc::Status, Response> call(const char* method, Request request, Duration deadline = std::chrono::seconds(10)) {
    return run(near, rpc::call<Response, Request>(*channel, near, prefix + std::string(method), std::move(request), CallOptions{deadline, false}));
  }

  rpc::Status start_task(const std::string& id) {
    drivers::StartTaskRequest request;
    request.mutable_task()->set_id(id);
    request.mutable_task()->set_msgpack_driver_config(msgpack::encode(Value::map()));
    return call<drivers::StartTaskResponse>("StartTask", request).first;
  }

  rpc::Status destroy_task(const std::string& id) {
    drivers::DestroyTaskRequest request;
    request.set_task_id(id);
    request.set_force(true);
    return call<drivers::DestroyTaskResponse>("DestroyTask", request).first;
  }

  Counters counters;
  ServedDriver driver;
  RealLoop loop;
  RealLoop near;
  BlockingPool pool;
  DriverServer service;
  std::string folder;
  std::unique_ptr<rpc::Server> server;
  std::unique_ptr<rpc::Channel> channel;
  std::shared_ptr<void> guard;
  std::thread thread;
};

using Served = ServedOf<TestDriver>;

Async<bool> pause(Loop& loop, Duration time) { co_return co_await loop.sleep(time); }

bool eventually(Served& served, std::function<bool()> condition) {
  for (int i = 0; i < 500 && !condition(); ++i) run(served.near, pause(served.near, 10ms));
  return condition();
}

}  // namespace

TEST_CASE("a caller that reads slowly slows the command down, not the memory up", "[sdk]") {
  Served served;
  REQUIRE(served.start_task("t").ok());
  std::atomic<bool> ended = false;
  rpc::CallEvents events;
  events.received = [](const std::string&) {};
  events.ended = [&ended](const rpc::Status&) { ended = true; };
  drivers::ExecTaskStreamingRequest setup;
  setup.mutable_setup()->set_task_id("t");
  setup.mutable_setup()->add_command("yes");
  const auto call = served.channel->open(prefix + std::string("ExecTaskStreaming"), events);
  REQUIRE(call->send(setup.SerializeAsString()).ok());

  REQUIRE(eventually(served, [&] { return served.counters.printed > 10; }));
  run(served.near, pause(served.near, 300ms));
  const int printed = served.counters.printed;
  run(served.near, pause(served.near, 300ms));
  CHECK(served.counters.printed - printed <= 1);

  call->cancel();
  CHECK(eventually(served, [&] { return ended && served.counters.killed == 1; }));
  CHECK(served.destroy_task("t").ok());
}

TEST_CASE("a running task is killed before it is destroyed by force, once", "[sdk]") {
  Served served;
  REQUIRE(served.start_task("t").ok());
  CHECK(served.start_task("t").message == "task with ID \"t\" already started");

  CHECK(served.destroy_task("t").ok());
  CHECK(served.destroy_task("t").message == "task not found for given id");
  CHECK(served.counters.destroyed == 1);
  CHECK(served.start_task("t").ok());
  CHECK(served.destroy_task("t").ok());
}

TEST_CASE("a command ends at its time limit", "[sdk]") {
  Served served;
  REQUIRE(served.start_task("t").ok());
  drivers::ExecTaskRequest request;
  request.set_task_id("t");
  request.add_command("yes");
  request.mutable_timeout()->set_nanos(50'000'000);

  CHECK(served.call<drivers::ExecTaskResponse>("ExecTask", request).first.code == rpc::StatusCode::deadline_exceeded);
  CHECK(eventually(served, [&] { return served.counters.killed == 1; }));
  CHECK(served.destroy_task("t").ok());
}

TEST_CASE("calls that cannot be understood are errors, and the next one works", "[sdk]") {
  Served served;
  const rpc::Reply garbage = run(served.near, served.channel->call(served.near, prefix + std::string("StartTask"), "\xff\xff", CallOptions{10s, false}));
  CHECK(garbage.status.code == rpc::StatusCode::unknown);
  CHECK(served.start_task("").message == "the task has no id");
  CHECK(served.start_task("t").ok());
  CHECK(served.destroy_task("t").ok());
}

TEST_CASE("a driver that makes networks makes one an allocation, and says when it was there already", "[sdk]") {
  ServedOf<NetworkDriver> served;
  CHECK(served.driver.capabilities().must_create_network);
  drivers::CreateNetworkRequest request;
  request.set_alloc_id("a");
  request.set_hostname("web");

  const auto first = served.call<drivers::CreateNetworkResponse>("CreateNetwork", request).second;
  CHECK(first.created());
  CHECK(first.isolation_spec().mode() == drivers::NetworkIsolationSpec::GROUP);
  CHECK(first.isolation_spec().path() == "/run/netns/a");
  CHECK(first.isolation_spec().hostsconfig().hostname() == "web");
  const auto second = served.call<drivers::CreateNetworkResponse>("CreateNetwork", request).second;
  CHECK_FALSE(second.created());
  CHECK(second.isolation_spec().path() == "/run/netns/a");

  drivers::DestroyNetworkRequest destroy;
  destroy.set_alloc_id("a");
  *destroy.mutable_isolation_spec() = first.isolation_spec();
  CHECK(served.call<drivers::DestroyNetworkResponse>("DestroyNetwork", destroy).first.ok());
  CHECK(served.call<drivers::CreateNetworkResponse>("CreateNetwork", request).second.created());

  request.set_alloc_id("none");
  CHECK_FALSE(served.call<drivers::CreateNetworkResponse>("CreateNetwork", request).second.has_isolation_spec());
  request.set_alloc_id("");
  CHECK(served.call<drivers::CreateNetworkResponse>("CreateNetwork", request).first.message == "the request names no allocation");
}

TEST_CASE("a driver that makes no networks says so", "[sdk]") {
  Served served;
  CHECK_FALSE(served.driver.capabilities().must_create_network);
  drivers::CreateNetworkRequest request;
  request.set_alloc_id("a");
  CHECK(served.call<drivers::CreateNetworkResponse>("CreateNetwork", request).first.message == "CreateNetwork RPC not supported by driver");
  CHECK(served.call<drivers::DestroyNetworkResponse>("DestroyNetwork", drivers::DestroyNetworkRequest()).first.message ==
        "DestroyNetwork RPC not supported by driver");
}

TEST_CASE("calls that block do not keep others waiting", "[sdk]") {
  std::mutex mutex;
  std::condition_variable changed;
  bool open = false;
  std::atomic<int> waiting = 0;
  BlockingPool pool;  // last: its end waits for the jobs, which use what is above
  for (int i = 0; i < 100; ++i) {
    REQUIRE(pool.submit([&] {
      std::unique_lock lock(mutex);
      ++waiting;
      changed.notify_all();
      changed.wait(lock, [&open] { return open; });
    }).ok());
  }
  std::unique_lock lock(mutex);
  CHECK(changed.wait_for(lock, 10s, [&waiting] { return waiting == 100; }));
  open = true;
  changed.notify_all();
}

}  // namespace drover::sdk
