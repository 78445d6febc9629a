#include "base/sqlite/sqlite.h"

#include <unistd.h>

#include <catch2/catch.hpp>
#include <fstream>

using namespace drover;

namespace {

struct Folder {
  Folder() : path(std::filesystem::temp_directory_path() / ("drover-sqlite-test-" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(path);
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

sqlite::OpenOptions options() {
  sqlite::OpenOptions result;
  result.application_id = 0x64727674;
  result.version_max = 3;
  result.cure = "restore a backup";
  return result;
}

}  // namespace

TEST_CASE("rows survive, and a transaction that fails leaves nothing") {
  const Folder folder;
  {
    const auto opened = sqlite::Database::open(folder.path / "a.db", options());
    REQUIRE(opened.ok());
    sqlite::Database& db = **opened;
    CHECK(db.version() == 0);
    REQUIRE(db.run("CREATE TABLE t(id INTEGER PRIMARY KEY, body BLOB)").ok());
    REQUIRE(db.set_version(2).ok());
    auto insert = db.prepare("INSERT INTO t VALUES(?, ?)");
    REQUIRE(insert.ok());
    CHECK(insert->bind(0, 7).bind(1, std::string_view("a\0b", 3)).run().ok());
    const auto undone = db.transaction([&insert]() -> Result<void> {
      DROVER_TRY(insert->bind(0, 8).bind(1, "x").run());
      return fail(Code::conflict, "no");
    });
    CHECK(undone.error().code == Code::conflict);
  }
  const auto again = sqlite::Database::open(folder.path / "a.db", options());
  REQUIRE(again.ok());
  CHECK((*again)->version() == 2);
  auto select = (*again)->prepare("SELECT id, body FROM t");
  REQUIRE(select.ok());
  REQUIRE(*select->step());
  CHECK(select->integer(0) == 7);
  CHECK(select->bytes(1) == std::string_view("a\0b", 3));
  CHECK_FALSE(*select->step());
}

TEST_CASE("a file that is no database is refused by name, with the cure") {
  const Folder folder;
  std::ofstream(folder.path / "a.db") << std::string(5000, 'x');
  const auto opened = sqlite::Database::open(folder.path / "a.db", options());
  REQUIRE_FALSE(opened.ok());
  CHECK(opened.error().code == Code::internal);
  CHECK(opened.error().message.find("a.db' is damaged") != std::string::npos);
  CHECK(opened.error().message.ends_with(": restore a backup"));
}

TEST_CASE("a file of a newer format or of another program is refused") {
  const Folder folder;
  {
    auto newer = options();
    newer.version_max = 9;
    const auto opened = sqlite::Database::open(folder.path / "a.db", newer);
    REQUIRE(opened.ok());
    REQUIRE((*opened)->run("CREATE TABLE t(id INTEGER)").ok());
    REQUIRE((*opened)->set_version(9).ok());
  }
  CHECK(sqlite::Database::open(folder.path / "a.db", options()).error().code == Code::unsupported);
  auto other = options();
  other.application_id = 1;
  CHECK(sqlite::Database::open(folder.path / "a.db", other).error().code == Code::internal);
}
