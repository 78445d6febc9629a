#include "server/plan/evaluate.h"

#include <catch2/catch.hpp>

#include "model/proto/alloc.pb.h"
#include "model/proto/evaluation.pb.h"
#include "model/proto/job.pb.h"
#include "model/proto/node.pb.h"
#include "model/proto/plan.pb.h"
#include "server/state/state.h"

namespace drover::server {
namespace {

Uuid id_of(int n) {
  Uuid id;
  id.bytes[0] = 0xbb;
  id.bytes[15] = static_cast<std::uint8_t>(n);
  return id;
}

model::Node ready_node(int n) {
  model::Node node;
  node.set_id(to_text(id_of(n)));
  node.set_status("ready");
  node.set_scheduling_eligibility("eligible");
  node.mutable_node_resources()->mutable_cpu()->set_cpu_shares(1000);
  node.mutable_node_resources()->mutable_memory()->set_memory_mb(1000);
  node.mutable_node_resources()->mutable_disk()->set_disk_mb(1000);
  return node;
}

model::Allocation alloc_on(int n, int node, std::int64_t memory_mb, std::int64_t port = 0) {
  model::Allocation alloc;
  alloc.set_id(to_text(id_of(n)));
  alloc.set_node_id(to_text(id_of(node)));
  alloc.set_desired_status("run");
  alloc.set_client_status("pending");
  (*alloc.mutable_allocated_resources()->mutable_tasks())["t"].mutable_memory()->set_memory_mb(memory_mb);
  if (port > 0) {
    auto* mapping = alloc.mutable_allocated_resources()->mutable_shared()->add_ports();
    mapping->set_value(port);
    mapping->set_host_ip("10.0.0.1");
  }
  return alloc;
}

/// Nodes 1 and 2; allocation 10 on node 1 with 600 MB and port 8080.
State two_nodes() {
  State state;
  state.begin(1, 0);
  state.put_node(ready_node(1));
  state.put_node(ready_node(2));
  model::Job job;
  job.set_namespace_("default");
  job.set_id("web");
  state.put_job(job, 6);
  REQUIRE(state.place(alloc_on(10, 1, 600, 8080), state.current_number({"default", "web"}), nullptr).ok());
  return state;
}

}  // namespace

TEST_CASE("what does not fit on one node is left out, the rest is taken") {
  const State state = two_nodes();
  model::Plan plan;
  *plan.add_placements() = alloc_on(11, 1, 500);
  *plan.add_placements() = alloc_on(12, 2, 500);

  const Fitting fitting = evaluate(state, plan);

  CHECK(fitting.placements == std::vector<int>{1});
  REQUIRE(fitting.refused.size() == 1);
  CHECK(fitting.refused[0].ends_with("memory is exhausted"));
}

TEST_CASE("a plan that must be taken at once is taken whole or not at all") {
  const State state = two_nodes();
  model::Plan plan;
  plan.set_all_at_once(true);
  *plan.add_placements() = alloc_on(11, 1, 500);
  *plan.add_placements() = alloc_on(12, 2, 500);

  CHECK(evaluate(state, plan).empty());
}

TEST_CASE("what the plan stops makes room for what it places") {
  const State state = two_nodes();
  model::Plan plan;
  *plan.add_stops() = alloc_on(10, 1, 600);
  *plan.add_placements() = alloc_on(11, 1, 900, 8080);

  CHECK(evaluate(state, plan).whole());
}

TEST_CASE("no port is given twice, by the state or by the plan") {
  const State state = two_nodes();
  model::Plan taken;
  *taken.add_placements() = alloc_on(11, 1, 1, 8080);
  model::Plan twice;
  *twice.add_placements() = alloc_on(11, 2, 1, 9090);
  *twice.add_placements() = alloc_on(12, 2, 1, 9090);
  model::Plan free;
  *free.add_placements() = alloc_on(11, 2, 1, 8080);

  CHECK_FALSE(evaluate(state, taken).whole());
  CHECK_FALSE(evaluate(state, twice).whole());
  CHECK(evaluate(state, free).whole());
}

TEST_CASE("a node that is down, gone or ineligible takes nothing new") {
  State state = two_nodes();
  model::Node down = ready_node(2);
  down.set_status("down");
  state.put_node(down);
  model::Plan on_down;
  *on_down.add_placements() = alloc_on(11, 2, 1);
  model::Plan on_none;
  *on_none.add_placements() = alloc_on(11, 3, 1);
  CHECK(evaluate(state, on_down).refused[0].ends_with("it is down"));
  CHECK(evaluate(state, on_none).refused[0].ends_with("there is no such node"));

  model::Node ineligible = ready_node(1);
  ineligible.set_scheduling_eligibility("ineligible");
  state.put_node(ineligible);
  model::Plan fresh;
  *fresh.add_placements() = alloc_on(11, 1, 1);
  model::Plan in_place;
  *in_place.add_placements() = alloc_on(10, 1, 600, 8080);
  CHECK_FALSE(evaluate(state, fresh).whole());
  CHECK(evaluate(state, in_place).whole());
}

TEST_CASE("stops are taken wherever they are") {
  State state = two_nodes();
  state.erase_node(id_of(1));
  model::Plan plan;
  *plan.add_stops() = alloc_on(10, 1, 600);

  CHECK(evaluate(state, plan).stops == std::vector<int>{0});
}

TEST_CASE("of allocations that are alike those fit whose node has room for all of them") {
  const State state = two_nodes();
  model::Plan plan;
  auto& group = *plan.add_groups();
  *group.mutable_common() = alloc_on(0, 0, 400);
  for (const auto& [id, node] : std::vector<std::pair<int, int>>{{11, 1}, {12, 2}, {13, 2}, {14, 3}}) {
    const Uuid ids[] = {id_of(id), id_of(node)};
    group.mutable_ids()->append(reinterpret_cast<const char*>(ids[0].bytes.data()), 16);
    group.mutable_nodes()->append(reinterpret_cast<const char*>(ids[1].bytes.data()), 16);
    group.add_indexes(static_cast<std::uint32_t>(id));
  }

  CHECK(evaluate(state, plan).groups == std::vector<std::vector<int>>{{0, 1, 2}});
  *plan.add_placements() = alloc_on(15, 2, 300);
  const Fitting fitting = evaluate(state, plan);
  CHECK(fitting.groups == std::vector<std::vector<int>>{{0}});
  CHECK(fitting.placements.empty());
  CHECK(fitting.refused.size() == 2);
  plan.set_all_at_once(true);
  CHECK(evaluate(state, plan).empty());
}

}  // namespace drover::server
