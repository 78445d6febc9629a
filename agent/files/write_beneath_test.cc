#include "agent/files/write_beneath.h"

#include <catch2/catch.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>

namespace drover::agent {
namespace {

namespace fs = std::filesystem;

struct Folder {
  Folder() {
    std::string name = (fs::temp_directory_path() / "drover-beneath-XXXXXX").string();
    path = ::mkdtemp(name.data());
    fs::create_directory(path + "/local");
  }
  ~Folder() { fs::remove_all(path); }
  std::string local() const { return path + "/local"; }
  std::string read(const std::string& name) const {
    std::ostringstream out;
    out << std::ifstream(path + "/" + name).rdbuf();
    return out.str();
  }
  std::string path;
};

}  // namespace

TEST_CASE("a file is written with the folders on its way, and replaced whole", "[agent]") {
  Folder folder;
  REQUIRE(write_beneath(folder.local(), "in/put.json", "one").ok());
  CHECK(folder.read("local/in/put.json") == "one");
  REQUIRE(write_beneath(folder.local(), "./in//put.json", "two").ok());
  CHECK(folder.read("local/in/put.json") == "two");
}

TEST_CASE("nothing outside the folder is written, by no path and by no link", "[agent]") {
  Folder folder;
  std::ofstream(folder.path + "/victim") << "safe";
  fs::create_symlink(folder.path, folder.local() + "/out");
  fs::create_symlink(folder.path + "/victim", folder.local() + "/link");

  for (const char* path : {"../victim", "a/../../victim", "out/victim", "", "/", "."})
    CHECK_FALSE(write_beneath(folder.local(), path, "gone").ok());
  CHECK(write_beneath(folder.local(), "link", "new").ok());  // the link itself is replaced
  CHECK(folder.read("victim") == "safe");
  CHECK(folder.read("local/link") == "new");
}

}  // namespace drover::agent
