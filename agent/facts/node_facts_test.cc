#include "agent/facts/node_facts.h"

#include <catch2/catch.hpp>

namespace drover::agent {
namespace {

HostReport two_sockets() {
  HostReport host;
  host.cores = {{0, 0, 0, true, true, 2000, 3000, 0}, {1, 0, 0, false, true, 1000, 0, 0}, {2, 1, 1, true, false, 2000, 3000, 0}};
  return host;
}

}  // namespace

TEST_CASE("drivers are told of every core, and which of them tasks may use", "[agent]") {
  const sdk::NodeFacts facts = node_facts(two_sockets(), Settings{});

  REQUIRE(facts.cores.size() == 3);
  CHECK(facts.cores[0] == sdk::Core{0, 0, 0, false, false, 2000, 3000, 0});
  CHECK(facts.cores[1].efficiency);
  CHECK(facts.cores[2].disabled);
  CHECK(facts.usable_mhz() == 4000);
  CHECK(facts.numa_nodes == std::vector<unsigned>{0, 1});
  CHECK(facts.numa_distances == std::vector<unsigned>{10, 20, 20, 10});
}

TEST_CASE("what is reserved is withheld from tasks, but a core is as fast as it is", "[agent]") {
  Settings settings;
  settings.reserved_cpu = 500;

  CHECK(node_facts(two_sockets(), settings).usable_mhz() == 3500);
  CHECK(node_facts(two_sockets(), settings).mhz_of_core() == 2000);
}

TEST_CASE("a total that the settings give replaces what was found and what is reserved", "[agent]") {
  Settings settings;
  settings.cpu_total_compute = 9000;
  settings.reserved_cpu = 500;

  CHECK(node_facts(two_sockets(), settings).usable_mhz() == 9000);
}

}  // namespace drover::agent
