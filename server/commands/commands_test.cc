#include "server/commands/command_world.h"

#include "server/state/serialize.h"

namespace drover::server {

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

TEST_CASE("a register that keeps the counts of before makes a version of what was asked for") {
  World world;
  const auto job = job_named("web");
  job->mutable_task_groups(0)->set_count(1);
  REQUIRE(world.ask(RegisterJob{.job = job}).ok());
  const auto more = std::make_shared<model::Job>(*job);
  more->mutable_task_groups(0)->set_count(3);

  REQUIRE(world.ask(RegisterJob{.job = more, .preserve_counts = true}).ok());

  CHECK(world.state.current("default", "web")->version == 1);
  CHECK(world.state.current("default", "web")->spec->task_groups(0).count() == 1);
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

TEST_CASE("a failed allocation of a system job is evaluated, though such jobs have no policy") {
  World world;
  const auto node = some_node(world);
  REQUIRE(world.ask(RegisterNode{.node = node, .secret_id = "mine"}).ok());
  const Uuid alloc = placed(world, "all", *node, "system");

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

TEST_CASE("allocations that are placed together are the same as those placed one by one") {
  const auto place = [](bool together) {
    World world;
    auto node = some_node(world);
    REQUIRE(world.ask(RegisterNode{.node = node, .secret_id = "s"}).ok());
    const auto registered = world.ask(RegisterJob{.job = job_named("web")});
    auto plan = std::make_shared<model::Plan>();
    plan->set_eval_id(registered->eval_id);
    plan->set_namespace_("default");
    plan->set_job_id("web");
    for (std::uint32_t i = 0; i < 3; ++i) {
      const Uuid id = world.random.uuid();
      model::Allocation alloc;
      alloc.set_job_id("web");
      alloc.set_namespace_("default");
      alloc.set_task_group("g");
      alloc.set_eval_id(registered->eval_id);
      alloc.set_desired_status("run");
      alloc.set_client_status("pending");
      (*alloc.mutable_allocated_resources()->mutable_tasks())["main"].mutable_memory()->set_memory_mb(10);
      if (i == 0) alloc.mutable_metrics()->set_nodes_evaluated(7);
      if (together) {
        if (i == 0) *plan->add_groups()->mutable_common() = alloc;
        const Uuid on = parse_uuid(node->id());
        plan->mutable_groups(0)->mutable_ids()->append(reinterpret_cast<const char*>(id.bytes.data()), 16);
        plan->mutable_groups(0)->mutable_nodes()->append(reinterpret_cast<const char*>(on.bytes.data()), 16);
        plan->mutable_groups(0)->add_indexes(i);
        continue;
      }
      alloc.set_id(to_text(id));
      alloc.set_node_id(node->id());
      alloc.set_name("web.g[" + std::to_string(i) + "]");
      *plan->add_placements() = alloc;
    }
    const auto applied = world.ask(ApplyPlan{.plan = plan, .evals = {}});
    REQUIRE(applied.ok());
    CHECK(applied->whole);
    return serialize(world.state);
  };

  CHECK(place(true) == place(false));
}

}  // namespace drover::server
