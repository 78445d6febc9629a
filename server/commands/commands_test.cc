#include <catch2/catch.hpp>

#include "model/proto/alloc.pb.h"
#include "model/proto/evaluation.pb.h"
#include "model/proto/job.pb.h"
#include "model/proto/node.pb.h"
#include "model/proto/plan.pb.h"
#include "model/proto/session.pb.h"
#include "server/commands/command.h"
#include "server/proto/command.pb.h"

namespace drover::server {
namespace {

/// A state that requests are decided against and applied to, without journal and turns.
struct World {
  template <class Request>
  auto ask(Request request) {
    const Deciding deciding{state, state.index() + 1, now, random, config};
    auto decision = decide(request, deciding);
    if (decision && decision->command) REQUIRE(apply(state, *decision->command, deciding.index).ok());
    using Answer = decltype(decision.value().answer);
    return decision ? Result<Answer>(decision->answer) : Result<Answer>(decision.error());
  }

  State state;
  Instant now = from_ns(1'000'000'000'000'000'000);
  SeededRandom random{5};
  ServerConfig config;
};

std::shared_ptr<model::Job> job_named(const std::string& id, const std::string& type = "service") {
  auto job = std::make_shared<model::Job>();
  job->set_namespace_("default");
  job->set_id(id);
  job->set_type(type);
  auto* group = job->add_task_groups();
  group->set_name("g");
  auto* task = group->add_tasks();
  task->set_name("main");
  task->set_driver("raw_exec");
  task->set_config("{\"command\":\"/bin/true\"}");
  return job;
}

std::shared_ptr<model::Node> some_node(World& world) {
  auto node = std::make_shared<model::Node>();
  node->set_id(to_text(world.random.uuid()));
  node->set_name("n1");
  node->set_datacenter("dc1");
  node->mutable_node_resources()->mutable_memory()->set_memory_mb(1000);
  node->mutable_node_resources()->mutable_cpu()->set_cpu_shares(1000);
  node->mutable_node_resources()->mutable_disk()->set_disk_mb(1000);
  return node;
}

/// Registers a job and places one allocation of it on the node; gives its id.
Uuid placed(World& world, const std::string& job, const model::Node& node) {
  const auto registered = world.ask(RegisterJob{.job = job_named(job)});
  auto plan = std::make_shared<model::Plan>();
  plan->set_eval_id(registered->eval_id);
  plan->set_namespace_("default");
  plan->set_job_id(job);
  auto& alloc = *plan->add_placements();
  const Uuid id = world.random.uuid();
  alloc.set_id(to_text(id));
  alloc.set_job_id(job);
  alloc.set_task_group("g");
  alloc.set_name(job + ".g[0]");
  alloc.set_node_id(node.id());
  alloc.set_eval_id(registered->eval_id);
  alloc.set_desired_status("run");
  alloc.set_client_status("pending");
  auto done = std::make_shared<model::Evaluation>(*world.state.eval(parse_uuid(registered->eval_id)));
  done->set_status("complete");
  REQUIRE(world.ask(ApplyPlan{.plan = plan, .evals = {done}})->whole);
  return id;
}

void report(World& world, const Uuid& id, const std::string& status) {
  auto statuses = std::make_shared<model::AllocStatuses>();
  auto& said = *statuses->add_allocs();
  said.set_id(to_text(id));
  said.set_client_status(status);
  REQUIRE(world.ask(UpdateAllocs{.statuses = {statuses}}).ok());
}

std::vector<std::string> pending_triggers(const World& world) {
  std::vector<std::string> triggers;
  world.state.each_eval({}, [&triggers](const model::Evaluation& eval) {
    if (eval.status() == "pending") triggers.push_back(eval.triggered_by());
    return true;
  });
  return triggers;
}

}  // namespace

TEST_CASE("registering a job makes a version and an evaluation in one command") {
  World world;
  const auto answer = world.ask(RegisterJob{.job = job_named("web")});

  REQUIRE(answer.ok());
  CHECK(answer->index == 1);
  CHECK(answer->job_modify_index == 1);
  CHECK(answer->eval_create_index == 1);
  CHECK(world.state.eval(parse_uuid(answer->eval_id))->triggered_by() == "job-register");
  CHECK(world.state.current("default", "web")->version == 0);
}

TEST_CASE("registering the same again makes no version, but an evaluation") {
  World world;
  REQUIRE(world.ask(RegisterJob{.job = job_named("web")}).ok());

  const auto again = world.ask(RegisterJob{.job = job_named("web")});

  CHECK(again->job_modify_index == 1);
  CHECK(again->index == 2);
  CHECK_FALSE(again->eval_id.empty());
  CHECK(world.state.versions("default", "web").size() == 1);
}

TEST_CASE("check-and-set registers say what is in the way") {
  World world;
  const auto text_of = [&world](Index index) {
    return world.ask(RegisterJob{.job = job_named("web"), .enforce_index = true, .job_modify_index = index}).error().message;
  };
  CHECK(text_of(7) == "Enforcing job modify index 7: job does not exist");
  REQUIRE(world.ask(RegisterJob{.job = job_named("web"), .enforce_index = true, .job_modify_index = 0}).ok());
  CHECK(text_of(0) == "Enforcing job modify index 0: job already exists");
  CHECK(text_of(9) == "Enforcing job modify index 9: job exists with conflicting job modify index: 1");
}

TEST_CASE("a stopped job has one version more and a deregister evaluation of type service") {
  World world;
  REQUIRE(world.ask(RegisterJob{.job = job_named("work", "batch")}).ok());

  const auto answer = world.ask(DeregisterJob{.job = {"default", "work"}});

  CHECK(world.state.current("default", "work")->version == 1);
  CHECK(world.state.current("default", "work")->spec->stop());
  CHECK(world.state.eval(parse_uuid(answer->eval_id))->type() == "service");
  CHECK(world.ask(DeregisterJob{.job = {"default", "none"}})->eval_id.empty());
}

TEST_CASE("a node id belongs to the secret that used it first") {
  World world;
  const auto node = some_node(world);
  REQUIRE(world.ask(RegisterNode{.node = node, .secret_id = "mine"}).ok());

  CHECK(world.ask(RegisterNode{.node = node, .secret_id = "other"}).error().code == Code::denied);
  CHECK(world.ask(RegisterNode{.node = node, .secret_id = "mine"})->index == 1);  // unchanged: no command
}

TEST_CASE("a node that goes down has the jobs on it evaluated, and again when it comes back") {
  World world;
  const auto node = some_node(world);
  REQUIRE(world.ask(RegisterNode{.node = node, .secret_id = "mine"}).ok());
  placed(world, "web", *node);

  const auto down = world.ask(SetNodeStatus{.node = parse_uuid(node->id()), .status = "down", .description = "", .event = "Node heartbeat missed"});
  CHECK(down->eval_ids.size() == 1);
  CHECK(world.state.node(parse_uuid(node->id()))->status() == "down");
  CHECK(pending_triggers(world) == std::vector<std::string>{"node-update"});

  REQUIRE(world.ask(RegisterNode{.node = node, .secret_id = "mine"}).ok());
  CHECK(world.state.node(parse_uuid(node->id()))->status() == "ready");
  CHECK(pending_triggers(world).size() == 2);
}

TEST_CASE("eligibility is refused in the words that clients know") {
  World world;
  const auto node = some_node(world);
  REQUIRE(world.ask(RegisterNode{.node = node, .secret_id = "mine"}).ok());
  const Uuid id = parse_uuid(node->id());

  CHECK(world.ask(SetEligibility{.node = id, .eligibility = "no"}).error().message == "invalid scheduling eligibility \"no\"");
  CHECK(world.ask(SetEligibility{.node = world.random.uuid(), .eligibility = "eligible"}).error().message == "node not found");
  REQUIRE(world.ask(SetEligibility{.node = id, .eligibility = "ineligible"}).ok());
  CHECK(world.state.node(id)->scheduling_eligibility() == "ineligible");
}

TEST_CASE("a failed allocation is evaluated while its policy reschedules it") {
  World world;
  const auto node = some_node(world);
  REQUIRE(world.ask(RegisterNode{.node = node, .secret_id = "mine"}).ok());
  const Uuid alloc = placed(world, "web", *node);

  report(world, alloc, "running");
  CHECK(pending_triggers(world).empty());
  const Index index = world.state.index();
  report(world, alloc, "running");
  CHECK(world.state.index() == index);  // says nothing new
  report(world, alloc, "failed");

  CHECK(pending_triggers(world) == std::vector<std::string>{"alloc-failure"});
}

TEST_CASE("a user's stop marks the allocation for migration and evaluates its job") {
  World world;
  const auto node = some_node(world);
  REQUIRE(world.ask(RegisterNode{.node = node, .secret_id = "mine"}).ok());
  const Uuid alloc = placed(world, "web", *node);

  REQUIRE(world.ask(StopAlloc{.alloc = alloc}).ok());

  CHECK(world.state.alloc(alloc)->transitions.migrate == Wish::yes);
  CHECK(pending_triggers(world) == std::vector<std::string>{"alloc-stop"});
  CHECK(world.ask(StopAlloc{.alloc = world.random.uuid()}).error().message == "allocation not found");
}

TEST_CASE("a plan comes too late once its evaluation is done") {
  World world;
  const auto node = some_node(world);
  REQUIRE(world.ask(RegisterNode{.node = node, .secret_id = "mine"}).ok());
  const Uuid alloc = placed(world, "web", *node);

  auto plan = std::make_shared<model::Plan>();
  plan->set_eval_id(to_text(world.state.eval_of(*world.state.alloc(alloc))));
  plan->set_namespace_("default");
  plan->set_job_id("web");
  plan->add_stops()->set_id(to_text(alloc));

  CHECK(world.ask(ApplyPlan{.plan = plan, .evals = {}}).error().code == Code::conflict);
}

TEST_CASE("garbage is what is dead: a stopped job with all that belonged to it, and a node long down") {
  World world;
  const auto node = some_node(world);
  REQUIRE(world.ask(RegisterNode{.node = node, .secret_id = "mine"}).ok());
  const Uuid alloc = placed(world, "web", *node);
  CHECK(world.ask(CollectGarbage{.force = true})->removed == 0);

  const auto stopped = world.ask(DeregisterJob{.job = {"default", "web"}});
  auto done = std::make_shared<model::Evaluation>(*world.state.eval(parse_uuid(stopped->eval_id)));
  done->set_status("complete");
  REQUIRE(world.ask(PutEvals{.evals = {done}}).ok());
  report(world, alloc, "complete");
  CHECK(world.ask(CollectGarbage{})->removed == 0);  // too young

  world.now += 5h;
  CHECK(world.ask(CollectGarbage{})->removed == 4);  // job, two evaluations, allocation
  CHECK(world.state.job("default", "web") == nullptr);
  CHECK(world.state.alloc_count() == 0);
  CHECK(world.state.eval_count() == 0);

  REQUIRE(world.ask(SetNodeStatus{.node = parse_uuid(node->id()), .status = "down", .description = "", .event = "gone"}).ok());
  world.now += 25h;
  CHECK(world.ask(CollectGarbage{})->removed == 1);
  CHECK(world.state.node_count() == 0);
}

}  // namespace drover::server
