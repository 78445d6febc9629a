#include "agent/drivers/driver_wire.h"

#include <catch2/catch.hpp>

namespace drover::agent {

TEST_CASE("a task's configuration goes to the driver whole", "[drivers]") {
  TaskConfig config;
  config.id = "a/b/c";
  config.name = "b";
  config.job_namespace = "prod";
  config.env = {{"A", "1"}};
  config.resources.cpu_shares = 100;
  config.resources.memory_mb = 64;
  config.resources.memory_limit_bytes = 64 << 20;
  config.resources.ports = {{"http", 8080, 80, "10.0.0.1"}};
  config.mounts = {{"/data", "/srv", true, "private", ""}};
  config.dns = TaskDns{{"1.1.1.1"}, {}, {}};
  driver_wire::TaskConfig message;

  to_wire(config, message);

  CHECK(message.id() == "a/b/c");
  CHECK(message.namespace_() == "prod");
  CHECK(message.env().at("A") == "1");
  CHECK(message.resources().allocated_resources().memory().memory_mb() == 64);
  CHECK(message.resources().linux_resources().memory_limit_bytes() == 64 << 20);
  CHECK(message.resources().ports(0).to() == 80);
  CHECK(message.mounts(0).readonly());
  CHECK(message.dns().servers(0) == "1.1.1.1");
}

TEST_CASE("what Go drivers dereference is always there", "[drivers]") {
  driver_wire::TaskConfig message;
  to_wire(TaskConfig{}, message);
  CHECK(message.resources().allocated_resources().has_cpu());
  CHECK(message.resources().allocated_resources().has_memory());
  CHECK(message.resources().has_linux_resources());

  NodeFacts facts;
  facts.numa_nodes = {0, 1};
  base_wire::NomadDriverConfig config;
  to_wire(facts, config);
  CHECK(config.topology().distances().dimension() == 2);
  CHECK(config.topology().distances().values_size() == 4);
}

TEST_CASE("attributes become the texts that nodes show", "[drivers]") {
  driver_wire::FingerprintResponse message;
  auto& attributes = *message.mutable_attributes();
  attributes["driver.x"].set_bool_val(true);
  attributes["driver.x.version"].set_string_val("1.2");
  attributes["driver.x.memory"].set_int_val(512);
  attributes["driver.x.memory"].set_unit("MiB");
  attributes["driver.x.ratio"].set_float_val(1.5);

  CHECK(attributes_of(message) ==
        Texts{{"driver.x", "true"}, {"driver.x.memory", "512MiB"}, {"driver.x.ratio", "1.5"}, {"driver.x.version", "1.2"}});
}

TEST_CASE("times that are not set, and times that cannot be, are our epoch", "[drivers]") {
  google::protobuf::Timestamp message;
  for (const std::int64_t seconds : {-62135596800LL, 0LL, 1LL << 60}) {
    message.set_seconds(seconds);
    CHECK(from_wire(message) == Instant{});
  }
  message.set_seconds(5);
  CHECK(from_wire(message) == Instant(std::chrono::seconds(5)));
}

TEST_CASE("only what a driver measured is named", "[drivers]") {
  driver_wire::TaskStats message;
  auto& memory = *message.mutable_agg_resource_usage()->mutable_memory();
  memory.set_rss(5);
  memory.add_measured_fields(driver_wire::MemoryUsage::RSS);
  memory.add_measured_fields(static_cast<driver_wire::MemoryUsage::Fields>(99));

  CHECK(from_wire(message).total.memory_measured == std::vector<std::string>{"RSS"});
}

}  // namespace drover::agent
