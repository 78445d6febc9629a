#include "server/commands/command_world.h"
#include "server/commands/drain_step.h"

// Draining nodes.
namespace drover::server {
namespace {

/// Some nodes, and a service with allocations on the first.
struct Drained : World {
  Drained() {
    for (int i = 0; i < 2; ++i) {
      nodes.push_back(some_node(*this));
      REQUIRE(ask(RegisterNode{.node = nodes.back(), .secret_id = "s"}).ok());
    }
  }

  Uuid node(std::size_t i) const { return parse_uuid(nodes[i]->id()); }
  const model::Node& stored(std::size_t i) const { return *state.node(node(i)); }

  /// Places as many allocations of a job on the first node.
  std::vector<Uuid> run(std::shared_ptr<model::Job> job, int count) {
    if (job->type() != "system") job->mutable_task_groups(0)->set_count(count);
    const std::string id = job->id();
    const auto registered = ask(RegisterJob{.job = job});
    REQUIRE(registered.ok());
    auto plan = std::make_shared<model::Plan>();
    plan->set_eval_id(registered->eval_id);
    plan->set_namespace_("default");
    plan->set_job_id(id);
    std::vector<Uuid> ids;
    for (int i = 0; i < count; ++i) {
      auto& alloc = *plan->add_placements();
      ids.push_back(random.uuid());
      alloc.set_id(to_text(ids.back()));
      alloc.set_job_id(id);
      alloc.set_task_group("g");
      alloc.set_name(id + ".g[" + std::to_string(i) + "]");
      alloc.set_node_id(nodes[0]->id());
      alloc.set_eval_id(registered->eval_id);
      alloc.set_desired_status("run");
      alloc.set_client_status("pending");
    }
    auto done = std::make_shared<model::Evaluation>(*state.eval(parse_uuid(registered->eval_id)));
    done->set_status("complete");
    REQUIRE(ask(ApplyPlan{.plan = plan, .evals = {done}})->whole);
    return ids;
  }

  void say(const Uuid& id, const std::string& status, std::optional<bool> healthy = {}) {
    auto statuses = std::make_shared<model::AllocStatuses>();
    auto& said = *statuses->add_allocs();
    said.set_id(to_text(id));
    said.set_client_status(status);
    if (healthy) said.mutable_deployment_status()->set_healthy(*healthy);
    REQUIRE(ask(UpdateAllocs{.statuses = {statuses}}).ok());
  }

  /// Advances drains until nothing changes; how many allocations are marked by then.
  std::size_t advance() {
    for (int i = 0; i < 100; ++i) {
      const auto advanced = ask(AdvanceDrains{});
      REQUIRE(advanced.ok());
      if (!advanced->changed) break;
    }
    std::size_t marked = 0;
    state.each_alloc({}, [&marked](const AllocRow& row) { return marked += row.transitions.migrate == Wish::yes, true; });
    return marked;
  }

  std::vector<std::shared_ptr<model::Node>> nodes;
};

std::shared_ptr<model::Job> batch_job() { return job_named("batch", "batch"); }

}  // namespace

TEST_CASE("a drain makes the node ineligible at once and tells how it goes") {
  Drained world;

  const auto drained = world.ask(DrainNode{.node = world.node(0), .drain = true, .deadline = 1h, .ignore_system_jobs = true, .meta = {{"message", "upgrade"}}});

  REQUIRE(drained.ok());
  const model::Node& node = world.stored(0);
  CHECK(node.scheduling_eligibility() == "ineligible");
  CHECK(node.drain());
  CHECK(node.drain_strategy().deadline() == Duration(1h).count());
  CHECK(node.drain_strategy().force_deadline() == to_ns(world.now + 1h));
  CHECK(node.last_drain().status() == "draining");
  CHECK(node.last_drain().meta().at("message") == "upgrade");
  CHECK(node.events(node.events_size() - 1).message() == "Node drain strategy set");

  CHECK(world.advance() == 0);
  CHECK_FALSE(world.stored(0).has_drain_strategy());
  CHECK(world.stored(0).last_drain().status() == "complete");
  CHECK(world.stored(0).last_drain().meta().at("message") == "upgrade");
  CHECK(world.stored(0).scheduling_eligibility() == "ineligible");
  CHECK(world.stored(0).events(world.stored(0).events_size() - 1).message() == "Node drain complete");
}

TEST_CASE("a drain moves as many of a service as its migrate block allows, while others are healthy") {
  Drained world;
  const auto ids = world.run(job_named("web"), 3);
  for (const Uuid& id : ids) world.say(id, "running", true);
  REQUIRE(world.ask(DrainNode{.node = world.node(0), .drain = true, .deadline = 1h}).ok());

  CHECK(world.advance() == 1);
  CHECK(world.advance() == 1);
  CHECK(pending_triggers(world) == std::vector<std::string>{"node-drain"});
  // Its replacement runs elsewhere before the next one leaves.
  for (const Uuid& id : ids) {
    if (world.state.alloc(id)->transitions.migrate == Wish::yes) world.say(id, "complete");
  }
  CHECK(world.advance() == 1);
}

TEST_CASE("a drain waits until allocations have told their health") {
  Drained world;
  const auto ids = world.run(job_named("web"), 1);
  world.say(ids[0], "running");
  REQUIRE(world.ask(DrainNode{.node = world.node(0), .drain = true, .deadline = 1h}).ok());

  CHECK(world.advance() == 0);
  world.say(ids[0], "running", true);
  CHECK(world.advance() == 1);
}

TEST_CASE("a drain is complete when the tasks have ended on the node, not when they were asked to") {
  Drained world;
  const auto ids = world.run(job_named("web"), 1);
  world.say(ids[0], "running", true);
  REQUIRE(world.ask(DrainNode{.node = world.node(0), .drain = true}).ok());
  REQUIRE(world.advance() == 1);
  model::Allocation stop;
  stop.set_id(to_text(ids[0]));
  stop.set_desired_status("stop");
  REQUIRE(world.state.stop(stop).ok());

  world.advance();
  CHECK(world.stored(0).has_drain_strategy());
  world.say(ids[0], "complete");
  world.advance();
  CHECK_FALSE(world.stored(0).has_drain_strategy());
}

TEST_CASE("a deadline that has passed moves everything, batch work without replacement") {
  Drained world;
  const auto services = world.run(job_named("web"), 3);
  const auto batch = world.run(batch_job(), 1);
  world.say(batch[0], "running");
  REQUIRE(world.ask(DrainNode{.node = world.node(0), .drain = true, .deadline = 1h}).ok());
  CHECK(world.advance() == 0);
  CHECK(drain_step(world.state, world.now).next == world.now + 1h);

  world.now += 1h;

  CHECK(world.advance() == 4);
  CHECK(world.state.alloc(batch[0])->transitions.migrate_disable_placement == Wish::yes);
  CHECK(world.state.alloc(services[0])->transitions.migrate_disable_placement == Wish::unset);
}

TEST_CASE("a forced drain moves everything at once") {
  Drained world;
  world.run(job_named("web"), 3);
  REQUIRE(world.ask(DrainNode{.node = world.node(0), .drain = true, .deadline = -1ns}).ok());
  CHECK(world.advance() == 3);
}

TEST_CASE("system jobs leave a node last, or stay when they are to be ignored") {
  Drained world;
  const auto ids = world.run(job_named("web"), 1);
  const auto system = world.run(job_named("sys", "system"), 1);
  world.say(ids[0], "running", true);
  world.say(system[0], "running", true);
  REQUIRE(world.ask(DrainNode{.node = world.node(0), .drain = true}).ok());

  CHECK(world.advance() == 1);
  CHECK(world.state.alloc(system[0])->transitions.migrate == Wish::unset);
  world.say(ids[0], "complete");
  CHECK(world.advance() == 2);
  CHECK(world.stored(0).has_drain_strategy());

  REQUIRE(world.ask(DrainNode{.node = world.node(0), .drain = true, .ignore_system_jobs = true}).ok());
  CHECK(world.stored(0).events(world.stored(0).events_size() - 1).message() == "Node drain strategy updated");
  world.advance();
  CHECK_FALSE(world.stored(0).has_drain_strategy());
}

TEST_CASE("a drain that is ended leaves the node ineligible unless it is marked") {
  Drained world;
  world.run(job_named("web"), 1);
  REQUIRE(world.ask(RegisterJob{.job = job_named("sys", "system")}).ok());
  REQUIRE(world.ask(DrainNode{.node = world.node(0), .drain = true}).ok());

  CHECK(world.ask(DrainNode{.node = world.node(0)})->eval_ids.empty());
  CHECK(world.stored(0).scheduling_eligibility() == "ineligible");
  CHECK(world.stored(0).last_drain().status() == "canceled");

  CHECK(world.ask(DrainNode{.node = world.node(0), .mark_eligible = true})->eval_ids.size() == 2);
  CHECK(world.stored(0).scheduling_eligibility() == "eligible");
  CHECK(world.ask(DrainNode{.node = Uuid{}, .drain = true}).error().message == "node not found");
}

}  // namespace drover::server
