#include "server/commands/command_world.h"
#include "server/commands/deployment_step.h"

#include "model/deployment.h"
#include "model/proto/deployment.pb.h"

// Deployments: what they count, and what they come to.
namespace drover::server {
namespace {

/// A job of which one version has proved itself, and a deployment of the next with two allocations.
struct Deploying : World {
  explicit Deploying(bool auto_revert = false, std::int64_t canaries = 0, Duration progress_deadline = 10min) {
    node = some_node(*this);
    REQUIRE(ask(RegisterNode{.node = node, .secret_id = "s"}).ok());
    REQUIRE(ask(RegisterJob{.job = version("0")}).ok());
    REQUIRE(ask(SetStability{.job = {"default", "web"}, .version = 0, .stable = true}).ok());
    const auto registered = ask(RegisterJob{.job = version("1")});
    deployment = random.uuid();
    auto plan = std::make_shared<model::Plan>();
    plan->set_eval_id(registered->eval_id);
    plan->set_namespace_("default");
    plan->set_job_id("web");
    plan->set_job_version(1);
    auto& wanted = *plan->mutable_deployment();
    wanted.set_id(to_text(deployment));
    wanted.set_namespace_("default");
    wanted.set_job_id("web");
    wanted.set_job_version(1);
    wanted.set_job_create_index(state.job("default", "web")->create_index);
    wanted.set_status("running");
    auto& group = (*wanted.mutable_task_groups())["g"];
    group.set_auto_revert(auto_revert);
    group.set_desired_total(2);
    group.set_desired_canaries(canaries);
    group.set_progress_deadline(progress_deadline.count());
    for (int i = 0; i < 2; ++i) {
      auto& alloc = *plan->add_placements();
      allocs.push_back(random.uuid());
      alloc.set_id(to_text(allocs.back()));
      alloc.set_job_id("web");
      alloc.set_task_group("g");
      alloc.set_name("web.g[" + std::to_string(i) + "]");
      alloc.set_node_id(node->id());
      alloc.set_deployment_id(to_text(deployment));
      if (i < canaries) alloc.mutable_deployment_status()->set_canary(true);
      alloc.set_desired_status("run");
      alloc.set_client_status("pending");
    }
    REQUIRE(ask(ApplyPlan{.plan = plan, .evals = {}})->whole);
  }

  static std::shared_ptr<model::Job> version(const std::string& value) {
    auto job = job_named("web");
    job->mutable_task_groups(0)->set_count(2);
    (*job->mutable_task_groups(0)->mutable_tasks(0)->mutable_env())["V"] = value;
    return job;
  }

  const model::Deployment& stored() const { return *state.deployment(deployment); }
  const model::DeploymentState& group() const { return stored().task_groups().at("g"); }

  void say(std::size_t i, bool healthy) {
    auto statuses = std::make_shared<model::AllocStatuses>();
    auto& said = *statuses->add_allocs();
    said.set_id(to_text(allocs[i]));
    said.set_client_status("running");
    said.mutable_deployment_status()->set_healthy(healthy);
    REQUIRE(ask(UpdateAllocs{.statuses = {statuses}}).ok());
  }

  /// Asks for steps until nothing changes; how many there were.
  int advance() {
    for (int steps = 0;; ++steps) {
      const auto advanced = ask(AdvanceDeployment{deployment});
      REQUIRE(advanced.ok());
      REQUIRE(steps < 10);
      if (!advanced->changed) return steps;
    }
  }

  std::shared_ptr<model::Node> node;
  Uuid deployment;
  std::vector<Uuid> allocs;
};

template <class Request>
std::string refusal(World& world, Request request) {
  const auto answer = world.ask(request);
  return answer ? "" : answer.error().message;
}

}  // namespace

TEST_CASE("a deployment counts what is placed and how it does, and each that becomes healthy gives more time") {
  Deploying world;
  CHECK(world.group().placed_allocs() == 2);
  CHECK(world.group().require_progress_by() == to_ns(world.now + 10min));

  world.now += 5min;
  world.say(0, true);
  CHECK(world.group().healthy_allocs() == 1);
  CHECK(world.group().require_progress_by() == to_ns(world.now + 10min));
  CHECK(pending_triggers(world).back() == "deployment-watcher");

  world.say(0, false);
  world.say(1, true);
  CHECK(world.group().healthy_allocs() == 1);
  CHECK(world.group().unhealthy_allocs() == 1);
}

TEST_CASE("a deployment fails when nothing has become healthy in time, unless it is paused") {
  Deploying world;
  world.say(0, true);
  CHECK(deployment_step(world.state, world.stored(), world.now).next == world.now + 10min);
  REQUIRE(world.ask(PauseDeployment{world.deployment, true}).ok());
  world.now += 10min;
  CHECK(world.advance() == 0);

  REQUIRE(world.ask(PauseDeployment{world.deployment, false}).ok());
  CHECK(world.advance() == 0);  // the time it was paused does not count
  world.now += 10min;
  CHECK(world.advance() == 1);

  CHECK(world.stored().status() == "failed");
  CHECK(world.stored().status_description() == "Failed due to progress deadline");
  CHECK(world.state.current("default", "web")->version == 1);
}

TEST_CASE("a deployment with enough healthy allocations does not fail by its deadline") {
  Deploying world;
  world.say(0, true);
  world.say(1, true);
  world.now += 1h;
  CHECK(world.advance() == 0);
}

TEST_CASE("a failed deployment brings the last stable version back where it is told to") {
  Deploying world(true);
  world.now += 10min;
  CHECK(world.advance() == 1);

  CHECK(world.stored().status_description() == "Failed due to progress deadline - rolling back to job version 0");
  const JobVersionRow& current = *world.state.current("default", "web");
  CHECK(current.version == 2);
  CHECK(current.spec->task_groups(0).tasks(0).env().at("V") == "0");
  CHECK_FALSE(current.stable);
}

TEST_CASE("there is nothing to roll back to without a stable version, or when the job is the same") {
  Deploying world(true);
  REQUIRE(world.ask(SetStability{.job = {"default", "web"}, .version = 0, .stable = false}).ok());
  CHECK(rollback_of(world.state, world.stored()).suffix == " - no stable job version to auto revert to");
  REQUIRE(world.ask(SetStability{.job = {"default", "web"}, .version = 1, .stable = true}).ok());
  CHECK(rollback_of(world.state, world.stored()).suffix ==
        " - not rolling back to stable job version 1 as current job has same specification");
}

TEST_CASE("a job that was stopped or changed meanwhile is not taken back") {
  for (const bool stops : {true, false}) {
    Deploying world(true);
    if (stops) {
      REQUIRE(world.ask(DeregisterJob{.job = {"default", "web"}}).ok());
    } else {
      REQUIRE(world.ask(RegisterJob{.job = Deploying::version("2")}).ok());
    }
    const std::uint64_t version = world.state.current("default", "web")->version;
    world.now += 10min;
    CHECK(world.advance() == 1);

    CHECK(world.stored().status_description() == "Failed due to progress deadline");
    CHECK(world.state.current("default", "web")->version == version);
    CHECK(world.state.current("default", "web")->spec->stop() == stops);
  }
}

TEST_CASE("an unhealthy allocation may be replaced while there is time, and ends a deployment that has none") {
  Deploying patient;
  patient.say(0, false);
  CHECK(patient.advance() == 1);
  CHECK(patient.state.alloc(patient.allocs[0])->transitions.reschedule == Wish::yes);
  CHECK(patient.stored().status() == "running");

  Deploying strict(false, 0, Duration(0));
  strict.say(0, false);
  CHECK(strict.advance() == 1);
  CHECK(strict.stored().status_description() == "Failed due to unhealthy allocations");
}

TEST_CASE("canaries are promoted once they are healthy, by hand") {
  Deploying world(false, 1);
  CHECK(model::running_description(world.stored()) == "Deployment is running but requires manual promotion");
  CHECK(world.group().placed_canaries(0) == to_text(world.allocs[0]));
  CHECK(refusal(world, PromoteDeployment{.deployment = world.deployment, .all = true}) ==
        "1 error occurred:\n\t* Task group \"g\" has 0/1 healthy allocations\n\n");
  world.say(0, true);
  CHECK(world.advance() == 0);

  REQUIRE(world.ask(PromoteDeployment{.deployment = world.deployment, .groups = {"nope"}}).ok());
  CHECK_FALSE(world.group().promoted());
  const auto promoted = world.ask(PromoteDeployment{.deployment = world.deployment, .all = true});

  CHECK_FALSE(promoted->eval_id.empty());
  CHECK(world.group().promoted());
  CHECK(world.stored().status_description() == "Deployment is running");
  CHECK_FALSE(world.state.alloc(world.allocs[0])->canary);
  CHECK(world.group().placed_canaries_size() == 1);
}

TEST_CASE("canaries promote themselves where they are told to") {
  Deploying world(false, 1);
  model::Deployment changed = world.stored();
  (*changed.mutable_task_groups())["g"].set_auto_promote(true);
  world.state.put_deployment(changed);
  CHECK(model::running_description(world.stored()) == "Deployment is running pending automatic promotion");
  CHECK(world.advance() == 0);

  world.say(0, true);
  CHECK(world.advance() == 1);
  CHECK(world.group().promoted());
}

TEST_CASE("canaries that have worked one after the other, but never together, do not keep their deployment from its deadline") {
  Deploying world(false, 2);
  model::Deployment changed = world.stored();
  (*changed.mutable_task_groups())["g"].set_auto_promote(true);
  world.state.put_deployment(changed);
  world.say(0, true);
  report(world, world.allocs[0], "failed");
  world.say(1, true);
  CHECK(world.group().healthy_allocs() == 2);
  CHECK(world.advance() == 0);

  world.now += 11min;
  CHECK(world.advance() == 1);
  CHECK(world.stored().status_description() == "Failed due to progress deadline");
}

TEST_CASE("health can be set by hand, and ends a deployment that reverts by itself") {
  Deploying world(true);
  CHECK(refusal(world, SetDeploymentHealth{.deployment = world.deployment}) == "must specify at least one healthy/unhealthy allocation ID");
  CHECK(refusal(world, SetDeploymentHealth{.deployment = world.deployment, .healthy = {"11111111-2222-3333-4444-555555555555"}}) ==
        "unknown alloc \"11111111-2222-3333-4444-555555555555\"");
  REQUIRE(world.ask(SetDeploymentHealth{.deployment = world.deployment, .healthy = {to_text(world.allocs[0])}}).ok());
  CHECK(world.group().healthy_allocs() == 1);

  const auto failed = world.ask(SetDeploymentHealth{.deployment = world.deployment, .unhealthy = {to_text(world.allocs[1])}});

  CHECK(failed->reverted_job_version == 0);
  CHECK(world.stored().status_description() == "Failed due to unhealthy allocations - rolling back to job version 0");
  CHECK(world.group().unhealthy_allocs() == 1);
}

TEST_CASE("a deployment that has ended is left alone, in the words that clients know") {
  Deploying world;
  CHECK(refusal(world, FailDeployment{Uuid{}}) == "deployment not found");
  REQUIRE(world.ask(FailDeployment{world.deployment}).ok());
  CHECK(world.stored().status_description() == "Deployment marked as failed");

  CHECK(refusal(world, FailDeployment{world.deployment}) == "can't fail terminal deployment");
  CHECK(refusal(world, PauseDeployment{world.deployment, true}) == "can't pause terminal deployment");
  CHECK(refusal(world, PauseDeployment{world.deployment, false}) == "can't resume terminal deployment");
  CHECK(refusal(world, PromoteDeployment{.deployment = world.deployment, .all = true}) == "can't promote terminal deployment");
  CHECK(refusal(world, UnblockDeployment{world.deployment}) == "can't unblock terminal deployment");
  CHECK(refusal(world, SetDeploymentHealth{.deployment = world.deployment, .healthy = {"x"}}) == "can't set health of allocations for a terminal deployment");
}

TEST_CASE("a successful deployment makes its version a stable one") {
  Deploying world;
  REQUIRE(world.state.set_deployment_status(world.deployment, "successful", "Deployment completed successfully").ok());
  CHECK(world.state.job_version("default", "web", 1)->stable);
}

}  // namespace drover::server
