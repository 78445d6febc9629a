#include "server/broker/node_table_cache.h"

#include <catch2/catch.hpp>

#include "model/proto/alloc.pb.h"
#include "model/proto/job.pb.h"
#include "model/proto/node.pb.h"
#include "model/proto/session.pb.h"
#include "server/scheduler/scheduler.h"
#include "server/state/state.h"

namespace drover::server {
namespace {

model::Allocation some_alloc(Random& random, const Uuid& id, const Uuid& node) {
  model::Allocation alloc;
  alloc.set_id(to_text(id));
  alloc.set_node_id(to_text(node));
  alloc.set_desired_status("run");
  alloc.set_client_status("pending");
  auto& task = (*alloc.mutable_allocated_resources()->mutable_tasks())["t"];
  task.mutable_cpu()->set_cpu_shares(static_cast<std::int64_t>(random.below(100)));
  task.mutable_memory()->set_memory_mb(static_cast<std::int64_t>(random.below(100)));
  auto* port = alloc.mutable_allocated_resources()->mutable_shared()->add_ports();
  port->set_value(static_cast<std::int64_t>(20000 + random.below(30)));
  return alloc;
}

}  // namespace

TEST_CASE("the table that is kept in step is the one that would be built anew") {
  SeededRandom random(8);
  State state;
  NodeTableCache cache;
  state.begin(1, 0);
  std::vector<Uuid> nodes;
  for (int n = 0; n < 5; ++n) {
    model::Node node;
    nodes.push_back(random.uuid());
    node.set_id(to_text(nodes.back()));
    state.put_node(node);
  }
  model::Job job;
  job.set_namespace_("default");
  job.set_id("web");
  state.put_job(job, 6);
  cache.published(state.snapshot(), state.take_effects(), true);
  std::vector<Uuid> allocs;
  std::shared_ptr<const NodeTable> held;

  for (Index index = 2; index < 300; ++index) {
    state.begin(index, 0);
    const std::uint64_t what = random.below(6);
    if (what < 2 || allocs.empty()) {
      allocs.push_back(random.uuid());
      REQUIRE(state.place(some_alloc(random, allocs.back(), nodes[random.below(nodes.size())]), state.current_number({"default", "web"}), nullptr).ok());
    } else if (what == 2) {
      model::AllocStatus status;
      status.set_id(to_text(allocs[random.below(allocs.size())]));
      status.set_client_status(random.below(2) == 0 ? "complete" : "running");
      const Result<void> updated = state.update(status);
      static_cast<void>(updated);  // it may be erased already
    } else if (what == 3) {
      // Changed, added, or come back while allocations of its are still there.
      model::Node node;
      if (random.below(4) == 0) nodes.push_back(random.uuid());
      node.set_id(to_text(nodes[random.below(nodes.size())]));
      node.set_status(random.below(2) == 0 ? "ready" : "down");
      node.mutable_reserved_resources()->mutable_networks()->set_reserved_host_ports(random.below(2) == 0 ? "20003,22" : "20004");
      state.put_node(node);
    } else if (what == 4) {
      state.erase_node(nodes[random.below(nodes.size())]);
    } else {
      state.erase_alloc(allocs[random.below(allocs.size())]);
    }
    cache.published(state.snapshot(), state.take_effects(), false);
    if (random.below(5) == 0) held = cache.get();

    const NodeTable fresh = node_table(state);
    const auto kept = cache.get();
    REQUIRE(kept->ids == fresh.ids);
    REQUIRE(kept->nodes == fresh.nodes);
    REQUIRE(kept->ready == fresh.ready);
    for (const Uuid& node : nodes) {
      NodeUse use;
      state.each_alloc_on_node(node, [&use](const AllocRow& row) {
        if (!row.terminal()) ++use.allocs, use.taken += row.shape->capacity;
        return true;
      });
      REQUIRE(state.use_of(node).allocs == use.allocs);
      REQUIRE(state.use_of(node).taken == use.taken);
    }
    REQUIRE(kept->used == fresh.used);
    REQUIRE(kept->allocs == fresh.allocs);
    REQUIRE(kept->ports == fresh.ports);
  }
}

}  // namespace drover::server
