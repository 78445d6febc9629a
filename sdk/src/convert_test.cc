#include "sdk/src/convert.h"

#include <catch2/catch.hpp>

#include "sdk/src/tracked_task.h"

namespace drover::sdk {

namespace drivers = wire::drivers::proto;

TEST_CASE("a task's configuration reaches the author whole", "[sdk]") {
  drivers::TaskConfig message;
  message.set_id("a/b/c");
  message.set_name("b");
  message.set_namespace_("prod");
  (*message.mutable_env())["PATH"] = "/bin";
  auto& resources = *message.mutable_resources();
  resources.mutable_allocated_resources()->mutable_cpu()->set_cpu_shares(250);
  resources.mutable_allocated_resources()->mutable_memory()->set_memory_mb(64);
  resources.mutable_linux_resources()->set_memory_limit_bytes(128 << 20);
  resources.mutable_linux_resources()->set_percentticks(0.25);
  auto& port = *resources.add_ports();
  port.set_label("http");
  port.set_value(8080);
  auto& mount = *message.add_mounts();
  mount.set_task_path("/data");
  mount.set_readonly(true);
  message.mutable_network_isolation_spec()->set_mode(drivers::NetworkIsolationSpec::GROUP);
  message.mutable_dns()->add_servers("10.0.0.1");
  message.set_alloc_dir("/alloc");

  const TaskConfig task = from_wire(message);

  CHECK(task.id == "a/b/c");
  CHECK(task.namespace_name == "prod");
  CHECK(task.env.at("PATH") == "/bin");
  CHECK(task.resources.cpu_mhz == 250);
  CHECK(task.resources.memory_limit_bytes == 128 << 20);
  CHECK(task.resources.cpu_fraction == 0.25);
  CHECK(task.resources.ports == std::vector<Port>{{"http", 8080, 0, ""}});
  CHECK(task.mounts.front().readonly);
  CHECK(task.network.mode == NetworkMode::group);
  CHECK(task.dns.servers == std::vector<std::string>{"10.0.0.1"});
  CHECK(task.task_dir() == "/alloc/b");
}

TEST_CASE("no memory limit is asked for as minus one megabyte", "[sdk]") {
  drivers::TaskConfig message;
  message.mutable_resources()->mutable_allocated_resources()->mutable_memory()->set_memory_max_mb(-1);
  message.mutable_resources()->mutable_linux_resources()->set_memory_limit_bytes(64 << 20);

  CHECK(from_wire(message).resources.memory_limit_bytes == 0);
}

TEST_CASE("a time that is not set is the year one", "[sdk]") {
  google::protobuf::Timestamp message;
  to_wire(Instant{}, message);
  CHECK(message.seconds() == -62135596800);
  to_wire(Instant(std::chrono::milliseconds(1500)), message);
  CHECK(message.seconds() == 1);
  CHECK(message.nanos() == 500'000'000);
}

TEST_CASE("texts for the wire are valid UTF-8", "[sdk]") {
  CHECK(valid_utf8("grün €") == "grün €");
  CHECK(valid_utf8("a\xff" "b") == "a?b");
  CHECK(valid_utf8("\xe2\x82") == "??");
  CHECK(valid_utf8("\xc0\x80") == "??");
  CHECK(valid_utf8("\xed\xa0\x80") == "???");
}

TEST_CASE("only what is measured is claimed", "[sdk]") {
  TaskUsage usage;
  usage.total.memory.rss = 5;
  usage.total.memory.measured = {"RSS", "Swap", "No such"};
  drivers::TaskStats message;

  to_wire(usage, message);

  CHECK(message.has_timestamp());
  CHECK(message.agg_resource_usage().memory().measured_fields_size() == 2);
}

TEST_CASE("a saved task keeps checkpoint and configuration byte for byte", "[sdk]") {
  const SavedTask saved{std::string("\0\xff|", 3), "\x80", Instant(std::chrono::seconds(5))};
  const Result<SavedTask> read = decode_saved(encode(saved));
  REQUIRE(read);
  CHECK(read->checkpoint == saved.checkpoint);
  CHECK(read->config_msgpack == saved.config_msgpack);
  CHECK(read->started_at == saved.started_at);

  for (const char* garbage : {"", "garbage", "\x80", "\x81\xa1x\x01"}) CHECK_FALSE(decode_saved(garbage).ok());
}

}  // namespace drover::sdk
