#include <catch2/catch.hpp>

#include "model/proto/alloc.pb.h"
#include "model/proto/evaluation.pb.h"
#include "model/proto/job.pb.h"
#include "model/proto/registration.pb.h"
#include "model/proto/session.pb.h"
#include "server/state/serialize.h"
#include "server/state/state.h"

namespace drover::server {
namespace {

constexpr const char* alloc_ids[] = {"aaaaaaaa-0000-0000-0000-000000000001", "aaaaaaaa-0000-0000-0000-000000000002"};
const JobKey web{"default", "web"};

model::ServiceRegistration instance(int alloc, bool ready, const std::string& name = "api") {
  model::ServiceRegistration service;
  service.set_id("_nomad-task-" + std::string(alloc_ids[alloc]) + "-" + name);
  service.set_service_name(name);
  service.set_namespace_("default");
  service.set_job_id("web");
  service.set_alloc_id(alloc_ids[alloc]);
  service.set_address("10.0.0.1");
  service.set_port(8000 + alloc);
  service.set_unready(!ready);
  return service;
}

model::AllocServices set_of(const std::vector<model::ServiceRegistration>& all) {
  model::AllocServices set;
  for (const auto& one : all) *set.add_services() = one;
  return set;
}

/// Two allocations of one job; the last command was 2.
State two_allocs() {
  State state;
  state.begin(1, 1000);
  model::Job job;
  job.set_namespace_("default");
  job.set_id("web");
  job.set_type("service");
  job.add_task_groups()->set_name("g");
  state.put_job(job, 6);
  state.begin(2, 2000);
  for (const char* id : alloc_ids) {
    model::Allocation alloc;
    alloc.set_id(id);
    alloc.set_namespace_("default");
    alloc.set_job_id("web");
    alloc.set_task_group("g");
    alloc.set_name("web.g[0]");
    alloc.set_node_id("bbbbbbbb-0000-0000-0000-000000000001");
    alloc.set_desired_status("run");
    alloc.set_client_status("running");
    REQUIRE(state.place(alloc, state.current_number(web), nullptr).ok());
  }
  state.take_effects();
  return state;
}

Uuid id_of(int alloc) { return parse_uuid(alloc_ids[alloc]); }

std::vector<Index> indexes(const State& state, const std::string& name = "api") {
  std::vector<Index> out;
  state.each_instance("default", name, [&out](const model::ServiceRegistration& service) {
    out.push_back(service.create_index());
    out.push_back(service.modify_index());
    return true;
  });
  return out;
}

}  // namespace

TEST_CASE("an instance that becomes ready counts as created then, and readers of its service are told") {
  State state = two_allocs();
  state.begin(10, 0);
  state.put_services(id_of(0), set_of({instance(0, false)}));
  CHECK(indexes(state) == std::vector<Index>{10, 10});

  state.begin(11, 0);
  state.put_services(id_of(0), set_of({instance(0, true)}));
  CHECK(indexes(state) == std::vector<Index>{11, 11});
  CHECK(state.service_index("default", "api") == 11);
  const Effects effects = state.take_effects();
  REQUIRE_FALSE(effects.empty());
  CHECK(effects.back().topic == Topic::services);
  CHECK(effects.back().job == JobKey{"default", "api"});
}

TEST_CASE("the same set again changes nothing, another set takes away what is not in it") {
  State state = two_allocs();
  state.begin(10, 0);
  state.put_services(id_of(0), set_of({instance(0, true), instance(0, true, "admin")}));
  state.put_services(id_of(1), set_of({instance(1, true)}));
  CHECK_FALSE(state.says_of_services(id_of(0), set_of({instance(0, true), instance(0, true, "admin")})));
  CHECK(state.says_of_services(id_of(0), set_of({instance(0, true)})));

  state.begin(11, 0);
  state.put_services(id_of(0), set_of({instance(0, true)}));
  CHECK(indexes(state) == std::vector<Index>{10, 10, 10, 10});
  CHECK(indexes(state, "admin").empty());
  CHECK(state.service_index("default", "api") == 10);
  CHECK(state.service_index("default", "admin") == 11);
}

TEST_CASE("an allocation that has ended, or is gone, serves nobody") {
  State state = two_allocs();
  state.begin(10, 0);
  state.put_services(id_of(0), set_of({instance(0, true)}));
  state.put_services(id_of(1), set_of({instance(1, true)}));

  state.begin(11, 0);
  model::AllocStatus status;
  status.set_id(alloc_ids[0]);
  status.set_client_status("failed");
  REQUIRE(state.update(status).ok());
  CHECK(indexes(state) == std::vector<Index>{10, 10});
  CHECK(state.service_index("default", "api") == 11);

  state.begin(12, 0);
  REQUIRE(state.erase_alloc(id_of(1)));
  CHECK(indexes(state).empty());
}

TEST_CASE("a status of services alone does not touch the allocation") {
  State state = two_allocs();
  const Index before = state.alloc(id_of(0))->modify_index;
  state.begin(10, 0);
  model::AllocStatus status;
  status.set_id(alloc_ids[0]);
  *status.mutable_services() = set_of({instance(0, true)});
  REQUIRE(state.update(status).ok());
  CHECK(state.alloc(id_of(0))->modify_index == before);
  CHECK(indexes(state) == std::vector<Index>{10, 10});
}

TEST_CASE("services are in a snapshot, with the index that their readers have seen") {
  State state = two_allocs();
  state.begin(10, 0);
  state.put_services(id_of(0), set_of({instance(0, true), instance(0, false, "admin")}));
  state.begin(11, 0);
  state.put_services(id_of(1), set_of({instance(1, false)}));

  const Result<State> restored = restore(serialize(state));
  REQUIRE(restored.ok());
  CHECK(serialize(*restored) == serialize(state));
  CHECK(restored->service_index("default", "api") == 10);
  CHECK(indexes(*restored) == std::vector<Index>{10, 10, 11, 11});
  int of_first = 0;
  restored->each_service_of_alloc(id_of(0), [&of_first](const model::ServiceRegistration&) { return ++of_first, true; });
  CHECK(of_first == 2);
}

}  // namespace drover::server
