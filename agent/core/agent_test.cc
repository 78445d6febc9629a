#include "agent/agent.h"

#include <catch2/catch.hpp>

#include <algorithm>

#include "agent/testing/fixed_facts.h"
#include "agent/testing/fixtures.h"
#include "agent/testing/test_link.h"
#include "base/loop/scope.h"
#include "base/loop/start.h"
#include "base/loop/workers.h"
#include "model/proto/alloc.pb.h"
#include "model/proto/node.pb.h"

namespace drover::agent {
namespace {

/// A server as one agent sees it: takes every session, wants what `wanted` holds, remembers what it was told.
class FakeServer {
 public:
  FakeServer(VirtualTime& time, VirtualLoop& loop) : time_(time), loop_(loop) {}

  /// Speaks with sessions that have come since, and hears what there is.
  void turn(TestLink& link) {
    time_.run_until_idle();
    while (!link.sessions.empty()) {
      sessions.push_back(std::move(link.sessions.front()));
      link.sessions.pop_front();
      drover::start(loop_, hear(*sessions.back()));
    }
    time_.run_until_idle();
  }

  void push(bool full) {
    model::ToAgent message;
    model::DesiredAllocs& allocs = *message.mutable_allocs();
    allocs.set_index(++index);
    allocs.set_full(full);
    for (const auto& [id, alloc] : wanted) *allocs.add_allocs() = *alloc;
    static_cast<void>(sessions.back()->send(std::move(message)));
    time_.run_until_idle();
  }

  std::map<std::string, std::shared_ptr<const model::Allocation>> wanted;
  std::map<std::string, std::string> told;  ///< the last status of each allocation
  std::vector<std::string> history;         ///< "<id>:<status>" of all that was told
  std::vector<std::string> services;        ///< each set of services that was told
  std::vector<model::Node> nodes;
  std::vector<std::string> secrets;
  std::vector<std::unique_ptr<ServerSession>> sessions;
  std::uint64_t index = 100;
  bool acknowledges = true;

 private:
  Async<void> hear(ServerSession& session) {
    for (;;) {
      const Result<model::FromAgent> message = co_await session.receive();
      if (!message) co_return;
      if (message->has_hello()) welcome(session, message->hello());
      if (message->has_node()) nodes.push_back(message->node());
      if (message->has_statuses()) take(session, message->statuses());
    }
  }
  void welcome(ServerSession& session, const model::Hello& hello) {
    nodes.push_back(hello.node());
    secrets.push_back(hello.secret_id());
    model::ToAgent answer;
    answer.mutable_welcome()->set_heartbeat_ttl_ns(Duration(10min).count());
    static_cast<void>(session.send(std::move(answer)));
    model::ToAgent message;
    message.mutable_allocs()->set_index(++index);
    message.mutable_allocs()->set_full(true);
    for (const auto& [id, alloc] : wanted) *message.mutable_allocs()->add_allocs() = *alloc;
    static_cast<void>(session.send(std::move(message)));
  }
  /// "api ready, admin unready".
  static std::string words_of(const model::AllocServices& all) {
    std::string out;
    for (const auto& service : all.services())
      out += (out.empty() ? "" : ", ") + service.service_name() + (service.unready() ? " unready" : " ready");
    return out;
  }
  void take(ServerSession& session, const model::AllocStatuses& statuses) {
    for (const model::AllocStatus& status : statuses.allocs()) {
      told[status.id()] = status.client_status();
      history.push_back(status.id() + ":" + status.client_status());
      if (status.has_services()) services.push_back(words_of(status.services()));
    }
    if (!acknowledges) return;
    model::ToAgent answer;
    answer.mutable_stored()->set_sequence(statuses.sequence());
    static_cast<void>(session.send(std::move(answer)));
  }

  VirtualTime& time_;
  VirtualLoop& loop_;
};

/// One life of an agent.
struct Life {
  Life(TestMachine& machine, VirtualLoop& server_loop, Settings settings)
      : loop(machine.time),
        drivers(loop, machine.machine),
        store(loop, machine.disk),
        files(loop, machine.folders),
        probe(loop),
        link(loop, server_loop),
        workers(loop),
        agent({loop, random, drivers, store, files, facts, probe, link, workers, Log()}, std::move(settings)) {}

  VirtualLoop loop;
  SeededRandom random{11};
  SimDrivers drivers;
  MemoryStore store;
  MemoryFiles files;
  FixedFacts facts;
  SimProbe probe;
  TestLink link;
  LoopWorkers workers;
  Agent agent;
};

struct Fixture {
  Fixture() : server_loop(machine.time), server(machine.time, server_loop) { begin(); }
  ~Fixture() {
    if (life) stop();
  }

  void begin() {
    life = std::make_unique<Life>(machine, server_loop, settings);
    REQUIRE(run(machine.time, life->loop, life->agent.start()));
    server.turn(life->link);
  }
  void stop() {
    run(machine.time, life->loop, life->agent.stop());
    life.reset();
  }
  void crash() {
    life->loop.crash();
    life.reset();
  }
  void advance(Duration by) {
    for (Duration passed{}; passed < by; passed += 100ms) {
      machine.time.advance(std::min<Duration>(100ms, by - passed));
      server.turn(life->link);
    }
  }
  void want(const std::string& id, const std::string& config = "{}", const std::string& type = "service") {
    server.wanted[id] = make_alloc(
        [&](model::Allocation& alloc, model::TaskGroup& group) {
          alloc.mutable_job()->set_type(type);
          group.mutable_tasks(0)->set_config(config);
        },
        id);
  }

  TestMachine machine;
  VirtualLoop server_loop;
  FakeServer server;
  Settings settings;
  std::unique_ptr<Life> life;
};

}  // namespace

TEST_CASE("an agent says who it is, runs what the server wants, and tells what became of it", "[agent]") {
  Fixture f;
  REQUIRE(f.server.nodes.size() == 1);
  CHECK(f.server.nodes[0].id() == f.life->agent.node_id());
  CHECK(f.server.nodes[0].drivers().at("mock_driver").healthy());
  CHECK(f.server.nodes[0].node_resources().cpu().cpu_shares() == 4000);
  CHECK(f.life->agent.connected());

  f.want("a");
  f.want("b", R"({"run_for": "2s"})", "batch");
  f.server.push(true);
  f.advance(1s);
  CHECK(f.server.told == std::map<std::string, std::string>{{"a", "running"}, {"b", "running"}});
  f.advance(2s);
  CHECK(f.server.told.at("b") == "complete");
}

TEST_CASE("the node and its secret stay the same over restarts", "[agent]") {
  Fixture f;
  const std::string id = f.life->agent.node_id();
  f.stop();
  f.begin();
  CHECK(f.life->agent.node_id() == id);
  REQUIRE(f.server.secrets.size() == 2);
  CHECK(f.server.secrets[0] == f.server.secrets[1]);
  CHECK_FALSE(f.server.secrets[0].empty());
}

TEST_CASE("an agent that restarts adopts its tasks before it is ready, and none starts twice", "[agent]") {
  Fixture f;
  for (int i = 0; i < 20; ++i) f.want("alloc-" + std::to_string(i));
  f.server.push(true);
  f.advance(1s);
  REQUIRE(f.machine.machine.running() == 20);

  const bool killed = GENERATE(true, false);
  if (killed)
    f.crash();
  else
    f.stop();
  f.begin();
  CHECK(f.life->agent.statuses().size() == 20);
  f.advance(2s);
  CHECK(f.machine.machine.running() == 20);
  CHECK(f.machine.machine.starts.size() == 20);
  CHECK(f.server.told.at("alloc-7") == "running");
}

TEST_CASE("what the server has forgotten is stopped and deleted", "[agent]") {
  Fixture f;
  f.want("a");
  f.server.push(true);
  f.advance(1s);
  f.server.wanted.clear();
  f.server.push(true);
  f.advance(2s);

  CHECK(f.machine.machine.running() == 0);
  CHECK(f.machine.disk.state.allocs.empty());
  CHECK(f.machine.folders.allocs.empty());
  CHECK(f.life->agent.statuses().empty());
}

TEST_CASE("statuses that were not acknowledged are told again in the next session", "[agent]") {
  Fixture f;
  f.server.acknowledges = false;
  f.want("a");
  f.server.push(true);
  f.advance(1s);
  CHECK(f.server.told.at("a") == "running");

  f.server.told.clear();
  f.server.acknowledges = true;
  f.server.sessions.back()->close("the server restarts");
  f.advance(3s);
  CHECK(f.server.sessions.size() == 2);
  CHECK(f.server.told.at("a") == "running");
  CHECK(f.machine.machine.starts.size() == 1);
}

TEST_CASE("an allocation stopped before it came here is told to be over, once", "[agent]") {
  Fixture f;
  f.server.wanted["a"] = make_alloc([](model::Allocation& alloc, auto&) { alloc.set_desired_status("stop"); }, "a");
  f.server.push(true);
  f.advance(1s);
  f.server.push(true);
  f.advance(1s);
  CHECK(f.server.history == std::vector<std::string>{"a:complete"});
  CHECK(f.machine.machine.starts.empty());
}

TEST_CASE("only as many ended allocations are kept as the settings allow, and they do not run again", "[agent]") {
  Fixture f;
  f.stop();
  f.settings.gc_max_allocs = 3;
  f.settings.gc_interval = 5s;
  f.begin();
  for (int i = 0; i < 6; ++i) f.want("alloc-" + std::to_string(i), R"({"run_for": "1s"})", "batch");
  f.server.push(true);
  f.advance(10s);
  CHECK(f.machine.folders.allocs.size() == 3);
  f.server.push(true);
  f.advance(5s);
  CHECK(f.machine.machine.starts.size() == 6);
  CHECK(f.machine.folders.allocs.size() == 3);
}

TEST_CASE("a driver that dies and comes back is told to the server, its task lives on", "[agent]") {
  Fixture f;
  f.want("a");
  f.server.push(true);
  f.advance(1s);
  f.machine.machine.kill_driver("mock_driver", 2s);
  f.life->drivers.fingerprint_again();
  f.advance(1s);
  CHECK_FALSE(f.server.nodes.back().drivers().at("mock_driver").healthy());
  f.advance(2s);
  f.life->drivers.fingerprint_again();
  f.advance(6s);
  CHECK(f.server.nodes.back().drivers().at("mock_driver").healthy());
  CHECK(f.machine.machine.starts.size() == 1);
  CHECK(f.machine.machine.running() == 1);
}

TEST_CASE("ending an agent leaves nothing running and nothing behind", "[agent]") {
  Fixture f;
  f.want("a");
  f.want("b");
  f.server.push(true);
  f.advance(1s);
  run(f.machine.time, f.life->loop, f.life->agent.end());
  CHECK(f.machine.machine.running() == 0);
  CHECK(f.machine.folders.allocs.empty());
  CHECK(f.machine.disk.state.allocs.empty());
}

TEST_CASE("a store that cannot be written keeps a new agent from starting, with the reason", "[agent]") {
  TestMachine machine;
  machine.disk.full = true;
  VirtualLoop server_loop(machine.time);
  Life life(machine, server_loop, {});
  const Result<void> started = run(machine.time, life.loop, life.agent.start());
  REQUIRE_FALSE(started);
  CHECK(started.error().message == "the agent's state cannot be written: no space left on device");
  run(machine.time, life.loop, life.agent.stop());
}

TEST_CASE("a burst of events of one task is one message, a change of state is told at once", "[agent]") {
  Fixture f;
  f.want("a", R"({"run_for": "100ms", "exit_code": 1})");
  f.server.push(true);
  f.advance(400ms);
  // received+set up, started, ended: each a change that somebody may wait for.
  CHECK(f.server.history.size() <= 4);
  CHECK(f.server.history.size() >= 2);
}

/// A service "api" with a check, of the group.
void add_service(model::TaskGroup& group) {
  model::Service& service = *group.add_services();
  service.set_name("api");
  service.set_port_label("8000");
  model::ServiceCheck& check = *service.add_checks();
  check.set_type("http");
  check.set_path("/health");
  check.set_interval(Duration(10s).count());
  check.set_timeout(Duration(2s).count());
}

std::shared_ptr<const model::Allocation> serving_alloc() {
  return make_alloc([](auto&, model::TaskGroup& group) { add_service(group); });
}

TEST_CASE("services are told as they become ready, and taken back before the task is stopped", "[agent]") {
  Fixture f;
  f.server.wanted[test_alloc_id] = serving_alloc();
  f.server.push(true);
  f.advance(3s);
  CHECK(f.server.services == std::vector<std::string>{"api unready", "api ready"});

  f.server.services.clear();
  f.server.wanted[test_alloc_id] =
      changed_alloc(*serving_alloc(), [](model::Allocation& alloc) { alloc.set_desired_status("stop"); });
  f.server.push(true);
  CHECK(f.server.services == std::vector<std::string>{""});
  f.advance(100ms);  // who follows the list stops asking meanwhile
  CHECK(f.machine.machine.ends.empty());
  f.advance(1s);
  CHECK(f.machine.machine.ends.size() == 1);
  CHECK(f.server.told[test_alloc_id] == "complete");
}

TEST_CASE("a new session is told of all services again, and an agent that restarts does not take them away", "[agent]") {
  Fixture f;
  f.server.wanted[test_alloc_id] = serving_alloc();
  f.server.push(true);
  f.advance(3s);

  f.server.services.clear();
  f.stop();
  f.begin();
  f.advance(500ms);
  REQUIRE_FALSE(f.server.services.empty());
  CHECK(std::count(f.server.services.begin(), f.server.services.end(), "api ready") ==
        static_cast<std::ptrdiff_t>(f.server.services.size()));
}

}  // namespace drover::agent
