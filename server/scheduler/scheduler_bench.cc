// What a placement costs: run with `server_scheduler_test "[!benchmark]"`.
#include <catch2/catch.hpp>

#include "server/scheduler/fixture.h"
#include "server/scheduler/place.h"

namespace drover::server::tests {
namespace {

NodeTable big_table(std::uint32_t nodes) {
  NodeTable table;
  for (std::uint32_t i = 0; i < nodes; ++i) {
    NodeSpec spec{.name = "n" + std::to_string(i), .cpu = 64000 + 100 * (i % 7), .memory_mb = 256000, .rack = "r" + std::to_string(i % 20)};
    table.add(make_node(spec, node_id(i)));
  }
  return table;
}

/// Nanoseconds per placement of one group with `count` allocations, whole pass: plan messages included.
void measure(std::uint32_t nodes, int count, std::string_view group_members, std::string_view name) {
  const NodeTable table = big_table(nodes);
  const auto job = make_job("service", count, group_members);
  const std::vector<ExistingAlloc> none;
  model::Evaluation eval;
  eval.set_id(to_text(node_id(9)));
  eval.set_namespace_("default");
  eval.set_job_id("web");
  eval.set_type("service");
  eval.set_triggered_by("job-register");
  eval.set_status("pending");
  SeededRandom random(3);

  BENCHMARK("whole pass: " + std::string(name) + ", " + std::to_string(nodes) + " nodes, " + std::to_string(count) + " placements") {
    return schedule({.eval = eval, .job = job, .nodes = table, .allocs = none}, random).plan.placements_size();
  };
  if (count == 1) return;
  BENCHMARK("decisions only: " + std::string(name) + ", " + std::to_string(nodes) + " nodes, " + std::to_string(count) + " placements") {
    Room room(table);
    Feasibility feasibility(table, *job);
    Occupancy occupancy(table.size(), 1);
    GroupPlacer placer(room, feasibility, occupancy, *job, 0, {});
    int placed = 0;
    for (int i = 0; i < count; ++i) placed += placer.place({}).has_value();
    return placed;
  };
}

TEST_CASE("cost of placements", "[!benchmark]") {
  for (const std::uint32_t nodes : {100u, 1000u, 5000u}) {
    measure(nodes, 1, "", "plain");
    measure(nodes, 1000, "", "plain");
    measure(nodes, 1000, R"("Spreads": [{"Attribute": "${meta.rack}", "Weight": 100}],)", "spread");
    measure(nodes, 1000, R"("Networks": [{"DynamicPorts": [{"Label": "http"}]}],)", "a port");
  }
}

}  // namespace
}  // namespace drover::server::tests
