#include "server/server_world.h"

// What the server does by itself: drains, launches; and what agents that come back are told.
namespace drover::server {
namespace {

NodeUpdated drain(World& world, const DrainNode& request) {
  const auto done = run<Result<NodeUpdated>>(world.time, world.loop, world.server->drain_node(request));
  REQUIRE(done.ok());
  return *done;
}

const model::Node& node(World& world, const FakeAgent& agent) { return *world.server->snapshot()->node(agent.id()); }

std::shared_ptr<model::Job> periodic_job(const std::string& id, const std::string& spec) {
  auto job = std::make_shared<model::Job>();
  job->set_namespace_("default");
  job->set_id(id);
  job->set_type("batch");
  job->add_datacenters("*");
  job->mutable_periodic()->add_specs(spec);
  auto* group = job->add_task_groups();
  group->set_name("g");
  auto* task = group->add_tasks();
  task->set_name("main");
  task->set_driver("raw_exec");
  task->set_config("{\"command\":\"/bin/true\"}");
  return job;
}

std::vector<std::string> children(World& world, const std::string& parent) {
  std::vector<std::string> ids;
  world.server->snapshot()->each_child("default", parent, [&ids](const JobVersionRow& child) { return ids.push_back(child.spec->id()), true; });
  return ids;
}

/// The virtual clock's time in seconds since 1970.
std::int64_t now_s(World& world) { return to_ns(world.loop.now()) / 1'000'000'000; }

}  // namespace

TEST_CASE("a drained node loses its service one by one, and the drain ends when the last task has ended") {
  World world;
  FakeAgent& drained = world.add_agent();
  world.submit("web", 3);
  world.submit("everywhere", 0, 10, "system");
  FakeAgent& other = world.add_agent();
  world.time.advance(2s);

  drain(world, {.node = drained.id(), .drain = true, .deadline = 1h});
  world.time.advance(30s);

  CHECK(drained.count("run") == 0);
  CHECK(other.count("run") == 4);
  CHECK(world.running("web") == 3);
  CHECK_FALSE(node(world, drained).has_drain_strategy());
  CHECK(node(world, drained).last_drain().status() == "complete");
  CHECK(node(world, drained).scheduling_eligibility() == "ineligible");

  drain(world, {.node = drained.id(), .mark_eligible = true});
  world.time.advance(2s);
  CHECK(drained.count("run") == 1);
}

TEST_CASE("a drain waits for its deadline where allocations do not tell that they are healthy") {
  World world;
  FakeAgent& drained = world.add_agent();
  drained.healthy_ = false;
  world.submit("web", 2);
  world.add_agent();

  drain(world, {.node = drained.id(), .drain = true, .deadline = 10min});
  world.time.advance(9min);
  CHECK(drained.count("run") == 2);
  CHECK(node(world, drained).has_drain_strategy());

  world.time.advance(2min);
  CHECK(drained.count("run") == 0);
  CHECK(world.running("web") == 2);
  CHECK_FALSE(node(world, drained).has_drain_strategy());
}

TEST_CASE("batch work on a draining node may end by itself, and is not done elsewhere after the deadline") {
  World world;
  FakeAgent& drained = world.add_agent();
  world.submit("work", 2, 100, "batch");
  FakeAgent& other = world.add_agent();
  drain(world, {.node = drained.id(), .drain = true, .deadline = 10min});
  world.time.advance(1min);
  REQUIRE(drained.count("run") == 2);

  world.time.advance(10min);

  CHECK(drained.count("run") == 0);
  CHECK(other.count("run") == 0);
  CHECK_FALSE(node(world, drained).has_drain_strategy());
}

TEST_CASE("a drain goes on after the server has started anew") {
  World world;
  FakeAgent& drained = world.add_agent();
  world.submit("work", 1, 100, "batch");
  world.add_agent();
  drain(world, {.node = drained.id(), .drain = true, .deadline = 10min});
  run(world.time, world.loop, world.server->stop());
  world.start();
  for (auto& agent : world.agents) agent->connect(*world.server);
  world.time.advance(11min);
  CHECK_FALSE(node(world, drained).has_drain_strategy());
}

TEST_CASE("a periodic job is launched when its time comes, again and again") {
  World world;
  world.add_agent();
  REQUIRE(run<Result<JobRegistered>>(world.time, world.loop, world.server->register_job({.job = periodic_job("cron", "*/5 * * * *")})).ok());

  world.time.advance(11min);

  const auto ids = children(world, "cron");
  REQUIRE(ids.size() == 2);
  const std::int64_t last = now_s(world) / 300 * 300;
  CHECK(ids[1] == "cron/periodic-" + std::to_string(last));
  CHECK(ids[0] == "cron/periodic-" + std::to_string(last - 300));
  CHECK(world.running(ids[1]) == 1);
}

TEST_CASE("launches that were missed while no server ran are made up for once") {
  World world;
  world.add_agent();
  REQUIRE(run<Result<JobRegistered>>(world.time, world.loop, world.server->register_job({.job = periodic_job("cron", "*/5 * * * *")})).ok());
  world.time.advance(6min);
  REQUIRE(children(world, "cron").size() == 1);
  run(world.time, world.loop, world.agents.back()->stop());
  world.agents.clear();
  run(world.time, world.loop, world.server->stop());
  world.time.advance(32min);

  world.start();
  world.time.advance(10s);

  CHECK(children(world, "cron").size() == 2);
}

TEST_CASE("a periodic job that is stopped or disabled is launched no more") {
  World world;
  world.add_agent();
  REQUIRE(run<Result<JobRegistered>>(world.time, world.loop, world.server->register_job({.job = periodic_job("cron", "*/5 * * * *")})).ok());
  REQUIRE(run<Result<JobDeregistered>>(world.time, world.loop, world.server->deregister_job({.job = {"default", "cron"}})).ok());
  world.time.advance(11min);
  CHECK(children(world, "cron").empty());

  // It counts from when it was registered again.
  REQUIRE(run<Result<JobRegistered>>(world.time, world.loop, world.server->register_job({.job = periodic_job("cron", "*/5 * * * *")})).ok());
  world.time.advance(1s);
  CHECK(children(world, "cron").empty());
}

TEST_CASE("sysbatch work runs on a node that comes while it is not done, and not twice on one") {
  World world;
  FakeAgent& first = world.add_agent();
  world.submit("sweep", 1, 10, "sysbatch");
  REQUIRE(first.count("run") == 1);

  FakeAgent& second = world.add_agent();
  world.time.advance(2s);
  CHECK(second.count("run") == 1);

  first.report(first.allocs_.begin()->first, "complete");
  second.report(second.allocs_.begin()->first, "complete");
  world.time.advance(2s);
  FakeAgent& late = world.add_agent();
  world.time.advance(2s);
  CHECK(late.allocs_.empty());
  CHECK(first.allocs_.size() == 1);
}

TEST_CASE("system and sysbatch jobs leave a node that goes, and the server purges it") {
  World world;
  FakeAgent& gone = world.add_agent();
  world.submit("everywhere", 0, 10, "system");
  world.submit("sweep", 1, 10, "sysbatch");
  REQUIRE(gone.count("run") == 2);
  gone.fall_silent();
  world.time.advance(2min);

  REQUIRE(run<Result<NodeUpdated>>(world.time, world.loop, world.server->purge_node(gone.id())).ok());
  world.time.advance(2s);

  CHECK(world.running("everywhere") == 0);
  CHECK(world.running("sweep") == 0);
  world.server->snapshot()->each_alloc({}, [](const AllocRow& row) {
    CHECK(row.client == ClientStatus::lost);
    return true;
  });
}

TEST_CASE("an agent that comes back is told only what has changed") {
  World world;
  FakeAgent& agent = world.add_agent();
  world.submit("old", 3);
  const auto known = agent.index_;
  REQUIRE(agent.count("run") == 3);
  agent.disconnect();
  world.time.advance(1s);
  world.submit("new", 1);
  REQUIRE(run<Result<JobDeregistered>>(world.time, world.loop, world.server->deregister_job({.job = {"default", "old"}})).ok());
  world.time.advance(1s);

  agent.connect(*world.server, known);
  world.time.advance(1s);

  CHECK(agent.fulls_ == 0);
  CHECK(agent.changes_ == 4);
  CHECK(agent.count("run") == 1);
  CHECK(agent.count("stop") == 3);
}

TEST_CASE("an agent that comes back is told what was forgotten meanwhile, or everything if that is not known any more") {
  World world;
  FakeAgent& agent = world.add_agent();
  world.submit("old", 2);
  world.submit("new", 1);
  REQUIRE(run<Result<JobDeregistered>>(world.time, world.loop, world.server->deregister_job({.job = {"default", "old"}})).ok());
  world.time.advance(1s);
  const auto known = agent.index_;
  agent.disconnect();
  world.time.advance(1s);
  REQUIRE(run<Result<void>>(world.time, world.loop, world.server->collect_garbage()).ok());

  agent.connect(*world.server, known);
  world.time.advance(1s);
  CHECK(agent.fulls_ == 0);
  CHECK(agent.allocs_.size() == 1);

  run(world.time, world.loop, world.server->stop());
  world.start();
  agent.connect(*world.server, 1);
  world.time.advance(1s);
  CHECK(agent.fulls_ == 1);
  CHECK(agent.allocs_.size() == 1);
}

}  // namespace drover::server
