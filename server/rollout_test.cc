#include "server/server_world.h"

#include "model/proto/deployment.pb.h"

// Updates of services: rolling, with canaries, and back.
namespace drover::server {
namespace {

struct Rollout : World {
  Rollout() {
    add_agent(20000);
    add_agent(20000);
  }

  /// Registers version `value` of the job and lets it come to rest.
  void deploy(const std::string& value, int count = 3, const std::function<void(model::UpdateStrategy&)>& edit = {}) {
    auto job = std::make_shared<model::Job>();
    job->set_namespace_("default");
    job->set_id("web");
    job->set_type("service");
    job->add_datacenters("*");
    auto* group = job->add_task_groups();
    group->set_name("g");
    group->set_count(count);
    group->mutable_update()->set_max_parallel(1);
    if (edit) edit(*group->mutable_update());
    auto* task = group->add_tasks();
    task->set_name("main");
    task->set_driver("raw_exec");
    task->set_config("{\"command\":\"/bin/true\"}");
    (*task->mutable_env())["V"] = value;
    task->mutable_resources()->set_memory_mb(50);
    REQUIRE(run<Result<JobRegistered>>(time, loop, server->register_job(RegisterJob{.job = job})).ok());
    time.advance(5s);
  }

  const model::Deployment& latest() {
    const model::Deployment* found = nullptr;
    server->snapshot()->each_deployment_of_job("default", "web", [&found](const model::Deployment& deployment) {
      if (!found || deployment.create_index() > found->create_index()) found = &deployment;
      return true;
    });
    REQUIRE(found);
    kept_.push_back(server->snapshot());
    return *found;
  }
  const model::DeploymentState& group() { return latest().task_groups().at("g"); }

  /// How many allocations run each version: "0:2 1:1".
  std::string versions() {
    std::map<std::string, int> counts;
    server->snapshot()->each_alloc_of_job("default", "web", [&](const AllocRow& row) {
      if (!row.terminal()) ++counts[server->snapshot()->version_of(row).spec->task_groups(0).tasks(0).env().at("V")];
      return true;
    });
    std::string out;
    for (const auto& [version, count] : counts) out += (out.empty() ? "" : " ") + version + ":" + std::to_string(count);
    return out;
  }

  void set_healthy(std::optional<bool> healthy) {
    for (auto& agent : agents) {
      agent->healthy_ = healthy.value_or(false);
      agent->unhealthy_ = healthy.has_value() && !*healthy;
    }
  }

 private:
  std::vector<SnapshotPtr> kept_;
};

}  // namespace

TEST_CASE("the first version of a service is deployed, and is stable when all of it is healthy") {
  Rollout world;
  world.deploy("a");

  CHECK(world.versions() == "a:3");
  CHECK(world.latest().status() == "successful");
  CHECK(world.latest().status_description() == "Deployment completed successfully");
  CHECK(world.group().desired_total() == 3);
  CHECK(world.group().placed_allocs() == 3);
  CHECK(world.group().healthy_allocs() == 3);
  CHECK(world.server->snapshot()->current("default", "web")->stable);
}

TEST_CASE("a new version takes over as many at a time as may change, and no more until these are healthy") {
  Rollout world;
  world.deploy("a", 4);
  world.set_healthy(std::nullopt);

  world.deploy("b", 4, [](model::UpdateStrategy& update) { update.set_max_parallel(2); });
  CHECK(world.versions() == "a:2 b:2");
  CHECK(world.latest().status() == "running");
  world.time.advance(1min);
  CHECK(world.versions() == "a:2 b:2");

  world.set_healthy(true);
  for (auto& agent : world.agents) agent->report_all_healthy();
  world.time.advance(10s);
  CHECK(world.versions() == "b:4");
  CHECK(world.latest().status() == "successful");
}

TEST_CASE("a version that does not work fails its deployment and goes back by itself") {
  Rollout world;
  world.deploy("a");
  world.set_healthy(false);

  world.deploy("b", 3, [](model::UpdateStrategy& update) {
    update.set_auto_revert(true);
    update.set_progress_deadline(0);
  });
  CHECK(world.server->snapshot()->current("default", "web")->version == 2);
  world.set_healthy(true);
  for (auto& agent : world.agents) agent->report_all_healthy();
  world.time.advance(30s);

  CHECK(world.versions() == "a:3");
  CHECK(world.latest().status() == "successful");
  CHECK(world.latest().job_version() == 2);
}

TEST_CASE("a deployment that makes no progress fails, and what has changed stays until the next version") {
  Rollout world;
  world.deploy("a");
  world.set_healthy(std::nullopt);
  world.deploy("b");
  world.time.advance(11min);

  CHECK(world.latest().status_description() == "Failed due to progress deadline");
  CHECK(world.versions() == "a:2 b:1");
}

TEST_CASE("canaries stand beside what runs, and take its place when they are promoted") {
  Rollout world;
  world.deploy("a");

  world.deploy("b", 3, [](model::UpdateStrategy& update) { update.set_canary(1); });
  CHECK(world.versions() == "a:3 b:1");
  CHECK(world.latest().status_description() == "Deployment is running but requires manual promotion");
  CHECK(world.group().desired_canaries() == 1);
  CHECK(world.group().desired_total() == 3);
  CHECK(world.group().placed_canaries_size() == 1);
  world.time.advance(30min);
  CHECK(world.versions() == "a:3 b:1");

  const Uuid id = parse_uuid(world.latest().id());
  REQUIRE(run<Result<DeploymentUpdated>>(world.time, world.loop, world.server->promote_deployment({.deployment = id, .all = true})).ok());
  world.time.advance(10s);
  CHECK(world.versions() == "b:3");
  CHECK(world.latest().status() == "successful");
  CHECK(world.group().placed_allocs() == 3);
}

TEST_CASE("canaries that are to promote themselves do") {
  Rollout world;
  world.deploy("a");
  world.deploy("b", 3, [](model::UpdateStrategy& update) {
    update.set_canary(2);
    update.set_auto_promote(true);
  });
  world.time.advance(10s);
  CHECK(world.versions() == "b:3");
  CHECK(world.latest().status() == "successful");
}

TEST_CASE("an old allocation that is lost while canaries wait comes back in its old version") {
  Rollout world;
  world.deploy("a", 4);
  world.deploy("b", 4, [](model::UpdateStrategy& update) { update.set_canary(1); });
  REQUIRE(world.versions() == "a:4 b:1");
  world.add_agent(20000);

  world.agents[0]->fall_silent();
  world.time.advance(3min);

  CHECK(world.versions() == "a:4 b:1");
}

TEST_CASE("canaries of a deployment that is failed are stopped, and the old version stays") {
  Rollout world;
  world.deploy("a");
  world.deploy("b", 3, [](model::UpdateStrategy& update) { update.set_canary(2); });
  REQUIRE(world.versions() == "a:3 b:2");

  const Uuid id = parse_uuid(world.latest().id());
  REQUIRE(run<Result<DeploymentUpdated>>(world.time, world.loop, world.server->fail_deployment({id})).ok());
  world.time.advance(10s);

  CHECK(world.versions() == "a:3");
  CHECK(world.latest().status_description() == "Deployment marked as failed");
}

TEST_CASE("a deployment is cancelled by a newer version, and by the end of its job") {
  Rollout world;
  world.set_healthy(std::nullopt);
  world.deploy("a");
  const std::string first = world.latest().id();
  world.deploy("b");
  const auto* old = world.server->snapshot()->deployment(parse_uuid(first));
  CHECK(old->status_description() == "Cancelled due to newer version of job");

  REQUIRE(run<Result<JobDeregistered>>(world.time, world.loop, world.server->deregister_job({.job = {"default", "web"}})).ok());
  world.time.advance(5s);
  CHECK(world.latest().status_description() == "Cancelled because job is stopped");
}

TEST_CASE("a paused deployment waits, and goes on when it is told to") {
  Rollout world;
  world.deploy("a");
  world.set_healthy(std::nullopt);
  world.deploy("b");
  const Uuid id = parse_uuid(world.latest().id());
  REQUIRE(run<Result<DeploymentUpdated>>(world.time, world.loop, world.server->pause_deployment({id, true})).ok());
  world.set_healthy(true);
  for (auto& agent : world.agents) agent->report_all_healthy();
  world.time.advance(1h);
  CHECK(world.versions() == "a:2 b:1");
  CHECK(world.latest().status() == "paused");

  REQUIRE(run<Result<DeploymentUpdated>>(world.time, world.loop, world.server->pause_deployment({id, false})).ok());
  world.time.advance(30s);
  CHECK(world.versions() == "b:3");
}

TEST_CASE("more of the same version is a deployment of its own; the same again is none") {
  Rollout world;
  world.deploy("a");
  const std::string first = world.latest().id();
  world.deploy("a");
  CHECK(world.latest().id() == first);

  world.deploy("a", 5);
  CHECK(world.versions() == "a:5");
  CHECK(world.latest().id() != first);
  CHECK(world.group().desired_total() == 5);
  CHECK(world.latest().status() == "running");  // what runs on has to tell its health again
}

}  // namespace drover::server
