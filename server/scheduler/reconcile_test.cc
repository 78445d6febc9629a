#include "server/scheduler/reconcile.h"

#include "model/proto/deployment.pb.h"
#include "server/scheduler/fixture.h"

namespace drover::server::tests {
namespace {

/// A group of three whose new version is to be tried by one canary first.
struct Canarying {
  Canarying() {
    model::DeploymentState& group = (*deployment.mutable_task_groups())["g"];
    deployment.set_id(to_text(node_id(77)));
    deployment.set_status("running");
    group.set_desired_total(3);
    group.set_desired_canaries(1);
  }

  ExistingAlloc& add(std::uint32_t index) {
    allocs.push_back({.id = node_id(100 + static_cast<std::uint32_t>(allocs.size())), .node = node_id(0), .group = "g", .index = index});
    allocs.back().client = ClientStatus::running;
    allocs.back().message = std::make_shared<const model::Allocation>();
    return allocs.back();
  }
  ExistingAlloc& add_old(std::uint32_t index) {
    ExistingAlloc& alloc = add(index);
    alloc.current = false;
    alloc.job = old;
    return alloc;
  }
  ExistingAlloc& add_canary(std::uint32_t index) {
    ExistingAlloc& alloc = add(index);
    alloc.canary = true;
    alloc.deployment = parse_uuid(deployment.id());
    return alloc;
  }

  GroupChanges pass() {
    ReconcileRequest request{.job = job.get(), .group = "g", .allocs = {}, .node_state = {}, .still_allowed = {},
                             .deployment = &deployment, .eval = node_id(99), .now = Instant(std::chrono::hours(1000))};
    for (const ExistingAlloc& alloc : allocs) request.allocs.push_back(&alloc);
    request.node_state = [this](const ExistingAlloc&) { return node; };
    request.still_allowed = [](const ExistingAlloc&) { return true; };
    return reconcile(request);
  }

  static constexpr std::string_view update = R"("Update": {"MaxParallel": 1, "Canary": 1}, "Meta": {"v": "1"},)";
  std::shared_ptr<const model::Job> old = make_job("service", 3, R"("Update": {"MaxParallel": 1, "Canary": 1}, "Meta": {"v": "0"},)");
  std::shared_ptr<const model::Job> job = make_job("service", 3, update);
  model::Deployment deployment;
  std::vector<ExistingAlloc> allocs;
  NodeState node = NodeState::fine;
};

std::ptrdiff_t canaries_of(const GroupChanges& changes) { return std::ranges::count_if(changes.missing, &Missing::canary); }

TEST_CASE("canaries are not waited for where nothing is left that they could stand beside") {
  Canarying world;

  const GroupChanges changes = world.pass();

  CHECK(changes.missing.size() == 3);
  CHECK(canaries_of(changes) == 0);
  REQUIRE(changes.rollout);
  CHECK(changes.rollout->desired_canaries() == 0);
  CHECK_FALSE(changes.settled);
}

TEST_CASE("one of the old version is enough for canaries to be wanted") {
  Canarying world;
  world.add_old(0);

  const GroupChanges changes = world.pass();

  CHECK(changes.missing.size() == 1);
  CHECK(canaries_of(changes) == 1);
  CHECK_FALSE(changes.rollout);
}

TEST_CASE("a canary that lives is waited for, also when it is all there is") {
  Canarying world;
  world.add_canary(0);

  const GroupChanges changes = world.pass();

  CHECK(changes.missing.empty());
  CHECK_FALSE(changes.rollout);
}

TEST_CASE("what was lost of the old version comes back in it, beside its canaries") {
  Canarying world;
  world.add_old(0);
  world.add_old(1);
  world.node = NodeState::down;

  const GroupChanges changes = world.pass();

  CHECK(changes.missing.size() == 3);
  CHECK(std::ranges::count_if(changes.missing, &Missing::keeps_version) == 2);
  CHECK(canaries_of(changes) == 1);
  CHECK_FALSE(changes.rollout);
}

}  // namespace
}  // namespace drover::server::tests
