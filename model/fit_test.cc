#include "model/fit.h"

#include <catch2/catch.hpp>

#include "model/json/codec.h"
#include "model/names.h"
#include "model/old_resources.h"
#include "model/proto/alloc.pb.h"
#include "model/proto/group.pb.h"
#include "model/proto/node.pb.h"

namespace drover::model {
namespace {

TEST_CASE("a node gives what it has minus what it keeps") {
  Node node;
  REQUIRE(from_json(R"({"NodeResources": {"Cpu": {"CpuShares": 4000}, "Memory": {"MemoryMB": 8000}, "Disk": {"DiskMB": 100}},
                        "ReservedResources": {"Cpu": {"CpuShares": 100}, "Memory": {"MemoryMB": 256}, "Disk": {"DiskMB": 10}}})",
                    node));
  CHECK(capacity_of(node) == Capacity{.cpu = 3900, .memory_mb = 7744, .disk_mb = 90});
}

TEST_CASE("tasks that never run together are not added up") {
  TaskGroup group;
  REQUIRE(from_json(R"({"EphemeralDisk": {"SizeMB": 300}, "Tasks": [
      {"Name": "main", "Resources": {"CPU": 100, "MemoryMB": 10}},
      {"Name": "proxy", "Lifecycle": {"Hook": "prestart", "Sidecar": true}, "Resources": {"CPU": 50, "MemoryMB": 5}},
      {"Name": "init", "Lifecycle": {"Hook": "prestart"}, "Resources": {"CPU": 10, "MemoryMB": 100}},
      {"Name": "after", "Lifecycle": {"Hook": "poststop"}, "Resources": {"CPU": 20, "MemoryMB": 1}}]})",
                    group));
  CHECK(ask_of(group).capacity == Capacity{.cpu = 150, .memory_mb = 105, .disk_mb = 300});
}

TEST_CASE("an allocation takes what its tasks were given") {
  AllocatedResources given;
  REQUIRE(from_json(R"({"Tasks": {"a": {"Cpu": {"CpuShares": 100}, "Memory": {"MemoryMB": 10}},
                                  "b": {"Cpu": {"CpuShares": 30}, "Memory": {"MemoryMB": 90}}},
                        "TaskLifecycles": {"a": null, "b": {"Hook": "poststop"}}, "Shared": {"DiskMB": 300}})",
                    given));
  CHECK(capacity_of(given) == Capacity{.cpu = 100, .memory_mb = 90, .disk_mb = 300});
}

TEST_CASE("old clients find what an allocation was given where they look for it") {
  Allocation alloc;
  REQUIRE(from_json(R"({"AllocatedResources": {"Tasks": {"a": {"Cpu": {"CpuShares": 50}, "Memory": {"MemoryMB": 64}}},
                        "Shared": {"DiskMB": 10, "Networks": [{"IP": "10.0.0.1"}]}}})",
                    alloc));
  add_old_resources(alloc);

  CHECK(alloc.resources().cpu() == 50);
  CHECK(alloc.resources().memory_max_mb() == 64);
  CHECK(alloc.resources().disk_mb() == 10);
  CHECK(alloc.resources().networks(0).ip() == "10.0.0.1");
  CHECK(alloc.shared_resources().memory_mb() == 0);
  CHECK(alloc.task_resources().at("a").memory_mb() == 64);
  CHECK(alloc.task_resources().at("a").memory_max_mb() == 0);
}

TEST_CASE("the first dimension that does not fit is named") {
  const Capacity free{.cpu = 100, .memory_mb = 100, .disk_mb = 100};
  CHECK(exhausted_dimension(free, {.cpu = 100, .memory_mb = 100, .disk_mb = 100}).empty());
  CHECK(exhausted_dimension(free, {.cpu = 101, .memory_mb = 101}) == "cpu");
  CHECK(exhausted_dimension(free, {.memory_mb = 101}) == "memory");
  CHECK(exhausted_dimension(free, {.disk_mb = 101}) == "disk");
}

TEST_CASE("a full node scores 1 and an empty one 0, and the spread algorithm the other way round") {
  const Capacity node{.cpu = 1000, .memory_mb = 1000};
  CHECK(binpack_score(node, node) == Approx(1));
  CHECK(binpack_score(node, {}) == Approx(0).margin(1e-12));
  CHECK(spread_score(node, node) == Approx(0).margin(1e-12));
  CHECK(spread_score(node, {}) == Approx(1));
  CHECK(binpack_score(node, {.cpu = 500, .memory_mb = 500}) == Approx((20 - 2 * std::sqrt(10)) / 18));
}

TEST_CASE("port lists are numbers and ranges") {
  CHECK(parse_ports("") == std::vector<std::uint16_t>{});
  CHECK(parse_ports("80, 22,8000-8002,80") == std::vector<std::uint16_t>{22, 80, 8000, 8001, 8002});
  for (const auto* bad : {"a", "80,", "70000", "9-8", "-1"}) CHECK_FALSE(parse_ports(bad));
}

TEST_CASE("a free port is found whatever one picks, until there is none") {
  PortSet ports;
  CHECK(ports.free_port(20000, 20002, 0) == 20000);
  CHECK(ports.free_port(20000, 20002, 4) == 20001);
  for (std::uint16_t port = 20000; port <= 32000; ++port) {
    if (port != 27001) ports.add(port);
  }
  for (std::uint64_t pick = 0; pick < 50; ++pick) CHECK(ports.free_port(20000, 32000, pick * 1'000'003) == 27001);
  CHECK(ports.count_in(20000, 32000) == 12000);
  CHECK(ports.count_in(0, 65535) == 12000);
  ports.add(27001);
  CHECK_FALSE(ports.free_port(20000, 32000, 5));
  ports.remove(31999);
  CHECK(ports.free_port(20000, 32000, 7) == 31999);
}

TEST_CASE("names of allocations hold their index") {
  CHECK(alloc_name("a.b/c", "g", 12) == "a.b/c.g[12]");
  CHECK(index_of_name("a.b/c.g[12]") == 12u);
  for (const auto* bad : {"", "a.g", "a.g[]", "a.g[x]", "a.g[1]x"}) CHECK_FALSE(index_of_name(bad));
}

TEST_CASE("datacenters are matched with stars") {
  CHECK(matches_glob("*", "dc1"));
  CHECK(matches_glob("dc*", "dc1"));
  CHECK(matches_glob("*-eu-*", "a-eu-1-eu-2"));
  CHECK(matches_glob("dc1", "dc1"));
  CHECK_FALSE(matches_glob("dc", "dc1"));
  CHECK_FALSE(matches_glob("*x", "dc1"));
  CHECK_FALSE(matches_glob("", "dc1"));
}

}  // namespace
}  // namespace drover::model
