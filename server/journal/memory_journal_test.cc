#include "server/journal/memory_journal.h"

#include <catch2/catch.hpp>

#include "base/loop/start.h"

using namespace drover;
using namespace drover::server;

namespace {

struct World {
  VirtualTime time;
  VirtualLoop loop{time};
  MemoryDisk disk;
  MemoryJournal journal{loop, disk};

  Appended append(Index first, Batch batch) { return run(time, loop, journal.append(first, std::move(batch))); }
  Index lead() { return *run(time, loop, journal.lead()); }
  std::string replay(Index from) {
    std::string seen;
    const auto result = run(time, loop, journal.replay(from, [&seen](Index index, std::string_view record) -> Result<void> {
      seen += std::to_string(index) + "=" + std::string(record) + " ";
      return {};
    }));
    return result ? seen : result.error().message;
  }
};

}  // namespace

TEST_CASE("what was appended is replayed, also by the next leader") {
  World world;
  CHECK(world.lead() == 0);
  CHECK(world.append(1, {"a", "b"}).durable());
  CHECK(world.append(3, {"c"}).durable());

  MemoryJournal next(world.loop, world.disk);
  CHECK(*run(world.time, world.loop, next.lead()) == 3);

  CHECK(world.replay(2) == "2=b 3=c ");
  CHECK(world.append(4, {"d"}).outcome == Appended::Outcome::refused);  // fenced
}

TEST_CASE("a trimmed journal keeps its head") {
  World world;
  world.lead();
  CHECK(world.append(1, {"a", "b"}).durable());
  CHECK(run(world.time, world.loop, world.journal.trim(2)).ok());

  CHECK(world.lead() == 2);
  CHECK(world.append(3, {"c"}).durable());
  CHECK(world.replay(3) == "3=c ");
  CHECK(world.replay(2) == "the journal begins at 3, 2 was asked for");
}

TEST_CASE("an append takes as long as the disk, and a crash in it is decided by the disk") {
  World world;
  world.disk.append_delay = 50ms;
  world.lead();
  CHECK(world.append(1, {"a"}).durable());
  CHECK(world.time.elapsed() == 50ms);

  start<Appended>(world.loop, world.journal.append(2, {"b"}), [](Appended) { FAIL("the loop has crashed"); });
  world.time.run_until_idle();
  world.loop.crash();
  world.disk.settle(true);

  CHECK(world.disk.head() == 2);
}

TEST_CASE("tests can make appends refused or unknown") {
  World world;
  world.lead();
  world.disk.refuse = fail(Code::exhausted, "the disk is full");
  CHECK(world.append(1, {"a"}).error.code == Code::exhausted);
  world.disk.refuse.reset();

  world.disk.unknown_stored = true;
  CHECK(world.append(1, {"a"}).outcome == Appended::Outcome::unknown);
  CHECK(world.lead() == 1);
  world.disk.unknown_lost = true;
  CHECK(world.append(2, {"b"}).outcome == Appended::Outcome::unknown);
  CHECK(world.lead() == 1);
}
