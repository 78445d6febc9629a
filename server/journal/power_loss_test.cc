#include <catch2/catch.hpp>

#include "server/journal/journal_testing.h"
#include "server/journal/losing_disk.h"

using namespace drover;
using namespace drover::server;
using namespace drover::server::testing;

TEST_CASE("what an append called durable is there when the power goes right after it") {
  LosingDisk disk;
  const Folder folder("journal-power");
  RealLoop loop;
  LosingDisk::Image left;
  {
    const auto journal = SqliteJournal::open(loop, folder.path);
    REQUIRE(journal.ok());
    REQUIRE(run(loop, (*journal)->lead()).ok());
    REQUIRE(run(loop, (*journal)->append(1, batch_of(1, 3))).durable());
    const std::uint64_t before = disk.syncs();
    REQUIRE(run(loop, (*journal)->append(4, batch_of(4, 50))).durable());
    CHECK(disk.syncs() == before + 1);  // one for the whole batch
    left = disk.image();
  }
  LosingDisk::restore(folder.path, left);

  const auto journal = SqliteJournal::open(loop, folder.path);
  REQUIRE(journal.ok());
  const Result<Index> head = run(loop, (*journal)->lead());
  CHECK((head.ok() ? "" : head.error().message) == "");
  CHECK(head.value_or(0) == 53);
  CHECK(replay_all(loop, **journal).value_or(0) == 53);
}

TEST_CASE("nor does it matter when the power goes: after checkpoints, and while the beginning is trimmed") {
  LosingDisk disk;
  const Folder folder("journal-power");
  RealLoop loop;
  struct Moment {
    Index head = 0;
    Index trimmed = 0;
    LosingDisk::Image left;
  };
  std::vector<Moment> moments;
  {
    const auto journal = SqliteJournal::open(loop, folder.path);
    REQUIRE(journal.ok());
    REQUIRE(run(loop, (*journal)->lead()).ok());
    Index trimmed = 0;
    for (Index head = 0; head < 16'000;) {
      REQUIRE(run(loop, (*journal)->append(head + 1, batch_of(head + 1, 400))).durable());
      head += 400;
      if (head % 4'000 == 0) {
        trimmed = head - 2'000;
        REQUIRE(run(loop, (*journal)->trim(trimmed)).ok());
      }
      if (head % 2'000 == 0 || head % 4'000 == 400) moments.push_back({head, trimmed, disk.image()});
    }
  }
  for (const Moment& moment : moments) {
    LosingDisk::restore(folder.path, moment.left);
    std::filesystem::remove(folder.path / "journal.head");  // it is never synced
    const auto journal = SqliteJournal::open(loop, folder.path);
    REQUIRE(journal.ok());
    CHECK(run(loop, (*journal)->lead()).value_or(0) == moment.head);
    CHECK(replay_all(loop, **journal, moment.trimmed + 1).value_or(0) == moment.head - moment.trimmed);
  }
}
