#include "server/waits.h"

#include <catch2/catch.hpp>

#include "base/loop/start.h"
#include "model/proto/job.pb.h"
#include "server/state/state.h"

namespace drover::server {
namespace {

struct World {
  World() {
    waits.start();
    put("first");
  }
  ~World() { run(time, loop, waits.stop()); }

  void put(const std::string& job) {
    state.begin(state.index() + 1, 0);
    model::Job spec;
    spec.set_namespace_("default");
    spec.set_id(job);
    state.put_job(spec, 6);
    waits.published(state.snapshot(), state.take_effects(), false);
  }

  void wait(WaitFor what, Index after, Duration limit) {
    waits.add({what}, after, limit, state.snapshot(), [this](const Result<SnapshotPtr>& result) {
      ++answers;
      if (result) seen = (*result)->index();
    }, alive);
  }

  VirtualTime time;
  VirtualLoop loop{time};
  Waits waits{loop};
  State state;
  std::shared_ptr<int> alive = std::make_shared<int>();
  int answers = 0;
  Index seen = 0;
};

}  // namespace

TEST_CASE("a reader that is behind is answered at once, one that is not waits for the change") {
  World world;
  world.wait({.topic = Topic::jobs, .id = {}, .job = {}}, 0, 1min);
  CHECK(world.answers == 1);

  world.wait({.topic = Topic::jobs, .id = {}, .job = {}}, 1, 1min);
  CHECK(world.answers == 1);
  world.put("second");
  CHECK(world.answers == 2);
  CHECK(world.seen == 2);
}

TEST_CASE("a reader of one thing is not woken by others") {
  World world;
  world.wait({.topic = Topic::jobs, .id = {}, .job = {"default", "mine"}}, 1, 1min);

  world.put("other");
  CHECK(world.answers == 0);
  world.put("mine");
  CHECK(world.answers == 1);
}

TEST_CASE("at the end of its time a reader gets the state as it is") {
  World world;
  world.wait({.topic = Topic::jobs, .id = {}, .job = {}}, 1, 30s);

  world.time.advance(29s);
  CHECK(world.answers == 0);
  world.time.advance(2s);
  CHECK(world.answers == 1);
  CHECK(world.seen == 1);
}

TEST_CASE("ten thousand readers are all woken by one change, and none is left") {
  World world;
  for (int n = 0; n < 10000; ++n) world.wait({.topic = Topic::jobs, .id = {}, .job = {}}, 1, 1min);

  world.put("second");

  CHECK(world.answers == 10000);
  CHECK(world.waits.size() == 0);
}

TEST_CASE("readers that have gone away are forgotten") {
  World world;
  for (int round = 0; round < 100; ++round) {
    for (int n = 0; n < 100; ++n) world.wait({.topic = Topic::jobs, .id = {}, .job = {}}, 1, 10min);
    world.alive = std::make_shared<int>();
  }
  CHECK(world.waits.size() < 2500);
}

}  // namespace drover::server
