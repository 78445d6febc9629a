#include "server/commands/scheduler_config.h"

#include "server/commands/command_world.h"
#include "server/state/serialize.h"

// How operators say how the scheduler works.
namespace drover::server {
namespace {

SetSchedulerConfiguration wish(const std::string& algorithm, std::optional<Index> only_if = {}) {
  auto configuration = std::make_shared<model::SchedulerConfiguration>();
  configuration->set_scheduler_algorithm(algorithm);
  return {.configuration = configuration, .only_if = only_if};
}

}  // namespace

TEST_CASE("the scheduler packs bins and lets system jobs displace others, until the server or an operator says otherwise") {
  World world;
  CHECK(scheduler_configuration(world.state, world.config).scheduler_algorithm() == "binpack");
  CHECK(scheduler_configuration(world.state, world.config).preemption_config().system_scheduler_enabled());

  auto configured = std::make_shared<model::SchedulerConfiguration>();
  configured->mutable_preemption_config()->set_batch_scheduler_enabled(true);
  world.config.scheduler = configured;
  CHECK(scheduler_configuration(world.state, world.config).scheduler_algorithm() == "binpack");
  CHECK_FALSE(scheduler_configuration(world.state, world.config).preemption_config().system_scheduler_enabled());
  CHECK(scheduler_configuration(world.state, world.config).preemption_config().batch_scheduler_enabled());

  const auto set = world.ask(wish("spread"));
  CHECK(set->updated);
  CHECK(set->index == world.state.index());
  const auto now = scheduler_configuration(world.state, world.config);
  CHECK(now.scheduler_algorithm() == "spread");
  CHECK_FALSE(now.preemption_config().batch_scheduler_enabled());
  CHECK(now.create_index() == 1);
  CHECK(now.modify_index() == set->index);
}

TEST_CASE("the scheduler's configuration is set only as it was seen, and not to what there is not") {
  World world;
  CHECK(world.ask(wish("nope")).error().message == "invalid scheduler algorithm: nope");
  CHECK_FALSE(world.ask(wish("spread", 7))->updated);
  CHECK(world.state.index() == 0);

  const auto set = world.ask(wish("spread", 1));
  CHECK(set->updated);
  CHECK_FALSE(world.ask(wish("", 99))->updated);
  CHECK(world.ask(wish("", set->index))->updated);
  CHECK(scheduler_configuration(world.state, world.config).scheduler_algorithm() == "binpack");
}

TEST_CASE("a snapshot keeps the scheduler's configuration") {
  World world;
  REQUIRE(world.ask(wish("spread")).ok());

  const Result<State> restored = restore(serialize(world.state));

  REQUIRE(restored.ok());
  CHECK(scheduler_configuration(*restored, world.config).scheduler_algorithm() == "spread");
  CHECK(serialize(*restored) == serialize(world.state));
}

}  // namespace drover::server
