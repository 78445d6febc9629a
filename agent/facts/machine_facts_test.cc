#include "agent/facts/machine_facts.h"

#include <catch2/catch.hpp>
#include <unistd.h>

#include "base/loop/start.h"

using namespace drover;
using namespace drover::agent;

TEST_CASE("sets of ids are read with ranges, and junk is skipped") {
  CHECK(parse_id_set("0-2,5") == std::vector<std::uint32_t>{0, 1, 2, 5});
  CHECK(parse_id_set("").empty());
  CHECK(parse_id_set("x,3") == std::vector<std::uint32_t>{3});
}

TEST_CASE("memory is told in bytes") {
  auto memory = parse_meminfo("MemTotal:       1024 kB\nMemFree:  2 kB\n");

  CHECK(memory["MemTotal"] == 1024 * 1024);
  CHECK(memory["MemFree"] == 2048);
}

TEST_CASE("processor times are summed as the kernel counts them") {
  const auto times = parse_cpu_times("cpu  10 5 20 100 7 1 2 3 0 0\ncpu0 1 0 0 9 0 0 0 0\nintr 5\n");

  REQUIRE(times.size() == 2);
  CHECK(times.at("cpu").user == 15);
  CHECK(times.at("cpu").idle == 107);
  CHECK(times.at("cpu").total == 148);
}

TEST_CASE("this machine reports processors, memory, storage and a name") {
  const HostReport report = read_report({.root = "", .alloc_dir = "/does/not/exist/yet"});

  CHECK_FALSE(report.cores.empty());
  CHECK(report.memory_bytes > 1 << 20);
  CHECK(report.disk_bytes > 1 << 20);
  CHECK(report.attributes.at("kernel.name") == "linux");
  CHECK(std::stoull(report.attributes.at("cpu.totalcompute")) >= report.cores.size());
  CHECK_FALSE(report.attributes.at("unique.hostname").empty());
}

TEST_CASE("a machine that shows nothing gives what the system calls say, and names what is missing") {
  const HostReport report = read_report({.root = "/does-not-exist", .alloc_dir = "/"});

  CHECK_FALSE(report.cores.empty());
  CHECK(report.memory_bytes == 0);
  CHECK_FALSE(report.missing.empty());
}

TEST_CASE("use is a rate since the last look") {
  RealLoop loop;
  MachineFacts facts(loop, {.root = "", .alloc_dir = "/"});
  run<HostReport>(loop, facts.read());

  const HostUse use = run<HostUse>(loop, facts.use());

  CHECK(use.memory_total > use.memory_available);
  CHECK_FALSE(use.cpus.empty());
  CHECK(use.alloc_disk.size > 0);
}
