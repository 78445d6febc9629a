#include "agent/http/alloc_folder.h"

#include <catch2/catch.hpp>

#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

namespace drover::agent {
namespace {

namespace fs = std::filesystem;

/// An allocation's folder with a task that does what it can to lead readers astray.
struct Fixture {
  Fixture() {
    std::string name = (fs::temp_directory_path() / "drover-fs-XXXXXX").string();
    root = ::mkdtemp(name.data());
    alloc = root + "/alloc-1";
    for (const char* folder : {"/alloc/logs", "/web/local", "/web/secrets", "/web/private"})
      fs::create_directories(alloc + folder);
    std::ofstream(root + "/outside") << "outside";
    std::ofstream(alloc + "/web/local/f.txt") << "hello world";
    std::ofstream(alloc + "/web/secrets/token") << "secret";
    fs::create_symlink(root + "/outside", alloc + "/web/local/absolute");
    fs::create_symlink("../../../outside", alloc + "/web/local/relative");
    fs::create_symlink("../secrets/token", alloc + "/web/local/sneaky");
    fs::create_symlink("f.txt", alloc + "/web/local/inside");
    ::mkfifo((alloc + "/web/local/fifo").c_str(), 0600);
  }
  ~Fixture() { fs::remove_all(root); }
  AllocFolder folder() const { return AllocFolder::open(alloc).value(); }

  std::string root, alloc;
};

}  // namespace

TEST_CASE("files are listed and read with their names, sizes and modes", "[agent]") {
  Fixture f;
  const auto listed = f.folder().list("web/local");
  REQUIRE(listed);
  REQUIRE(listed->size() == 6);
  CHECK((*listed)[1].name == "f.txt");
  CHECK((*listed)[1].size == 11);
  CHECK_FALSE((*listed)[1].is_dir);

  const auto info = f.folder().stat("/web/local/f.txt");
  REQUIRE(info);
  CHECK(info->content_type == "text/plain; charset=utf-8");
  const auto file = f.folder().open_file("web/local/inside");
  REQUIRE(file);
  CHECK(read_at(file->get(), 6, 100).value() == "world");
}

TEST_CASE("no path and no link leads out of the allocation", "[agent]") {
  Fixture f;
  for (const char* path : {"../../outside", "..", "web/../../x", "web/local/absolute", "web/local/relative"}) {
    CAPTURE(path);
    const auto file = f.folder().open_file(path);
    REQUIRE_FALSE(file);
    CHECK(file.error().message == "Path escapes the alloc directory");
  }
}

TEST_CASE("a task's secrets are not read, neither by name nor through a link", "[agent]") {
  Fixture f;
  for (const char* path : {"web/secrets/token", "/web//secrets/./token", "web/SECRETS/token", "web/private",
                           "web/local/sneaky", "web/local/../secrets/token"}) {
    CAPTURE(path);
    CHECK(f.folder().open_file(path).error().code == Code::denied);
    CHECK_FALSE(f.folder().list(path));
  }
  CHECK(f.folder().list("web"));
}

TEST_CASE("a FIFO, a folder and what is missing are told apart, and none makes the reader wait", "[agent]") {
  Fixture f;
  CHECK(f.folder().open_file("web/local/fifo").error().message == "file \"web/local/fifo\" is not a regular file");
  CHECK(f.folder().open_file("web/local").error().message == "file \"web/local\" is a directory");
  const auto missing = f.folder().stat("none");
  CHECK(missing.error().code == Code::not_found);
  CHECK(missing.error().message == "stat " + f.alloc + "/none: no such file or directory");
  CHECK(f.folder().list("web/local/f.txt").error().message.find("not a directory") != std::string::npos);
}

}  // namespace drover::agent
