// Networks that the driver makes itself.
#include "conformance/check.h"

namespace drover::conformance {
namespace network_part {

/// A network for an allocation of its own; destroyed afterwards.
struct Network {
  Driver& driver;
  std::string alloc_id;
  Answer<pb::CreateNetworkResponse> made;
  ~Network() { driver.destroy_network(alloc_id, made.message.isolation_spec()); }
};

Result<std::unique_ptr<Network>> created(Bench& bench, const std::string& hostname = "") {
  DROVER_LET(Driver * driver, bench.driver());
  const std::string alloc_id = bench.unique(bench.setup().alloc_prefix);
  std::unique_ptr<Network> network(new Network{*driver, alloc_id, driver->create_network(alloc_id, hostname)});
  EXPECT(network->made.ok(), "CreateNetwork: {}", shown(network->made.status));
  return network;
}

}  // namespace network_part

std::vector<Check> network_checks() {
  using namespace network_part;
  return {
      {"network.create", Level::network, Must::must, networks, "CreateNetwork makes a network, and says that it did",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto network, created(bench));
         EXPECT(!network->made.message.has_isolation_spec() || network->made.message.created(), "created is not set");
         return {};
       }},
      {"network.again", Level::network, Must::must, networks, "CreateNetwork again for the same allocation gives the same network, and says that it was there",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto network, created(bench));
         const auto again = network->driver.create_network(network->alloc_id, "");
         EXPECT(again.ok(), "{}", shown(again.status));
         EXPECT(!again.message.created(), "it says that it made another");
         EXPECT(again.message.isolation_spec().path() == network->made.message.isolation_spec().path(), "first {}, then {}", network->made.message.isolation_spec().path(), again.message.isolation_spec().path());
         return {};
       }},
      {"network.after-restart", Level::network, Must::must, networks, "Another process of the driver finds the network of an allocation",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto network, created(bench));
         DROVER_LET(const auto second, bench.fresh());
         const auto again = second->create_network(network->alloc_id, "");
         EXPECT(again.ok() && !again.message.created(), "{}", again.ok() ? "it says that it made another" : shown(again.status));
         EXPECT(again.message.isolation_spec().path() == network->made.message.isolation_spec().path(), "it is {}", again.message.isolation_spec().path());
         return {};
       }},
      {"network.two", Level::network, Must::must, networks, "Two allocations have two networks",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto first, created(bench));
         DROVER_LET(const auto second, created(bench));
         const std::string one = first->made.message.isolation_spec().path(), two = second->made.message.isolation_spec().path();
         EXPECT(one.empty() || one != two, "both are {}", one);
         return {};
       }},
      {"network.hostname", Level::network, Must::must, networks, "CreateNetwork takes a hostname",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto network, created(bench, "web-1"));
         return {};
       }},
      {"network.destroy", Level::network, Must::must, networks, "DestroyNetwork removes the network: the next CreateNetwork makes one",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto network, created(bench));
         const auto destroyed = network->driver.destroy_network(network->alloc_id, network->made.message.isolation_spec());
         EXPECT(destroyed.ok(), "{}", shown(destroyed.status));
         const auto again = network->driver.create_network(network->alloc_id, "");
         EXPECT(!again.message.has_isolation_spec() || again.message.created(), "the old one is there");
         return {};
       }},
      {"network.destroy-twice", Level::network, Must::must, networks, "DestroyNetwork of a network that is gone is OK",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto network, created(bench));
         network->driver.destroy_network(network->alloc_id, network->made.message.isolation_spec());
         const auto again = network->driver.destroy_network(network->alloc_id, network->made.message.isolation_spec());
         EXPECT(again.ok(), "{}", shown(again.status));
         return {};
       }},
      {"network.destroy-unknown", Level::network, Must::must, networks, "DestroyNetwork of an allocation that it never heard of is OK",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         const auto destroyed = driver->destroy_network(bench.unique(bench.setup().alloc_prefix), pb::NetworkIsolationSpec());
         EXPECT(destroyed.ok(), "{}", shown(destroyed.status));
         return {};
       }},
  };
}

}  // namespace drover::conformance
