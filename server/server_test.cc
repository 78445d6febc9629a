#include "server/server.h"

#include <catch2/catch.hpp>

#include <map>

#include "base/loop/duplex_pair.h"
#include "base/loop/scope.h"
#include "base/loop/start.h"
#include "base/loop/workers.h"
#include "model/proto/alloc.pb.h"
#include "model/proto/diff.pb.h"
#include "model/proto/evaluation.pb.h"
#include "model/proto/job.pb.h"
#include "model/proto/node.pb.h"
#include "model/proto/session.pb.h"
#include "server/journal/memory_journal.h"
#include "server/sessions/tunnels.h"

namespace drover::server {
namespace {

using AgentEnd = Duplex<model::FromAgent, model::ToAgent>;

/// An agent that runs whatever it is given, at once.
class FakeAgent {
 public:
  FakeAgent(Loop& loop, Random& random, std::int64_t memory_mb) : loop_(loop), scope_(loop) {
    node_.set_id(to_text(random.uuid()));
    node_.set_name("fake");
    node_.set_datacenter("dc1");
    (*node_.mutable_attributes())["kernel.name"] = "linux";
    (*node_.mutable_attributes())["driver.raw_exec"] = "1";
    auto& driver = (*node_.mutable_drivers())["raw_exec"];
    driver.set_detected(true);
    driver.set_healthy(true);
    node_.mutable_node_resources()->mutable_cpu()->set_cpu_shares(10000);
    node_.mutable_node_resources()->mutable_memory()->set_memory_mb(memory_mb);
    node_.mutable_node_resources()->mutable_disk()->set_disk_mb(100000);
  }

  Uuid id() const { return parse_uuid(node_.id()); }

  void connect(Server& server) {
    auto [ours, theirs] = duplex_pair<model::FromAgent, model::ToAgent>(loop_, loop_);
    link_ = std::move(ours);
    server.accept(std::move(theirs));
    model::FromAgent hello;
    *hello.mutable_hello()->mutable_node() = node_;
    hello.mutable_hello()->set_secret_id("secret of " + node_.id());
    REQUIRE(link_->send(std::move(hello)).ok());
    scope_.spawn(serve());
    scope_.spawn(beat());
  }

  /// The agent falls silent: its link stays, nothing is said any more.
  void fall_silent() { silent_ = true; }
  void speak_again() { silent_ = false; }
  Async<void> stop() {
    if (link_) link_->close("the agent stops");
    co_await scope_.stop();
  }

  int count(const std::string& desired) const {
    int found = 0;
    for (const auto& [id, alloc] : allocs_) found += alloc.desired_status() == desired ? 1 : 0;
    return found;
  }

  void report(const std::string& id, const std::string& status) {
    model::FromAgent message;
    message.mutable_statuses()->set_sequence(++sequence_);
    auto& said = *message.mutable_statuses()->add_allocs();
    said.set_id(id);
    said.set_client_status(status);
    REQUIRE(link_->send(std::move(message)).ok());
  }

  std::map<std::string, model::Allocation> allocs_;
  std::map<std::string, int> jobs_sent_;
  std::uint64_t stored_ = 0;
  std::string refused_;
  std::string opened_;  ///< the tunnel that was asked for last
  bool runs_ = true;

 private:
  Async<void> serve() {
    for (;;) {
      const Result<model::ToAgent> message = co_await link_->receive();
      if (!message) co_return;
      if (message->has_open()) opened_ = message->open().id();
      if (message->has_refused()) refused_ = message->refused().reason();
      if (message->has_stored()) stored_ = message->stored().sequence();
      if (message->has_allocs()) take(message->allocs());
    }
  }

  void take(const model::DesiredAllocs& desired) {
    if (desired.full()) allocs_.clear();
    for (const auto& job : desired.jobs()) ++jobs_sent_[job.id() + "@" + std::to_string(job.version())];
    for (const auto& id : desired.removed()) allocs_.erase(id);
    for (const auto& alloc : desired.allocs()) {
      allocs_[alloc.id()] = alloc;
      if (silent_ || !runs_) continue;
      const bool run = alloc.desired_status() == "run";
      if (run && alloc.client_status() == "pending") report(alloc.id(), "running");
      if (!run && alloc.client_status() != "complete" && alloc.client_status() != "lost") report(alloc.id(), "complete");
    }
  }

  Async<void> beat() {
    for (;;) {
      const bool slept = co_await loop_.sleep(5s);
      if (!slept) co_return;
      model::FromAgent message;
      message.mutable_beat();
      if (!silent_ && !link_->send(std::move(message))) co_return;
    }
  }

  Loop& loop_;
  model::Node node_;
  std::unique_ptr<AgentEnd> link_;
  std::uint64_t sequence_ = 0;
  bool silent_ = false;
  Scope scope_;
};

struct World {
  World() { start(); }
  ~World() {
    for (auto& agent : agents) run(time, loop, agent->stop());
    run(time, loop, server->stop());
  }

  void start() {
    server = std::make_unique<Server>(Server::Parts{loop, random, journal, snapshots, workers}, config);
    REQUIRE(run<Result<void>>(time, loop, server->start()).ok());
  }

  FakeAgent& add_agent(std::int64_t memory_mb = 4000) {
    agents.push_back(std::make_unique<FakeAgent>(loop, random, memory_mb));
    agents.back()->connect(*server);
    time.advance(1s);
    return *agents.back();
  }

  JobRegistered submit(const std::string& id, std::int64_t count, std::int64_t memory_mb = 100, const std::string& type = "service") {
    auto job = std::make_shared<model::Job>();
    job->set_namespace_("default");
    job->set_id(id);
    job->set_type(type);
    job->add_datacenters("*");
    auto* group = job->add_task_groups();
    group->set_name("g");
    if (type != "system") group->set_count(count);
    auto* task = group->add_tasks();
    task->set_name("main");
    task->set_driver("raw_exec");
    task->set_config("{\"command\":\"/bin/true\"}");
    task->mutable_resources()->set_cpu(10);
    task->mutable_resources()->set_memory_mb(memory_mb);
    auto answer = run<Result<JobRegistered>>(time, loop, server->register_job(RegisterJob{.job = job}));
    time.advance(1s);
    REQUIRE(answer.ok());
    return *answer;
  }

  int running(const std::string& job) {
    int count = 0;
    server->snapshot()->each_alloc_of_job("default", job, [&count](const AllocRow& row) {
      count += row.desired == DesiredStatus::run && row.client == ClientStatus::running ? 1 : 0;
      return true;
    });
    return count;
  }

  std::string eval_status(const std::string& id) { return server->snapshot()->eval(parse_uuid(id))->status(); }

  int blocked() {
    int count = 0;
    server->snapshot()->each_eval({}, [&count](const model::Evaluation& eval) { return count += eval.status() == "blocked" ? 1 : 0, true; });
    return count;
  }

  VirtualTime time;
  VirtualLoop loop{time};
  SeededRandom random{4};
  MemoryDisk disk;
  MemoryJournal journal{loop, disk};
  MemorySnapshots snapshots{disk};
  LoopWorkers workers{loop};
  ServerConfig config;
  std::unique_ptr<Server> server;
  std::vector<std::unique_ptr<FakeAgent>> agents;
};

}  // namespace

TEST_CASE("a registered job is placed, pushed to the agents and reported running") {
  World world;
  FakeAgent& agent = world.add_agent();

  const auto registered = world.submit("web", 3);

  CHECK(world.eval_status(registered.eval_id) == "complete");
  CHECK(agent.count("run") == 3);
  CHECK(agent.jobs_sent_["web@0"] == 1);
  CHECK(world.running("web") == 3);
  CHECK(agent.stored_ > 0);
  CHECK(to_text(world.server->snapshot()->current("default", "web")->status) == "running");
}

TEST_CASE("a job that finds no room is blocked, and placed when a node comes") {
  World world;
  world.add_agent(250);

  world.submit("web", 4);
  CHECK(world.running("web") == 2);
  CHECK(world.blocked() == 1);
  CHECK(world.server->snapshot()->summary("default", "web")->groups.at("g").queued == 2);

  world.add_agent(4000);
  world.time.advance(1s);
  CHECK(world.running("web") == 4);
  CHECK(world.blocked() == 0);
}

TEST_CASE("while the journal is full an evaluation is tried now and then, and done when there is room again") {
  World world;
  FakeAgent& agent = world.add_agent();
  world.submit("web", 1);
  world.disk.append_delay = 1ms;
  agent.report(agent.allocs_.begin()->first, "failed");  // it is placed again after a while
  world.time.advance(5s);
  REQUIRE(world.running("web") == 0);

  world.disk.refuse = Error{Code::exhausted, "the disk is full"};
  const std::uint64_t before = world.disk.appends;
  world.time.advance(10min);
  const std::uint64_t tried = world.disk.appends - before;
  CHECK(tried >= 5);
  CHECK(tried <= 300);

  world.disk.refuse.reset();
  world.time.advance(2min);
  CHECK(world.running("web") == 1);
}

TEST_CASE("what an agent says is acknowledged when it is durable, and not before") {
  World world;
  FakeAgent& agent = world.add_agent();
  world.submit("web", 1);
  const std::uint64_t before = agent.stored_;
  world.disk.append_delay = 50ms;

  agent.report(agent.allocs_.begin()->first, "complete");
  world.time.advance(40ms);
  CHECK(agent.stored_ == before);
  world.time.advance(20ms);
  CHECK(agent.stored_ == before + 1);
}

TEST_CASE("a job that is stopped leaves its agents, and makes room for one that waits") {
  World world;
  FakeAgent& agent = world.add_agent(250);
  world.submit("first", 2);
  world.submit("second", 2);
  CHECK(world.running("second") == 0);

  REQUIRE(run<Result<JobDeregistered>>(world.time, world.loop, world.server->deregister_job({.job = {"default", "first"}})).ok());
  world.time.advance(2s);

  CHECK(world.running("first") == 0);
  CHECK(world.running("second") == 2);
  CHECK(agent.count("stop") == 2);
  CHECK(to_text(world.server->snapshot()->current("default", "first")->status) == "dead");
}

TEST_CASE("a node that falls silent is given up and its work runs elsewhere; when it comes back it stops what is no longer its own") {
  World world;
  FakeAgent& lost = world.add_agent();
  world.submit("web", 3);
  FakeAgent& other = world.add_agent();
  REQUIRE(lost.count("run") == 3);

  lost.fall_silent();
  world.time.advance(2min);

  CHECK(world.server->snapshot()->node(lost.id())->status() == "down");
  CHECK(other.count("run") == 3);
  CHECK(world.running("web") == 3);

  lost.speak_again();
  world.time.advance(10s);
  CHECK(world.server->snapshot()->node(lost.id())->status() == "ready");
  CHECK(lost.count("run") == 0);
  CHECK(world.running("web") == 3);
}

TEST_CASE("a system job runs on every node, also on one that comes later") {
  World world;
  world.add_agent();
  world.submit("everywhere", 0, 10, "system");
  CHECK(world.running("everywhere") == 1);

  world.add_agent();
  world.time.advance(2s);
  CHECK(world.running("everywhere") == 2);
}

TEST_CASE("a failed allocation is replaced after its delay") {
  World world;
  FakeAgent& agent = world.add_agent();
  world.submit("web", 1);
  REQUIRE(agent.allocs_.size() == 1);

  agent.report(agent.allocs_.begin()->first, "failed");
  world.time.advance(10s);
  CHECK(world.running("web") == 0);
  world.time.advance(2min);

  CHECK(world.running("web") == 1);
  CHECK(agent.allocs_.size() == 2);
}

TEST_CASE("an agent with another's id and another secret is refused") {
  World world;
  FakeAgent& agent = world.add_agent();
  auto [ours, theirs] = duplex_pair<model::FromAgent, model::ToAgent>(world.loop, world.loop);
  world.server->accept(std::move(theirs));
  model::FromAgent hello;
  hello.mutable_hello()->mutable_node()->set_id(to_text(agent.id()));
  hello.mutable_hello()->set_secret_id("guessed");
  REQUIRE(ours->send(std::move(hello)).ok());

  const auto answer = run<Result<model::ToAgent>>(world.time, world.loop, ours->receive());

  REQUIRE(answer.ok());
  CHECK(answer->has_refused());
  CHECK_FALSE(answer->refused().may_retry());
  CHECK(agent.refused_.empty());
}

TEST_CASE("a link without a hello is closed") {
  World world;
  auto [ours, theirs] = duplex_pair<model::FromAgent, model::ToAgent>(world.loop, world.loop);
  world.server->accept(std::move(theirs));

  world.time.advance(15s);
  const auto answer = run<Result<model::ToAgent>>(world.time, world.loop, ours->receive());
  const bool ended = !answer.ok() || answer->has_refused();
  CHECK(ended);
}

TEST_CASE("a plan is a dry run: it says what would happen and changes nothing") {
  World world;
  world.add_agent(250);
  auto job = std::make_shared<model::Job>();
  job->set_namespace_("default");
  job->set_id("web");
  job->set_type("service");
  job->add_datacenters("*");
  auto* group = job->add_task_groups();
  group->set_name("g");
  group->set_count(4);
  auto* task = group->add_tasks();
  task->set_name("main");
  task->set_driver("raw_exec");
  task->set_config("{\"command\":\"/bin/true\"}");
  task->mutable_resources()->set_memory_mb(100);
  const Index before = world.server->snapshot()->index();

  const auto planned = run<Result<JobPlanned>>(world.time, world.loop, world.server->plan_job(PlanJob{.job = job}));

  REQUIRE(planned.ok());
  CHECK(planned->old_job == nullptr);
  CHECK(planned->response->annotations().desired_tg_updates().at("g").place() == 4);
  CHECK(planned->response->failed_tg_allocs().contains("g"));
  CHECK(world.server->snapshot()->index() == before);
}

TEST_CASE("the server comes back from its journal with what waits and what is due") {
  World world;
  world.add_agent(250);
  world.submit("web", 4);
  run(world.time, world.loop, world.agents.back()->stop());
  run(world.time, world.loop, world.server->stop());

  world.start();
  CHECK(world.server->snapshot()->job("default", "web") != nullptr);
  world.agents.clear();
  world.add_agent(4000);
  world.time.advance(2s);

  CHECK(world.running("web") == 4);
}

TEST_CASE("an agent's answer comes through a tunnel, piece by piece") {
  World world;
  FakeAgent& agent = world.add_agent();
  auto [ours, theirs] = duplex_pair<model::TunnelFrame, model::TunnelFrame>(world.loop, world.loop);
  std::optional<Result<std::unique_ptr<TunnelAnswer>>> opened;
  start<Result<std::unique_ptr<TunnelAnswer>>>(world.loop, world.server->tunnels().open(agent.id(), {.path = "/v1/client/stats"}, world.loop),
                                               [&opened](auto result) { opened.emplace(std::move(result)); });
  world.time.advance(1s);
  REQUIRE_FALSE(agent.opened_.empty());

  world.server->tunnels().accept(std::move(theirs));
  model::TunnelFrame frame;
  frame.set_accept(agent.opened_);
  REQUIRE(ours->send(frame).ok());
  frame.mutable_head()->set_status(200);
  REQUIRE(ours->send(frame).ok());
  frame.set_body("hello");
  REQUIRE(ours->send(frame).ok());
  frame.mutable_end();
  REQUIRE(ours->send(frame).ok());
  world.time.advance(1s);

  REQUIRE(opened.has_value());
  REQUIRE(opened->ok());
  TunnelAnswer& answer = ***opened;
  CHECK(answer.status() == 200);
  CHECK(run<Result<std::string>>(world.time, world.loop, answer.read()).value() == "hello");
  CHECK(run<Result<std::string>>(world.time, world.loop, answer.read()).value().empty());
  opened.reset();
}

TEST_CASE("a tunnel to a node without a session finds no path, and one that is not answered times out") {
  World world;
  FakeAgent& agent = world.add_agent();
  const auto open = [&world](const Uuid& node) {
    return run<Result<std::unique_ptr<TunnelAnswer>>>(world.time, world.loop, world.server->tunnels().open(node, {.path = "/"}, world.loop));
  };

  CHECK(open(world.random.uuid()).error().message == "No path to node");
  CHECK(open(agent.id()).error().code == Code::timeout);
}

}  // namespace drover::server
