#include "agent/drivers/plugin_folder.h"

#include <sys/stat.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "agent/drivers/driver_runner.h"
#include "agent/drivers/reattach_file.h"

namespace drover::agent {
namespace {

namespace fs = std::filesystem;

struct Folder {
  Folder() {
    std::string name = fs::temp_directory_path().string() + "/drover-plugins-XXXXXX";
    REQUIRE(mkdtemp(name.data()) != nullptr);
    path = name;
  }
  ~Folder() { fs::remove_all(path); }
  void add(const std::string& name, mode_t mode) const {
    std::ofstream(path + "/" + name) << "#!/bin/sh\n";
    chmod((path + "/" + name).c_str(), mode);
  }
  std::string path;
};

}  // namespace

TEST_CASE("plugin files are listed sorted, the earlier folder wins", "[drivers]") {
  const Folder first;
  const Folder second;
  first.add("b", 0755);
  first.add(".hidden", 0755);
  fs::create_directory(first.path + "/folder");
  second.add("a", 0755);
  second.add("b", 0755);

  CHECK(scan_plugin_folders({first.path, second.path, first.path + "/missing"}) ==
        std::vector<PluginFile>{{"a", second.path + "/a", ""}, {"b", first.path + "/b", ""}});
}

TEST_CASE("what others can write is not run with our rights", "[drivers]") {
  const Folder folder;
  folder.add("open", 0777);
  CHECK(scan_plugin_folders({folder.path}).front().refusal ==
        "its file is writable by others: chmod go-w " + folder.path + "/open");

  folder.add("fine", 0755);
  CHECK(check_plugin_file(folder.path + "/fine").ok());
  chmod(folder.path.c_str(), 0777);
  CHECK(check_plugin_file(folder.path + "/fine").error().message ==
        "its folder is writable by others: chmod go-w " + folder.path);
  CHECK_FALSE(check_plugin_file(folder.path + "/absent").ok());
}

TEST_CASE("a record that finds a plugin again survives, a damaged one is none", "[drivers]") {
  const Folder folder;
  const std::string path = folder.path + "/record";
  const ReattachRecord record{{{4711, 99}, "unix:/run/p"}, "boot", "setup\nwith lines", "mock_driver"};

  REQUIRE(write_reattach_file(path, record).ok());
  CHECK(read_reattach_file(path) == record);
  for (const char* damaged : {"", "{", "[]", R"({"pid": 1, "start_ticks": 5, "target": "unix:/x"})", R"({"pid": "x"})"}) {
    std::ofstream(path) << damaged;
    CHECK_FALSE(read_reattach_file(path));
  }
  CHECK_FALSE(read_reattach_file(folder.path + "/absent"));
}

TEST_CASE("a driver that keeps dying is launched ever more rarely", "[drivers]") {
  CHECK(relaunch_delay(0) == Duration::zero());
  CHECK(relaunch_delay(1) == 1s);
  CHECK(relaunch_delay(4) == 8s);
  CHECK(relaunch_delay(1000) == 2min);
}

}  // namespace drover::agent
