// The scheduler on the state's own snapshots.
#include <catch2/catch.hpp>

#include "model/proto/session.pb.h"
#include "server/scheduler/fixture.h"
#include "server/state/state.h"

namespace drover::server::tests {
namespace {

constexpr std::size_t versions_max = 6;

/// A state with two nodes and a job, and what a server would do with a pass.
class Server {
 public:
  Server() {
    next();
    state.put_node(*make_node({.name = "a"}, node_id(0)));
    state.put_node(*make_node({.name = "b"}, node_id(1)));
  }

  void next() {
    ++index_;
    state.begin(index_, static_cast<std::int64_t>(index_) * 1'000'000'000);
  }

  void register_job(const model::Job& job) {
    next();
    state.put_job(job, versions_max);
  }

  Scheduled pass(const std::string& trigger = "job-register") {
    model::Evaluation eval;
    eval.set_id(to_text(random_.uuid()));
    eval.set_namespace_("default");
    eval.set_job_id("web");
    eval.set_type("service");
    eval.set_triggered_by(trigger);
    eval.set_status("pending");
    next();
    state.put_eval(eval);
    return schedule(state, eval, {}, Instant(std::chrono::hours(1000)), random_);
  }

  void commit(const Scheduled& scheduled) {
    next();
    for (const auto& stop : scheduled.plan.stops()) REQUIRE(state.stop(stop).ok());
    for (const auto& placed : scheduled.plan.placements()) {
      const auto done = state.place(placed, state.current_number({"default", "web"}), nullptr);
      REQUIRE((done.ok() ? "" : done.error().message) == "");
    }
  }

  void report(const std::string& id, const std::string& status) {
    model::AllocStatus change;
    change.set_id(id);
    change.set_client_status(status);
    next();
    REQUIRE(state.update(change).ok());
  }

  State state;

 private:
  Index index_ = 0;
  SeededRandom random_{1};
};

TEST_CASE("what was placed is seen again, with its room and its ports") {
  Server server;
  server.register_job(*make_job("service", 2, R"("Networks": [{"ReservedPorts": [{"Label": "http", "Value": 8080}]}],)"));
  const auto first = server.pass();
  CHECK(first.plan.placements_size() == 2);
  CHECK(first.plan.placements(0).has_metrics());
  CHECK_FALSE(first.plan.placements(1).has_metrics());
  server.commit(first);

  CHECK(server.pass().plan_is_empty());
  const NodeTable table = node_table(server.state);
  for (NodeAt at = 0; at < table.size(); ++at) {
    CHECK(table.used[at].memory_mb == 100);
    CHECK(table.ports[at] == std::vector<std::uint16_t>{8080});
  }

  server.register_job(*make_job("service", 3, R"("Networks": [{"ReservedPorts": [{"Label": "http", "Value": 8080}]}],)"));
  const auto second = server.pass();
  CHECK(second.plan.placements_size() == 2);  // in place, for the new version
  CHECK(second.plan.job_version() == 1);
  CHECK(second.eval.failed_tg_allocs().at("g").dimension_exhausted().at("network: reserved port collision http=8080") == 2);
}

TEST_CASE("an update in place keeps what the allocation has") {
  Server server;
  server.register_job(*make_job("service", 1, R"("Networks": [{"DynamicPorts": [{"Label": "http"}]}],)"));
  const auto first = server.pass();
  server.commit(first);
  server.report(first.plan.placements(0).id(), "running");
  auto next = make_job("service", 1, R"("Networks": [{"DynamicPorts": [{"Label": "http"}]}],)");
  next->set_priority(60);
  server.register_job(*next);

  const auto second = server.pass();
  REQUIRE(second.plan.placements_size() == 1);
  CHECK(second.plan.placements(0).id() == first.plan.placements(0).id());
  CHECK(second.plan.placements(0).allocated_resources().shared().ports(0).value() ==
        first.plan.placements(0).allocated_resources().shared().ports(0).value());
  server.commit(second);
  CHECK(server.pass().plan_is_empty());
  CHECK(server.state.alloc(parse_uuid(first.plan.placements(0).id()))->client == ClientStatus::running);
}

TEST_CASE("a failed allocation is read whole, and rescheduled after its delay") {
  Server server;
  server.register_job(*make_job("service", 1));
  const auto first = server.pass();
  server.commit(first);
  server.report(first.plan.placements(0).id(), "failed");

  // Failed long before "now": its delay has passed.
  const auto second = server.pass("alloc-failure");
  REQUIRE(second.plan.placements_size() == 1);
  CHECK(second.plan.placements(0).previous_allocation() == first.plan.placements(0).id());
  CHECK(second.plan.placements(0).reschedule_tracker().events_size() == 1);
  server.commit(second);
  CHECK(server.pass().plan_is_empty());
}

TEST_CASE("a purged job's allocations are stopped") {
  Server server;
  server.register_job(*make_job("service", 2));
  server.commit(server.pass());
  server.next();
  REQUIRE(server.state.erase_job({"default", "web"}));

  const auto scheduled = server.pass("job-deregister");

  CHECK(scheduled.plan.stops_size() == 2);
  server.commit(scheduled);
  CHECK(server.pass("job-deregister").plan_is_empty());
}

TEST_CASE("a dry run sees the given job as the current version") {
  Server server;
  server.register_job(*make_job("service", 1));
  server.commit(server.pass());
  auto next = make_job("service", 3);
  next->set_version(1);
  model::Evaluation eval;
  eval.set_id(to_text(node_id(77)));
  eval.set_namespace_("default");
  eval.set_job_id("web");
  eval.set_type("service");
  eval.set_triggered_by("job-register");
  SeededRandom random(1);

  const auto scheduled = schedule(server.state, eval, next, {}, Instant(), random);

  const auto& updates = scheduled.eval.plan_annotations().desired_tg_updates().at("g");
  CHECK(updates.place() == 2);
  CHECK(updates.in_place_update() == 1);
}

}  // namespace
}  // namespace drover::server::tests
