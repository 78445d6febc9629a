#include <catch2/catch.hpp>
#include <fstream>

#include "server/journal/disk_snapshots.h"
#include "server/journal/journal_testing.h"
#include "server/journal/memory_journal.h"

using namespace drover;
using namespace drover::server;
using namespace drover::server::testing;

namespace {

SnapshotBody body(std::string text) {
  return [text = std::move(text)](const std::function<Result<void>(std::string_view)>& write) -> Result<void> {
    DROVER_TRY(write(text.substr(0, text.size() / 2)));
    return write(text.substr(text.size() / 2));
  };
}

SnapshotBody failing_body() {
  return [](const std::function<Result<void>(std::string_view)>& write) -> Result<void> {
    DROVER_TRY(write("half"));
    return fail(Code::internal, "no more");
  };
}

std::size_t files_in(const std::filesystem::path& folder) {
  return static_cast<std::size_t>(std::distance(std::filesystem::directory_iterator(folder), {}));
}

std::filesystem::path file_of(const Folder& folder, std::string_view index) {
  return folder.path / ("snapshot-" + std::string(20 - index.size(), '0') + std::string(index) + ".drover");
}

void flip(const std::filesystem::path& path, std::size_t at) {
  std::fstream file(path, std::ios::in | std::ios::out | std::ios::binary);
  file.seekg(static_cast<std::streamoff>(at));
  const char byte = static_cast<char>(file.get() ^ 4);
  file.seekp(static_cast<std::streamoff>(at));
  file.put(byte);
}

}  // namespace

TEST_CASE("the newest snapshot is loaded, and the oldest kept says how far to trim") {
  const Folder folder("snapshots");
  RealLoop loop;
  DiskSnapshots files(loop, folder.path);
  CHECK(run(loop, files.load_newest())->index == 0);

  CHECK(*run(loop, files.save(10, body("ten"))) == 10);
  CHECK(*run(loop, files.save(200, body("two hundred"))) == 10);
  CHECK(*run(loop, files.save(3000, body(std::string(2'000'000, 'x')))) == 200);

  CHECK(files_in(folder.path) == snapshots_kept);
  const auto loaded = run(loop, files.load_newest());
  REQUIRE(loaded.ok());
  CHECK(loaded->index == 3000);
  CHECK(loaded->bytes == std::string(2'000'000, 'x'));
}

TEST_CASE("a snapshot that fails half way leaves the one of before") {
  const Folder folder("snapshots");
  RealLoop loop;
  DiskSnapshots files(loop, folder.path);
  CHECK(run(loop, files.save(10, body("ten"))).ok());

  CHECK(run(loop, files.save(20, failing_body())).error().message == "no more");

  CHECK(files_in(folder.path) == 1);
  CHECK(run(loop, files.load_newest())->bytes == "ten");
}

TEST_CASE("a damaged snapshot is passed over and named; when all are damaged that is an error") {
  const Folder folder("snapshots");
  RealLoop loop;
  DiskSnapshots files(loop, folder.path);
  for (std::size_t at = 0; at < 51; ++at) {  // every byte of the file
    CHECK(run(loop, files.save(10, body("the older one"))).ok());
    CHECK(run(loop, files.save(20, body("the newer one"))).ok());
    flip(file_of(folder, "20"), at);

    const auto loaded = run(loop, files.load_newest());
    REQUIRE(loaded.ok());
    CHECK(loaded->index == 10);
    CHECK(loaded->bytes == "the older one");
    REQUIRE(loaded->damaged.size() == 1);
    CHECK(loaded->damaged[0].find("snapshot-00000000000000000020.drover") != std::string::npos);
  }

  flip(file_of(folder, "10"), 30);
  const auto none = run(loop, files.load_newest());
  REQUIRE_FALSE(none.ok());
  CHECK(none.error().code == Code::internal);
  CHECK(none.error().message.find("put back a backup of '" + folder.path.string()) != std::string::npos);
}

TEST_CASE("a snapshot on a full disk is refused and leaves no file", "[root]") {
  const Folder folder("snapshots-full");
  const SmallDisk disk(folder, "size=256k");
  if (!disk.mounted) {
    WARN("not run: mounting a small tmpfs needs root");
    return;
  }
  RealLoop loop;
  DiskSnapshots files(loop, folder.path);

  const auto saved = run(loop, files.save(10, body(std::string(1'000'000, 'x'))));

  REQUIRE_FALSE(saved.ok());
  CHECK(saved.error().code == Code::exhausted);
  CHECK(files_in(folder.path) == 0);
}

TEST_CASE("snapshots in memory keep the same promises") {
  VirtualTime time;
  VirtualLoop loop(time);
  MemoryDisk disk;
  MemorySnapshots files(disk);

  CHECK(run(time, loop, files.load_newest())->index == 0);
  CHECK(*run(time, loop, files.save(10, body("ten"))) == 10);
  CHECK(run(time, loop, files.save(20, failing_body())).error().message == "no more");
  CHECK(*run(time, loop, files.save(20, body("twenty"))) == 10);
  CHECK(*run(time, loop, files.save(30, body("thirty"))) == 20);
  CHECK(run(time, loop, files.load_newest())->bytes == "thirty");
}
