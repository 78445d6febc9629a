#include "server/journal/sqlite_journal.h"

#include <fcntl.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>

#include "server/journal/journal_testing.h"

using namespace drover;
using namespace drover::server;
using namespace drover::server::testing;

TEST_CASE("what was appended is there after the journal is opened again") {
  const Folder folder("journal");
  RealLoop loop;
  {
    const auto journal = SqliteJournal::open(loop, folder.path);
    REQUIRE(journal.ok());
    CHECK(*run(loop, (*journal)->lead()) == 0);
    CHECK(run(loop, (*journal)->append(1, batch_of(1, 3))).durable());
    CHECK(run(loop, (*journal)->append(4, batch_of(4, 2500))).durable());
  }
  const auto journal = SqliteJournal::open(loop, folder.path);
  REQUIRE(journal.ok());
  CHECK(*run(loop, (*journal)->lead()) == 2503);
  CHECK(*replay_all(loop, **journal) == 2503);
  CHECK(*replay_all(loop, **journal, 2000) == 504);
  CHECK(*replay_all(loop, **journal, 2504) == 0);
}

TEST_CASE("records of any bytes and of none are kept") {
  const Folder folder("journal");
  RealLoop loop;
  const auto journal = SqliteJournal::open(loop, folder.path);
  REQUIRE(journal.ok());
  const Batch batch = {"", std::string("a\0b", 3), std::string(3'000'000, '\xff')};
  REQUIRE(run(loop, (*journal)->lead()).ok());
  CHECK(run(loop, (*journal)->append(1, batch)).durable());

  Batch seen;
  const auto visit = [&seen](Index, std::string_view record) -> Result<void> {
    seen.emplace_back(record);
    return {};
  };
  CHECK(run(loop, (*journal)->replay(1, visit)).ok());
  REQUIRE(seen.size() == batch.size());
  for (std::size_t i = 0; i < batch.size(); ++i) CHECK((seen[i] == batch[i]));
}

TEST_CASE("an append anywhere but after the head is refused") {
  const Folder folder("journal");
  RealLoop loop;
  const auto journal = SqliteJournal::open(loop, folder.path);
  REQUIRE(journal.ok());
  REQUIRE(run(loop, (*journal)->lead()).ok());
  CHECK(run(loop, (*journal)->append(1, batch_of(1, 2))).durable());

  CHECK(run(loop, (*journal)->append(2, batch_of(2, 1))).outcome == Appended::Outcome::refused);
  CHECK(run(loop, (*journal)->append(4, batch_of(4, 1))).outcome == Appended::Outcome::refused);
  CHECK(run(loop, (*journal)->append(3, batch_of(3, 1))).durable());
}

TEST_CASE("trimming forgets the beginning, keeps the head, and survives") {
  const Folder folder("journal");
  RealLoop loop;
  {
    const auto journal = SqliteJournal::open(loop, folder.path);
    REQUIRE(run(loop, (*journal)->lead()).ok());
    CHECK(run(loop, (*journal)->append(1, batch_of(1, 9000))).durable());
    CHECK(run(loop, (*journal)->trim(8990)).ok());
    CHECK(*replay_all(loop, **journal, 8991) == 10);
    CHECK(run(loop, (*journal)->trim(9000)).ok());
  }
  const auto journal = SqliteJournal::open(loop, folder.path);
  CHECK(*run(loop, (*journal)->lead()) == 9000);
  CHECK(replay_all(loop, **journal, 9000).error().code == Code::not_found);
  CHECK(run(loop, (*journal)->append(9001, batch_of(9001, 1))).durable());
  CHECK(*replay_all(loop, **journal, 9001) == 1);
}

TEST_CASE("a folder that another process uses is refused with its name and the cure") {
  const Folder folder("journal");
  RealLoop loop;
  const auto first = SqliteJournal::open(loop, folder.path);
  const auto second = SqliteJournal::open(loop, folder.path);
  REQUIRE_FALSE(second.ok());
  CHECK(second.error().code == Code::conflict);
  CHECK(second.error().message.find(folder.path.string()) != std::string::npos);
  CHECK(second.error().message.find("another data_dir") != std::string::npos);
}

TEST_CASE("a full disk refuses appends, and when there is room again they go on", "[root]") {
  const Folder folder("journal-full");
  const SmallDisk disk(folder, "size=1m");
  if (!disk.mounted) {
    WARN("not run: mounting a small tmpfs needs root");
    return;
  }
  RealLoop loop;
  std::ofstream(folder.path / "ballast") << std::string(300'000, 'x');
  const auto journal = SqliteJournal::open(loop, folder.path);
  REQUIRE(journal.ok());
  REQUIRE(run(loop, (*journal)->lead()).ok());
  Index head = 0;
  Appended last;
  while (last.durable() && head < 10'000) {
    last = run(loop, (*journal)->append(head + 1, batch_of(head + 1, 50)));
    if (last.durable()) head += 50;
  }
  CHECK(last.outcome == Appended::Outcome::refused);
  CHECK(last.error.code == Code::exhausted);
  CHECK(last.error.message.find("journal.db': the disk is full") != std::string::npos);
  CHECK(*replay_all(loop, **journal) == head);

  std::filesystem::remove(folder.path / "ballast");
  CHECK(run(loop, (*journal)->append(head + 1, batch_of(head + 1, 50))).durable());
  CHECK(*replay_all(loop, **journal) == head + 50);
}

TEST_CASE("cost of a synced append", "[!benchmark]") {
  const Folder folder("journal-benchmark");
  RealLoop loop;
  const auto journal = SqliteJournal::open(loop, folder.path);
  REQUIRE(journal.ok());
  REQUIRE(run(loop, (*journal)->lead()).ok());
  Index next = 1;
  BENCHMARK("append of one record of 1 kB") {
    const bool durable = run(loop, (*journal)->append(next, {std::string(1000, 'x')})).durable();
    ++next;
    return durable;
  };
  const int fd = ::open((folder.path / "bare").c_str(), O_WRONLY | O_CREAT | O_APPEND, 0600);
  const std::string record(1000, 'x');
  BENCHMARK("bare write and fdatasync of 1 kB") { return ::write(fd, record.data(), record.size()) + ::fdatasync(fd); };
  ::close(fd);
}
