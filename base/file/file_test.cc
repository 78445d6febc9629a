#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "base/file/checksum.h"
#include "base/file/durable_file.h"
#include "base/file/file_lock.h"

using namespace drover;

namespace {

struct Folder {
  Folder() : path(std::filesystem::temp_directory_path() / ("drover-file-test-" + std::to_string(::getpid()))) {
    std::filesystem::create_directories(path);
  }
  ~Folder() { std::filesystem::remove_all(path); }
  std::filesystem::path path;
};

}  // namespace

TEST_CASE("a durable file appears only when it is whole") {
  const Folder folder;
  const auto path = folder.path / "state";
  REQUIRE(write_file_durably(path, "old").ok());
  {
    auto file = DurableFile::create(path);
    REQUIRE(file.ok());
    CHECK(file->write("half").ok());
  }
  CHECK(*read_file(path, 100) == "old");

  REQUIRE(write_file_durably(path, std::string(1'000'000, 'x')).ok());
  CHECK(read_file(path, 2'000'000)->size() == 1'000'000);
  CHECK(read_file(path, 100).error().code == Code::exhausted);
  CHECK(std::distance(std::filesystem::directory_iterator(folder.path), {}) == 1);
}

TEST_CASE("a folder is locked by one at a time, and the holder is named") {
  const Folder folder;
  {
    const auto first = FileLock::take(folder.path);
    REQUIRE(first.ok());
    const auto second = FileLock::take(folder.path);
    REQUIRE_FALSE(second.ok());
    CHECK(second.error().code == Code::conflict);
    CHECK(second.error().message.find("process " + std::to_string(::getpid())) != std::string::npos);
  }
  CHECK(FileLock::take(folder.path).ok());
}

TEST_CASE("a checksum notices a change and can be taken in parts") {
  CHECK(crc32("123456789") == 0xcbf43926);
  CHECK(crc32("56789", crc32("1234")) == 0xcbf43926);
  CHECK(crc32({}, 7) == 7);
  CHECK(crc32("123456788") != 0xcbf43926);
}
