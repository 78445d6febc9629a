#include "server/state/alloc/row.h"

#include <catch2/catch.hpp>

#include "model/proto/alloc.pb.h"
#include "model/proto/job.pb.h"
#include "server/state/bytes.h"

namespace drover::server {
namespace {

model::Job two_groups() {
  model::Job job;
  job.set_id("shop/eu");
  job.set_namespace_("default");
  job.add_task_groups()->set_name("web");
  job.add_task_groups()->set_name("db");
  return job;
}

bool chance(Random& random) { return random.below(2) == 0; }
std::string some_id(Random& random) { return to_text(random.uuid()); }

void give_ports(model::Allocation& alloc, Random& random) {
  auto* shared = alloc.mutable_allocated_resources()->mutable_shared();
  auto* network = shared->add_networks();
  network->set_mode("host");
  network->set_ip("10.0.0.7");
  const std::uint64_t count = random.below(4);
  for (std::uint64_t i = 0; i < count; ++i) {
    const auto value = static_cast<std::int64_t>(20000 + random.below(12000));
    auto* port = network->add_dynamic_ports();
    port->set_label("p" + std::to_string(i));
    port->set_value(value);
    auto* mapping = shared->add_ports();
    mapping->set_label(port->label());
    mapping->set_value(value);
    mapping->set_host_ip(random.below(8) == 0 ? "10.0.0.8" : "10.0.0.7");
  }
}

/// Any allocation whatever: regular and irregular in every respect.
model::Allocation some_alloc(Random& random) {
  constexpr std::string_view client[] = {"pending", "running", "complete", "failed", "lost", "unknown"};
  constexpr std::string_view desired[] = {"run", "stop", "evict"};
  model::Allocation alloc;
  alloc.set_id(some_id(random));
  alloc.set_namespace_("default");
  alloc.set_job_id("shop/eu");
  alloc.set_task_group(chance(random) ? "web" : chance(random) ? "db" : "gone");
  alloc.set_name(chance(random) ? "shop/eu." + alloc.task_group() + "[" + std::to_string(random.below(40)) + "]" : "odd[007]");
  alloc.set_node_id(some_id(random));
  alloc.set_node_name("n1");
  alloc.set_eval_id(some_id(random));
  alloc.set_desired_status(std::string(desired[random.below(3)]));
  alloc.set_client_status(std::string(client[random.below(6)]));
  alloc.set_desired_description(chance(random) ? "alloc is being migrated" : chance(random) ? "because" : "");
  alloc.set_client_description(chance(random) ? "Tasks are running" : chance(random) ? "odd" : "");
  alloc.mutable_desired_transition();
  if (chance(random)) alloc.mutable_desired_transition()->set_migrate(chance(random));
  if (chance(random)) alloc.mutable_desired_transition()->set_force_reschedule(chance(random));
  if (chance(random)) alloc.set_deployment_id(some_id(random));
  if (chance(random)) alloc.set_previous_allocation(some_id(random));
  if (chance(random)) alloc.set_next_allocation(some_id(random));
  if (chance(random)) alloc.set_followup_eval_id(some_id(random));
  if (chance(random)) alloc.mutable_reschedule_tracker()->add_events()->set_delay(5);
  if (chance(random)) alloc.mutable_network_status()->set_address(chance(random) ? "10.1.1.1" : "");
  if (chance(random)) alloc.mutable_deployment_status()->set_healthy(chance(random));
  if (chance(random)) {
    auto& state = (*alloc.mutable_task_states())["main"];
    state.set_state("running");
    state.add_events()->set_type("Started");
  }
  auto& task = (*alloc.mutable_allocated_resources()->mutable_tasks())["main"];
  task.mutable_cpu()->set_cpu_shares(100);
  task.mutable_memory()->set_memory_mb(64);
  alloc.mutable_allocated_resources()->mutable_shared()->set_disk_mb(300);
  if (chance(random)) give_ports(alloc, random);
  alloc.set_create_index(random.below(1000));
  alloc.set_modify_index(random.below(1000));
  alloc.set_alloc_modify_index(random.below(1000));
  alloc.set_create_time(static_cast<std::int64_t>(random.below(1u << 30)));
  alloc.set_modify_time(static_cast<std::int64_t>(random.below(1u << 30)));
  return alloc;
}

AllocNames names_for(const model::Allocation& alloc, const model::Job& job) {
  return AllocNames{
      .node = parse_uuid(alloc.node_id()),
      .eval = parse_uuid(alloc.eval_id()),
      .deployment = parse_uuid(alloc.deployment_id()),
      .node_name = "n1",
      .job_key = JobKey{"default", "shop/eu"},
      .job = &job,
  };
}

}  // namespace

TEST_CASE("an allocation comes back from its row as it was, whatever it holds") {
  SeededRandom random(11);
  const model::Job job = two_groups();
  for (int round = 0; round < 2000; ++round) {
    const model::Allocation alloc = some_alloc(random);

    AllocRow row = from_message(alloc, &job);
    row.shape = shape_of(alloc);

    CHECK(to_bytes(to_message(row, names_for(alloc, job))) == to_bytes(alloc));
  }
}

TEST_CASE("allocations that differ in ports alone have the same shape") {
  SeededRandom random(3);
  const auto with_port = [](std::int64_t value) {
    model::Allocation alloc;
    auto* shared = alloc.mutable_allocated_resources()->mutable_shared();
    auto* port = shared->add_ports();
    port->set_label("http");
    port->set_value(value);
    port->set_host_ip("10.0.0.7");
    return alloc;
  };

  const model::Job job = two_groups();
  const AllocRow row = from_message(with_port(8080), &job);

  CHECK(shape_of(with_port(8080))->bytes == shape_of(with_port(20001))->bytes);
  CHECK(ports_of(row) == std::vector<std::uint16_t>{8080});
  CHECK(address_of(row) == "10.0.0.7");
}

TEST_CASE("a row of an ordinary allocation is small") {
  CHECK(sizeof(AllocRow) <= 256);
}

}  // namespace drover::server
