#include "server/scheduler/scheduler.h"

#include <set>

#include <catch2/catch.hpp>

#include "server/scheduler/fixture.h"

namespace drover::server::tests {
namespace {

using Texts = std::vector<std::string>;

TEST_CASE("a job gets its count, on nodes that can take it") {
  Cluster cluster({{.name = "a"}, {.name = "b", .driver = false}, {.name = "c", .eligibility = "ineligible"}, {.name = "d", .datacenter = "dc2"},
                   {.name = "e", .status = "down"}});
  cluster.set_job(make_job("service", 3, "", R"("Datacenters": ["dc1"],)"));

  const Scheduled scheduled = cluster.run();

  CHECK(cluster.running() == Texts{"g[0]@a", "g[1]@a", "g[2]@a"});
  CHECK(scheduled.eval.status() == "complete");
  CHECK(scheduled.eval.queued_allocations().at("g") == 0);
  CHECK(scheduled.new_evals.empty());
  CHECK(cluster.pass().plan_is_empty());
}

TEST_CASE("a placement says what it was given and why it is there") {
  Cluster cluster({{.name = "a"}});
  cluster.set_job(make_job("service", 1));

  const auto scheduled = cluster.pass();

  REQUIRE(scheduled.plan.placements_size() == 1);
  const auto& alloc = scheduled.plan.placements(0);
  CHECK(alloc.name() == "web.g[0]");
  CHECK(alloc.node_name() == "a");
  CHECK(alloc.eval_id() == scheduled.eval.id());
  CHECK(alloc.desired_status() == "run");
  CHECK(alloc.client_status() == "pending");
  CHECK(alloc.allocated_resources().tasks().at("t").cpu().cpu_shares() == 100);
  CHECK(alloc.allocated_resources().shared().disk_mb() == 300);
  CHECK(alloc.metrics().nodes_evaluated() == 1);
  CHECK(alloc.metrics().nodes_available().at("dc1") == 1);
  REQUIRE(alloc.metrics().score_meta_data_size() == 1);
  CHECK(alloc.metrics().score_meta_data(0).scores().at("binpack") == Approx(alloc.metrics().score_meta_data(0).norm_score()));
}

TEST_CASE("full nodes are preferred, but not by allocations of the same group") {
  Cluster packed({{.name = "a"}, {.name = "b"}});
  packed.set_job(make_job("service", 1));
  packed.run();
  const std::string first = packed.running()[0].substr(5);
  packed.set_job(make_job("service", 2));
  packed.run();

  std::set<std::string> nodes;
  for (const auto& name : packed.running()) nodes.insert(name.substr(5));
  CHECK(nodes.size() == 2);
}

TEST_CASE("the count goes down from the highest index, and up with the lowest free one") {
  Cluster cluster({{.name = "a"}});
  cluster.set_job(make_job("service", 4));
  cluster.run();
  cluster.set_job(make_job("service", 2));
  cluster.run();
  CHECK(cluster.running() == Texts{"g[0]@a", "g[1]@a"});

  cluster.allocs()[0].client = ClientStatus::complete;
  cluster.run();
  CHECK(cluster.running() == Texts{"g[0]@a", "g[1]@a"});
  cluster.set_job(make_job("service", 3));
  cluster.run();
  CHECK(cluster.running() == Texts{"g[0]@a", "g[1]@a", "g[2]@a"});
}

TEST_CASE("a stopped or purged job loses its allocations") {
  Cluster cluster({{.name = "a"}});
  cluster.set_job(make_job("service", 2));
  cluster.run();
  auto stopped = make_job("service", 2);
  stopped->set_stop(true);

  SECTION("stopped") { cluster.set_job(stopped); }
  SECTION("purged") { cluster.set_job(nullptr); }
  const auto scheduled = cluster.run();

  CHECK(cluster.running().empty());
  CHECK(scheduled.plan.stops(0).desired_description() == "alloc not needed due to job update");
  CHECK(scheduled.eval.status() == "complete");
}

TEST_CASE("a group that is gone is stopped") {
  Cluster cluster({{.name = "a"}});
  cluster.set_job(make_job("service", 2));
  cluster.run();
  auto renamed = make_job("service", 1);
  renamed->mutable_task_groups(0)->set_name("h");
  cluster.set_job(renamed);

  const auto scheduled = cluster.run();

  CHECK(scheduled.plan.stops_size() == 2);
  REQUIRE(scheduled.plan.placements_size() == 1);
  CHECK(scheduled.plan.placements(0).name() == "web.h[0]");
}

TEST_CASE("what a down node had is lost and placed elsewhere under the same name") {
  Cluster cluster({{.name = "a"}, {.name = "b"}});
  cluster.set_job(make_job("service", 2, "", R"("Constraints": [{"Operand": "distinct_hosts"}],)"));
  cluster.run();
  cluster.add({.name = "c"});
  cluster.node(0).set_status("down");

  const auto scheduled = cluster.run();

  REQUIRE(scheduled.plan.stops_size() == 1);
  CHECK(scheduled.plan.stops(0).client_status() == "lost");
  CHECK(scheduled.plan.stops(0).desired_description() == "alloc is lost since its node is down");
  REQUIRE(scheduled.plan.placements_size() == 1);
  CHECK(scheduled.plan.placements(0).previous_allocation() == scheduled.plan.stops(0).id());
  CHECK(scheduled.plan.placements(0).node_name() == "c");
  CHECK(cluster.running().size() == 2);
}

TEST_CASE("an allocation marked to migrate is stopped and replaced") {
  Cluster cluster({{.name = "a"}});
  cluster.set_job(make_job("service", 1));
  cluster.run();
  cluster.allocs()[0].transitions.migrate = Wish::yes;

  const auto scheduled = cluster.run();

  REQUIRE(scheduled.plan.stops_size() == 1);
  CHECK(scheduled.plan.stops(0).desired_description() == "alloc is being migrated");
  CHECK(scheduled.plan.placements_size() == 1);
  CHECK(scheduled.eval.plan_annotations().desired_tg_updates().at("g").migrate() == 1);
  CHECK(scheduled.eval.plan_annotations().desired_tg_updates().at("g").stop() == 0);
}

TEST_CASE("what tasks cannot survive is stopped and started anew; what they can is updated in place") {
  Cluster cluster({{.name = "a"}, {.name = "b"}});
  cluster.set_job(make_job("service", 2));
  cluster.run();

  SECTION("destructive") {
    auto next = make_job("service", 2, R"("Update": {"MaxParallel": 0},)");
    next->mutable_task_groups(0)->mutable_tasks(0)->set_config(R"({"x":1})");
    cluster.set_job(next);
    const auto scheduled = cluster.run();
    CHECK(scheduled.plan.stops_size() == 2);
    CHECK(scheduled.plan.stops(0).desired_description() == "alloc is being updated due to job update");
    CHECK(scheduled.plan.placements_size() == 2);
    CHECK(scheduled.plan.job_version() == 1);
    CHECK(scheduled.eval.plan_annotations().desired_tg_updates().at("g").destructive_update() == 2);
  }
  SECTION("in place") {
    auto next = make_job("service", 2);
    next->set_priority(70);
    cluster.set_job(next);
    const std::string id = to_text(cluster.allocs()[0].id);
    const auto scheduled = cluster.run();
    CHECK(scheduled.plan.stops_size() == 0);
    REQUIRE(scheduled.plan.placements_size() == 2);
    CHECK(scheduled.plan.placements(0).id() == id);
    CHECK(scheduled.eval.plan_annotations().desired_tg_updates().at("g").in_place_update() == 2);
  }
  SECTION("a constraint that no longer holds forces a move") {
    auto next = make_job("service", 2, R"("Constraints": [{"LTarget": "${node.unique.name}", "RTarget": "b", "Operand": "="}],)");
    cluster.set_job(next);
    cluster.run();
    CHECK(cluster.running() == Texts{"g[0]@b", "g[1]@b"});
  }
  CHECK(cluster.running().size() == 2);
  CHECK(cluster.pass().plan_is_empty());
}

TEST_CASE("a full node is updated by letting go of the old before looking for the new") {
  Cluster cluster({{.name = "a", .cpu = 250}});
  cluster.set_job(make_job("service", 2));
  cluster.run();
  auto next = make_job("service", 2);
  next->mutable_task_groups(0)->mutable_tasks(0)->set_config(R"({"x":1})");
  cluster.set_job(next);

  cluster.run();

  CHECK(cluster.running() == Texts{"g[0]@a", "g[1]@a"});
}

TEST_CASE("what finds no place is told, waits in a blocked evaluation, and is placed when there is room") {
  Cluster cluster({{.name = "a", .memory_mb = 250}, {.name = "b", .driver = false}});
  cluster.set_job(make_job("service", 5));

  const auto scheduled = cluster.run();

  CHECK(cluster.running().size() == 2);
  CHECK(scheduled.eval.status() == "complete");
  CHECK(scheduled.eval.queued_allocations().at("g") == 3);
  const auto& metric = scheduled.eval.failed_tg_allocs().at("g");
  CHECK(metric.coalesced_failures() == 2);
  CHECK(metric.nodes_evaluated() == 2);
  CHECK(metric.nodes_filtered() == 1);
  CHECK(metric.constraint_filtered().at("missing drivers") == 1);
  CHECK(metric.nodes_exhausted() == 1);
  CHECK(metric.dimension_exhausted().at("memory") == 1);
  CHECK(metric.resources_exhausted().at("t").memory_mb() == 100);
  REQUIRE(scheduled.new_evals.size() == 1);
  const auto& blocked = scheduled.new_evals[0];
  CHECK(blocked.status() == "blocked");
  CHECK(blocked.triggered_by() == "queued-allocs");
  CHECK(scheduled.eval.blocked_eval() == blocked.id());
  CHECK(blocked.class_eligibility_size() == 1);
  CHECK_FALSE(blocked.escaped_computed_class());

  SECTION("nothing changed: the same evaluation goes on waiting") {
    const auto again = cluster.pass(blocked);
    CHECK(again.eval.status() == "blocked");
    CHECK(again.eval.id() == blocked.id());
    CHECK(again.new_evals.empty());
  }
  SECTION("a node came") {
    cluster.add({.name = "c"});
    const auto again = cluster.pass(blocked);
    cluster.commit(again);
    CHECK(again.eval.status() == "complete");
    CHECK(again.eval.failed_tg_allocs_size() == 0);
    CHECK(cluster.running().size() == 5);
  }
}

TEST_CASE("nodes that a constraint rules out are counted under its text") {
  Cluster cluster({{.name = "a", .rack = "r1"}, {.name = "b", .rack = "r2"}, {.name = "c"}});
  cluster.set_job(make_job("service", 1, R"("Constraints": [{"LTarget": "${meta.rack}", "RTarget": "r9", "Operand": "="}],)"));

  const auto scheduled = cluster.pass();

  const auto& metric = scheduled.eval.failed_tg_allocs().at("g");
  CHECK(metric.constraint_filtered().at("${meta.rack} = r9") == 3);
  for (const auto& [name, eligible] : scheduled.new_evals[0].class_eligibility()) CHECK_FALSE(eligible);
}

TEST_CASE("a constraint on what is unique escapes the classes") {
  Cluster cluster({{.name = "a"}, {.name = "b"}});
  cluster.set_job(make_job("service", 1, R"("Constraints": [{"LTarget": "${node.unique.name}", "RTarget": "x", "Operand": "="}],)"));

  const auto scheduled = cluster.pass();

  CHECK(scheduled.eval.failed_tg_allocs().at("g").nodes_filtered() == 2);
  CHECK(scheduled.new_evals[0].escaped_computed_class());
}

TEST_CASE("distinct hosts and properties are kept apart") {
  Cluster cluster({{.name = "a", .rack = "r1"}, {.name = "b", .rack = "r1"}, {.name = "c", .rack = "r2"}, {.name = "d"}});
  SECTION("hosts") {
    cluster.set_job(make_job("service", 5, R"("Constraints": [{"Operand": "distinct_hosts"}],)"));
    const auto scheduled = cluster.run();
    CHECK(cluster.running().size() == 4);
    CHECK(scheduled.eval.failed_tg_allocs().at("g").constraint_filtered().at("distinct_hosts") == 4);
  }
  SECTION("property") {
    cluster.set_job(make_job("service", 3, R"("Constraints": [{"LTarget": "${meta.rack}", "Operand": "distinct_property"}],)"));
    const auto scheduled = cluster.run();
    CHECK(cluster.running().size() == 2);
    const auto& filtered = scheduled.eval.failed_tg_allocs().at("g").constraint_filtered();
    CHECK(filtered.at("distinct_property: ${meta.rack}=r1 used by 1 allocs") == 2);
    CHECK(filtered.at("missing property \"${meta.rack}\"") == 1);
    CHECK(cluster.pass().plan_is_empty());
  }
}

TEST_CASE("ports are never given twice on a node") {
  Cluster cluster({{.name = "a"}, {.name = "b"}});

  SECTION("static") {
    cluster.set_job(make_job("service", 3, R"("Networks": [{"ReservedPorts": [{"Label": "http", "Value": 8080}]}],)"));
    const auto scheduled = cluster.run();
    CHECK(cluster.running().size() == 2);
    CHECK(scheduled.eval.failed_tg_allocs().at("g").dimension_exhausted().at("network: reserved port collision http=8080") == 2);
    const auto& shared = scheduled.plan.placements(0).allocated_resources().shared();
    CHECK(shared.ports(0).value() == 8080);
    CHECK(shared.ports(0).host_ip() == "10.0.0.1");
    CHECK(shared.networks(0).ip() == "10.0.0.1");
  }
  SECTION("dynamic") {
    cluster.node(0).mutable_node_resources()->set_min_dynamic_port(20000);
    cluster.node(0).mutable_node_resources()->set_max_dynamic_port(20002);
    cluster.node(1).set_scheduling_eligibility("ineligible");
    cluster.set_job(make_job("service", 4, R"("Networks": [{"DynamicPorts": [{"Label": "http", "To": -1}]}],)"));
    const auto scheduled = cluster.run();
    std::set<std::int64_t> ports;
    for (const auto& placed : scheduled.plan.placements()) {
      ports.insert(placed.allocated_resources().shared().ports(0).value());
      CHECK(placed.allocated_resources().shared().ports(0).to() == placed.allocated_resources().shared().ports(0).value());
    }
    CHECK(ports == std::set<std::int64_t>{20000, 20001, 20002});
    CHECK(scheduled.eval.failed_tg_allocs().at("g").dimension_exhausted().at("network: dynamic port selection failed") == 1);
  }
  SECTION("kept by the node") {
    cluster.node(0).mutable_reserved_resources()->mutable_networks()->set_reserved_host_ports("22,8080");
    cluster.set_job(make_job("service", 1, R"("Networks": [{"ReservedPorts": [{"Label": "http", "Value": 8080}]}],)"));
    cluster.run();
    CHECK(cluster.running() == Texts{"g[0]@b"});
  }
}

TEST_CASE("affinity decides between equal nodes") {
  Cluster cluster({{.name = "a", .rack = "r1"}, {.name = "b", .rack = "r2"}, {.name = "c", .rack = "r1"}});
  cluster.set_job(make_job("service", 1, R"("Affinities": [{"LTarget": "${meta.rack}", "RTarget": "r2", "Operand": "=", "Weight": 100}],)"));
  cluster.run();
  CHECK(cluster.running() == Texts{"g[0]@b"});
}

/// How many run on nodes of each rack, by the first letter of a node's name.
std::map<char, int> by_rack(const Cluster& cluster) {
  std::map<char, int> racks;
  for (const auto& name : cluster.running()) ++racks[name[name.find('@') + 1]];
  return racks;
}

TEST_CASE("spread brings allocations where its targets or evenness ask for them") {
  Cluster cluster({{.name = "a1", .rack = "a"}, {.name = "a2", .rack = "a"}, {.name = "a3", .rack = "a"}, {.name = "b1", .rack = "b"}, {.name = "x1"}});
  SECTION("evenly") {
    cluster.set_job(make_job("service", 6, R"("Spreads": [{"Attribute": "${meta.rack}", "Weight": 100}],)"));
    cluster.run();
    CHECK(by_rack(cluster) == std::map<char, int>{{'a', 3}, {'b', 3}});
  }
  SECTION("by percentage") {
    cluster.set_job(make_job("service", 5, R"("Spreads": [{"Attribute": "${meta.rack}", "Weight": 100, "SpreadTarget":
        [{"Value": "b", "Percent": 80}, {"Value": "a", "Percent": 20}]}],)"));
    const auto scheduled = cluster.run();
    CHECK(by_rack(cluster) == std::map<char, int>{{'a', 1}, {'b', 4}});
    CHECK(scheduled.plan.placements(0).metrics().score_meta_data(0).scores().contains("allocation-spread"));
  }
  CHECK(cluster.pass().plan_is_empty());
}

TEST_CASE("a job that is spread waits where there are no nodes at all, or none that will do") {
  const std::string spread = R"("Spreads": [{"Attribute": "${meta.rack}", "Weight": 100}],)";
  SECTION("no nodes") {
    Cluster cluster({});
    cluster.set_job(make_job("service", 2, spread));
    CHECK(cluster.run().eval.failed_tg_allocs().contains("g"));
  }
  SECTION("none that will do") {
    Cluster cluster({{.name = "a", .rack = "a"}});
    cluster.set_job(make_job("service", 2, spread + R"("Constraints": [{"LTarget": "${meta.rack}", "RTarget": "b", "Operand": "="}],)"));
    CHECK(cluster.run().eval.failed_tg_allocs().contains("g"));
  }
}

TEST_CASE("a failed allocation is rescheduled later, once, and then on another node") {
  Cluster cluster({{.name = "a"}, {.name = "b"}});
  cluster.set_job(make_job("service", 1));
  cluster.run();
  const Uuid failed_node = cluster.allocs()[0].node;
  cluster.fail(0);

  const auto first = cluster.run();
  CHECK(first.plan.placements_size() == 0);
  REQUIRE(first.new_evals.size() == 1);
  CHECK(from_ns(first.new_evals[0].wait_until()) == cluster.now + 30s);
  CHECK(first.new_evals[0].triggered_by() == "alloc-reschedule");
  CHECK(first.plan.stops(0).followup_eval_id() == first.new_evals[0].id());
  CHECK(cluster.pass().plan_is_empty());
  CHECK(cluster.pass().new_evals.empty());

  cluster.now += 30s;
  const auto second = cluster.pass(first.new_evals[0]);
  REQUIRE(second.plan.placements_size() == 1);
  const auto& placed = second.plan.placements(0);
  CHECK(placed.name() == "web.g[0]");
  CHECK(placed.node_id() != to_text(failed_node));
  CHECK(placed.reschedule_tracker().events(0).prev_alloc_id() == placed.previous_allocation());
  CHECK(second.plan.stops(0).desired_description() == "alloc was rescheduled because it failed");
  cluster.commit(second);
  CHECK(cluster.pass().plan_is_empty());
}

TEST_CASE("without attempts left a failed allocation stays and still counts") {
  Cluster cluster({{.name = "a"}});
  cluster.set_job(make_job("service", 1, R"("ReschedulePolicy": {"Attempts": 0, "Unlimited": false},)"));
  cluster.run();
  cluster.fail(0);

  CHECK(cluster.pass().plan_is_empty());
}

TEST_CASE("batch work that is done is not done again, unless the job changes") {
  Cluster cluster({{.name = "a"}});
  cluster.set_job(make_job("batch", 2));
  cluster.run();
  cluster.allocs()[0].client = ClientStatus::complete;
  cluster.allocs()[1].client = ClientStatus::complete;
  CHECK(cluster.pass().plan_is_empty());

  auto next = make_job("batch", 2);
  next->mutable_task_groups(0)->mutable_tasks(0)->set_config(R"({"x":1})");
  cluster.set_job(next);
  CHECK(cluster.pass().plan.placements_size() == 2);
}

TEST_CASE("a trigger that means nothing fails the evaluation") {
  Cluster cluster({{.name = "a"}});
  cluster.set_job(make_job("service", 1));

  const auto scheduled = cluster.pass(cluster.eval("weather"));

  CHECK(scheduled.eval.status() == "failed");
  CHECK(scheduled.eval.status_description() == "scheduler cannot handle 'weather' evaluation reason");
  CHECK(scheduled.plan_is_empty());
}

TEST_CASE("the same seed gives the same plan") {
  const auto plan = [](std::uint64_t seed) {
    Cluster cluster({{.name = "a"}, {.name = "b"}, {.name = "c"}, {.name = "d"}}, seed);
    cluster.set_job(make_job("service", 3, R"("Networks": [{"DynamicPorts": [{"Label": "http"}]}],)"));
    return model::to_json(cluster.pass().plan);
  };
  CHECK(plan(5) == plan(5));
  CHECK(plan(5) != plan(6));
}

TEST_CASE("a system job runs once on every node that takes it") {
  Cluster cluster({{.name = "a"}, {.name = "b"}, {.name = "c", .driver = false}, {.name = "d", .datacenter = "dc2"}});
  cluster.set_job(make_job("system", 1, "", R"("Datacenters": ["dc1"],)"));

  const auto scheduled = cluster.run();
  CHECK(cluster.running() == Texts{"g[0]@a", "g[0]@b"});
  CHECK(scheduled.eval.failed_tg_allocs_size() == 0);
  CHECK(scheduled.new_evals.empty());
  CHECK(cluster.pass().plan_is_empty());

  SECTION("a new node gets one") {
    cluster.add({.name = "e"});
    cluster.run();
    CHECK(cluster.running() == Texts{"g[0]@a", "g[0]@b", "g[0]@e"});
  }
  SECTION("what is on a down node is lost, not moved") {
    cluster.node(0).set_status("down");
    const auto again = cluster.run();
    CHECK(again.plan.stops(0).client_status() == "lost");
    CHECK(cluster.running() == Texts{"g[0]@b"});
  }
  SECTION("an ineligible node keeps its own") {
    cluster.node(0).set_scheduling_eligibility("ineligible");
    CHECK(cluster.pass().plan_is_empty());
  }
  SECTION("what has failed is started again") {
    cluster.fail(0);
    CHECK(cluster.pass().plan.placements_size() == 1);
  }
  SECTION("an update goes to every node") {
    auto next = make_job("system", 1, "", R"("Datacenters": ["dc1"],)");
    next->mutable_task_groups(0)->mutable_tasks(0)->set_config(R"({"x":1})");
    cluster.set_job(next);
    const auto again = cluster.run();
    CHECK(again.plan.stops_size() == 2);
    CHECK(cluster.running() == Texts{"g[0]@a", "g[0]@b"});
  }
}

TEST_CASE("a full node is a failure of a system job, a filtered one only when there is no other") {
  Cluster cluster({{.name = "a", .cpu = 50}, {.name = "b"}, {.name = "c", .driver = false}});
  cluster.set_job(make_job("system", 1));

  const auto scheduled = cluster.run();

  CHECK(scheduled.eval.failed_tg_allocs().at("g").dimension_exhausted().at("cpu") == 1);
  CHECK(scheduled.eval.queued_allocations().at("g") == 1);
  REQUIRE(scheduled.new_evals.size() == 1);
  CHECK(scheduled.new_evals[0].node_id() == to_text(node_id(0)));

  Cluster filtered({{.name = "c", .driver = false}});
  filtered.set_job(make_job("system", 1));
  const auto nowhere = filtered.pass();
  CHECK(nowhere.eval.failed_tg_allocs().at("g").constraint_filtered().at("missing drivers") == 1);
  CHECK(nowhere.eval.queued_allocations().at("g") == 0);
}

TEST_CASE("sysbatch work that is done on a node stays done there until the job changes") {
  Cluster cluster({{.name = "a"}, {.name = "b"}});
  cluster.set_job(make_job("sysbatch", 1));
  cluster.run();
  cluster.allocs()[0].client = ClientStatus::complete;
  cluster.allocs()[1].client = ClientStatus::failed;
  CHECK(cluster.pass().plan_is_empty());

  auto next = make_job("sysbatch", 1);
  next->mutable_task_groups(0)->mutable_tasks(0)->set_config(R"({"x":1})");
  cluster.set_job(next);
  CHECK(cluster.pass().plan.placements_size() == 2);
}

}  // namespace
}  // namespace drover::server::tests
