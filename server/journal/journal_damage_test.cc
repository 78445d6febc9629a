// The journal on disk after kills and after damage: what was acknowledged is there, or the damage is named.

#include <csignal>
#include <sys/wait.h>

#include <catch2/catch.hpp>
#include <fstream>
#include <iterator>
#include <random>

#include "server/journal/journal_testing.h"

using namespace drover;
using namespace drover::server;
using namespace drover::server::testing;

namespace {

namespace fs = std::filesystem;

Async<int> append_for_ever(SqliteJournal& journal, int acknowledged_fd) {
  const Result<Index> head = co_await journal.lead();
  if (!head) co_return 1;
  for (Index next = *head + 1;;) {
    const std::size_t count = 1 + next % 7;
    Batch batch = batch_of(next, count);
    const Appended appended = co_await journal.append(next, std::move(batch));
    if (!appended.durable()) co_return 2;
    next += count;
    const Index acknowledged = next - 1;
    if (::write(acknowledged_fd, &acknowledged, sizeof acknowledged) != static_cast<ssize_t>(sizeof acknowledged)) co_return 3;
  }
}

[[noreturn]] void writer_process(const fs::path& folder, int acknowledged_fd) {
  RealLoop loop;
  auto journal = SqliteJournal::open(loop, folder);
  if (!journal) ::_exit(4);
  ::_exit(run(loop, append_for_ever(**journal, acknowledged_fd)));
}

/// Runs a writer until it has acknowledged `count` appends, kills it, and gives the last index it acknowledged.
Index write_and_kill(const fs::path& folder, int count) {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(ends[0]);
    writer_process(folder, ends[1]);
  }
  ::close(ends[1]);
  Index last = 0;
  Index acknowledged = 0;
  for (int i = 0; i < count && ::read(ends[0], &acknowledged, sizeof acknowledged) == static_cast<ssize_t>(sizeof acknowledged); ++i) last = acknowledged;
  ::kill(child, SIGKILL);
  while (::read(ends[0], &acknowledged, sizeof acknowledged) == static_cast<ssize_t>(sizeof acknowledged)) last = acknowledged;
  ::close(ends[0]);
  int status = 0;
  ::waitpid(child, &status, 0);
  CHECK(WIFSIGNALED(status));
  return last;
}

std::string slurp(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

void spill(const fs::path& path, const std::string& bytes) { std::ofstream(path, std::ios::binary) << bytes; }

/// The whole journal, or an error that names the folder. A test fails when it is neither.
bool whole_or_named(const fs::path& folder, Index head) {
  RealLoop loop;
  const auto read = [&loop, &folder]() -> Result<Index> {
    DROVER_LET(const auto journal, SqliteJournal::open(loop, folder));
    DROVER_TRY(run(loop, journal->lead()));
    return replay_all(loop, *journal);
  };
  const Result<Index> found = read();
  INFO((found ? std::to_string(*found) : found.error().message));
  const bool fine = found ? *found == head : found.error().message.find(folder.string()) != std::string::npos;
  CHECK(fine);
  return found.ok();
}

using Files = std::map<std::string, std::string>;

Files take_files(const fs::path& folder) {
  Files files;
  for (const auto& entry : fs::directory_iterator(folder)) {
    const std::string name = entry.path().filename();
    if (name != "lock" && name != "journal.db-shm") files[name] = slurp(entry.path());
  }
  return files;
}

void put_files(const fs::path& folder, const Files& files) {
  fs::remove_all(folder);
  fs::create_directories(folder);
  for (const auto& [name, bytes] : files) spill(folder / name, bytes);
}

/// Flips single bits all over each file; gives how often that was noticed.
int flip_bits(const Folder& folder, const Files& files, Index head, std::size_t flips_a_file) {
  std::mt19937_64 random(5);
  int noticed = 0;
  for (const auto& [name, bytes] : files) {
    for (std::size_t i = 0; i < flips_a_file; ++i) {
      Files damaged = files;
      const std::size_t at = i < 100 && i < bytes.size() ? i : random() % bytes.size();  // headers are where it hurts
      damaged[name][at] = static_cast<char>(damaged[name][at] ^ (1 << random() % 8));
      put_files(folder.path, damaged);
      INFO(name << " byte " << at);
      noticed += whole_or_named(folder.path, head) ? 0 : 1;
    }
  }
  return noticed;
}

}  // namespace

TEST_CASE("a writer killed in the middle of appends loses nothing that it acknowledged") {
  const Folder folder("journal-kill");
  Index before = 0;
  for (const int count : {1, 3, 20, 50, 120, 7, 200, 2}) {
    const Index acknowledged = write_and_kill(folder.path, count);
    CHECK(acknowledged > before);

    RealLoop loop;
    const auto journal = SqliteJournal::open(loop, folder.path);
    REQUIRE(journal.ok());
    const Result<Index> head = run(loop, (*journal)->lead());
    REQUIRE(head.ok());
    CHECK(*head >= acknowledged);
    CHECK(*replay_all(loop, **journal) == *head);
    before = *head;
  }
}

TEST_CASE("a bit flipped in a closed journal is noticed, or has changed nothing") {
  const Folder folder("journal-flips");
  RealLoop loop;
  {
    const auto journal = SqliteJournal::open(loop, folder.path);
    REQUIRE(run(loop, (*journal)->lead()).ok());
    REQUIRE(run(loop, (*journal)->append(1, batch_of(1, 60))).durable());
  }
  const Files files = take_files(folder.path);
  put_files(folder.path, files);
  CHECK(whole_or_named(folder.path, 60));

  CHECK(flip_bits(folder, files, 60, 300) > 100);
}

TEST_CASE("a bit flipped in the write-ahead log of a killed journal is noticed, or has changed nothing") {
  const Folder folder("journal-flips-wal");
  const Folder source("journal-flips-source");
  RealLoop loop;
  const auto journal = SqliteJournal::open(loop, source.path);
  REQUIRE(run(loop, (*journal)->lead()).ok());
  for (Index i = 1; i <= 20; ++i) REQUIRE(run(loop, (*journal)->append(i, batch_of(i, 1))).durable());
  const Files files = take_files(source.path);
  REQUIRE(files.contains("journal.db-wal"));
  put_files(folder.path, files);
  CHECK(whole_or_named(folder.path, 20));

  CHECK(flip_bits(folder, files, 20, 300) > 100);
}

TEST_CASE("a journal cut short or with its log removed is noticed") {
  const Folder folder("journal-cut");
  const Folder source("journal-cut-source");
  RealLoop loop;
  const auto journal = SqliteJournal::open(loop, source.path);
  REQUIRE(run(loop, (*journal)->lead()).ok());
  for (Index i = 1; i <= 20; ++i) REQUIRE(run(loop, (*journal)->append(i, batch_of(i, 1))).durable());
  const Files files = take_files(source.path);

  Files without_log = files;
  without_log.erase("journal.db-wal");
  put_files(folder.path, without_log);
  CHECK_FALSE(whole_or_named(folder.path, 20));

  Files cut = files;
  cut["journal.db-wal"].resize(cut["journal.db-wal"].size() / 2);
  put_files(folder.path, cut);
  CHECK_FALSE(whole_or_named(folder.path, 20));

  Files without_journal;
  without_journal["journal.head"] = files.at("journal.head");
  put_files(folder.path, without_journal);
  CHECK_FALSE(whole_or_named(folder.path, 20));
}
