#include "server/scheduler/preemption.h"

#include "server/scheduler/fixture.h"

namespace drover::server::tests {
namespace {

Displaceable other(std::uint32_t n, std::int64_t priority, std::int64_t cpu, std::int64_t memory_mb = 10) {
  return {.id = node_id(200 + n), .job = {"default", "job-" + std::to_string(n)}, .group = "g", .priority = priority, .parallel_max = 1,
          .takes = {.cpu = cpu, .memory_mb = memory_mb, .disk_mb = 0}, .ports = {}};
}

using Positions = std::vector<std::size_t>;

}  // namespace

TEST_CASE("the least urgent make room, of these the nearest to what is lacking, and nobody in vain") {
  const model::Capacity none;
  const model::Capacity half{.cpu = 500, .memory_mb = 0, .disk_mb = 0};
  const std::vector<Displaceable> all = {other(0, 30, 600), other(1, 20, 300), other(2, 20, 400), other(3, 10, 100)};

  CHECK(choose_displaced({.free = none, .ask = {.cpu = 100, .memory_mb = 0, .disk_mb = 0}, .ports = {}}, all, {}) == Positions{3});
  CHECK(choose_displaced({.free = none, .ask = half, .ports = {}}, all, {}) == Positions{2, 3});
  CHECK(choose_displaced({.free = none, .ask = {.cpu = 700, .memory_mb = 0, .disk_mb = 0}, .ports = {}}, all, {}) == Positions{1, 2});
  CHECK(choose_displaced({.free = half, .ask = half, .ports = {}}, all, {}) == Positions{});
  CHECK_FALSE(choose_displaced({.free = none, .ask = {.cpu = 1500, .memory_mb = 0, .disk_mb = 0}, .ports = {}}, all, {}));
}

TEST_CASE("who holds a port that is asked for has to go, and a port that none of them holds cannot be had") {
  std::vector<Displaceable> all = {other(0, 20, 100), other(1, 20, 100)};
  all[1].ports = {8080};

  CHECK(choose_displaced({.free = {}, .ask = {}, .ports = {8080}}, all, {}) == Positions{1});
  CHECK_FALSE(choose_displaced({.free = {}, .ask = {}, .ports = {22}}, all, {}));
}

TEST_CASE("a group of which enough had to go is spared while there are others") {
  const std::vector<Displaceable> all = {other(0, 20, 100), other(1, 20, 90)};
  const Lack lack{.free = {}, .ask = {.cpu = 90, .memory_mb = 0, .disk_mb = 0}, .ports = {}};

  CHECK(choose_displaced(lack, all, {}) == Positions{1});
  CHECK(choose_displaced(lack, all, {{{all[1].job, "g"}, 1}}) == Positions{0});
}

TEST_CASE("the fewer and less urgent a node displaces, the better its score") {
  CHECK(displacing_score({20}) > displacing_score({30}));
  CHECK(displacing_score({20}) > displacing_score({20, 20}));
  CHECK(displacing_score({20}) == Approx(1 / (1 + std::exp(0.0048 * (21 - 2048.0)))));
}

TEST_CASE("a more urgent job displaces others where that is allowed, and only where it finds no room") {
  Cluster cluster({{.name = "a", .cpu = 1000}, {.name = "b", .cpu = 1000}});
  cluster.set_job(make_job("service", 1, "", R"("Priority": 70,)"));
  cluster.others = {{.node = 0, .what = other(0, 50, 950)}, {.node = 1, .what = other(1, 20, 950)}};

  CHECK(cluster.pass().eval.failed_tg_allocs_size() == 1);
  cluster.settings.displaces = true;
  cluster.settings.grouped = true;
  const Scheduled scheduled = cluster.pass();

  REQUIRE(scheduled.plan.placements_size() == 1);
  const auto& placed = scheduled.plan.placements(0);
  CHECK(placed.node_id() == to_text(node_id(1)));  // there the less urgent one has to go
  REQUIRE(scheduled.plan.preemptions_size() == 1);
  const auto& evicted = scheduled.plan.preemptions(0);
  CHECK(evicted.id() == to_text(cluster.others[1].what.id));
  CHECK(evicted.desired_status() == "evict");
  CHECK(evicted.desired_description() == "Preempted by alloc ID " + placed.id());
  CHECK(evicted.preempted_by_allocation() == placed.id());
  REQUIRE(placed.preempted_allocations_size() == 1);
  CHECK(placed.preempted_allocations(0) == evicted.id());
  CHECK(placed.metrics().score_meta_data(0).scores().contains("preemption"));
  CHECK(scheduled.plan.annotations().desired_tg_updates().at("g").preemptions() == 1);
  CHECK(scheduled.eval.failed_tg_allocs_size() == 0);

  SECTION("with room elsewhere nobody has to go") {
    cluster.add({.name = "c"});
    CHECK(cluster.pass().plan.preemptions_size() == 0);
  }
  SECTION("nobody has to go for one who is hardly more urgent") {
    cluster.set_job(make_job("service", 1, "", R"("Priority": 29,)"));
    CHECK(cluster.pass().plan.preemptions_size() == 0);
    CHECK(cluster.pass().eval.failed_tg_allocs_size() == 1);
  }
}

TEST_CASE("each that is displaced makes room once") {
  Cluster cluster({{.name = "a", .cpu = 300}});
  cluster.set_job(make_job("service", 3, "", R"("Priority": 70,)"));
  cluster.others = {{.node = 0, .what = other(0, 20, 150)}, {.node = 0, .what = other(1, 20, 150)}};
  cluster.settings.displaces = true;

  const Scheduled scheduled = cluster.pass();

  CHECK(scheduled.plan.placements_size() == 3);
  CHECK(scheduled.plan.preemptions_size() == 2);
}

TEST_CASE("a system job displaces others on each node that is full") {
  Cluster cluster({{.name = "a", .cpu = 1000}, {.name = "b", .cpu = 1000}});
  cluster.set_job(make_job("system", 1, "", R"("Priority": 70,)"));
  cluster.others = {{.node = 0, .what = other(0, 50, 950)}, {.node = 1, .what = other(1, 65, 950)}};
  cluster.settings.displaces = true;

  const Scheduled scheduled = cluster.pass();

  CHECK(scheduled.plan.placements_size() == 1);
  CHECK(scheduled.plan.preemptions_size() == 1);
  CHECK(scheduled.eval.queued_allocations().at("g") == 1);
}

}  // namespace drover::server::tests
