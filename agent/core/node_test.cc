#include "agent/core/node.h"

#include <catch2/catch.hpp>

#include "model/proto/node.pb.h"

namespace drover::agent {
namespace {

HostReport host() {
  HostReport report;
  report.hostname = "box";
  report.cores = {
      {0, 0, 0, true, true, 2000, 3000, 0}, {1, 0, 0, true, true, 0, 3000, 0}, {2, 0, 0, true, false, 2000, 0, 0}};
  report.memory_bytes = 4ull << 30;
  report.disk_free_bytes = 10ull << 30;
  report.attributes = {{"kernel.name", "linux"}};
  InterfaceFacts lo{"lo", "", 1000, false, true, {{"ipv4", "127.0.0.1", ""}}};
  InterfaceFacts eth{
      "eth0", "02:00:00:00:00:01", 10000, true, false, {{"ipv4", "10.0.0.5", "10.0.0.1"}, {"ipv6", "fd00::5", ""}}};
  report.interfaces = {lo, eth};
  return report;
}

DriverStatus driver(const std::string& name, Health health) {
  DriverStatus status;
  status.name = name;
  status.health = health;
  status.description = "words";
  status.attributes = {{"driver." + name + ".version", "1.2"}};
  return status;
}

}  // namespace

TEST_CASE("a node tells what it has: usable cores, memory, free disk, and the address of the default route",
          "[agent]") {
  const model::Node node = make_node("id", {}, host(), {}, {});
  CHECK(node.name() == "box");
  CHECK(node.datacenter() == "dc1");
  CHECK(node.node_resources().cpu().cpu_shares() == 5000);
  CHECK(node.node_resources().cpu().reservable_cpu_cores_size() == 2);
  CHECK(node.node_resources().memory().memory_mb() == 4096);
  CHECK(node.node_resources().disk().disk_mb() == 10240);
  CHECK(node.attributes().at("unique.network.ip-address") == "10.0.0.5");
  CHECK(node.attributes().at("cpu.totalcompute") == "5000");
  CHECK(node.attributes().at("cpu.reservablecores") == "2");
  CHECK(node.attributes().at("nomad.service_discovery") == "true");
  CHECK(node.node_resources().networks(0).cidr() == "10.0.0.5/32");
  CHECK(node.node_resources().node_networks(0).addresses_size() == 2);
  CHECK(node.has_reserved_resources());
}

TEST_CASE("settings win over what was found, and reservations are taken off what is usable", "[agent]") {
  Settings settings;
  settings.name = "n";
  settings.network_interface = "lo";
  settings.memory_total_mb = 100;
  settings.disk_total_mb = 200;
  settings.reserved_cpu = 1000;
  settings.reserved_ports = "22,80";
  settings.meta = {{"rack", "r1"}};
  const model::Node node = make_node("id", settings, host(), {}, {{"rack", "r2"}});
  CHECK(node.name() == "n");
  CHECK(node.attributes().at("unique.network.ip-address") == "127.0.0.1");
  CHECK(node.node_resources().memory().memory_mb() == 100);
  CHECK(node.node_resources().disk().disk_mb() == 200);
  CHECK(node.attributes().at("cpu.usablecompute") == "4000");
  CHECK(node.reserved_resources().networks().reserved_host_ports() == "22,80");
  CHECK(node.meta().at("rack") == "r2");
}

TEST_CASE("drivers are told with their health; only detected ones become attributes", "[agent]") {
  const model::Node node = make_node(
      "id", {}, host(),
      {driver("raw_exec", Health::healthy), driver("docker", Health::undetected), driver("qemu", Health::unhealthy)},
      {});
  CHECK(node.drivers().at("raw_exec").healthy());
  CHECK(node.drivers().at("qemu").detected());
  CHECK_FALSE(node.drivers().at("docker").detected());
  CHECK(node.attributes().at("driver.raw_exec") == "1");
  CHECK(node.attributes().at("driver.raw_exec.version") == "1.2");
  CHECK_FALSE(node.attributes().contains("driver.docker"));
}

}  // namespace drover::agent
