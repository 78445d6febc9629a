#include "cli/driver_project.h"

#include <algorithm>
#include <catch2/catch.hpp>

using namespace drover;
using namespace drover::cli;

namespace {

const ProjectFile& file(const std::vector<ProjectFile>& files, const std::string& path) {
  const auto found = std::ranges::find(files, path, &ProjectFile::path);
  INFO(path);
  REQUIRE(found != files.end());
  return *found;
}

bool holds(const std::string& text, const std::string& part) { return text.find(part) != std::string::npos; }

}  // namespace

TEST_CASE("the project of a driver carries its name everywhere", "[cli]") {
  const std::vector<ProjectFile> files = driver_project("my_shell").value();

  for (const ProjectFile& one : files) {
    INFO(one.path);
    CHECK_FALSE(holds(one.text, "@NAME@"));
    CHECK_FALSE(holds(one.path, "NAME"));
  }
  const std::string source = file(files, "src/my_shell.cc").text;
  CHECK(holds(source, "class MyShellDriver final"));
  CHECK(holds(source, "{.name = \"my_shell\""));
  CHECK(holds(source, "DROVER_DRIVER(MyShellDriver)"));
  CHECK_FALSE(holds(source, "ello"));
  CHECK(holds(file(files, "tests/my_shell_test.cc").text, "testing::make_driver()"));
  CHECK(holds(file(files, "CMakeLists.txt").text, "drover_driver(my_shell SOURCES src/my_shell.cc)"));
  CHECK(holds(file(files, "debian/control").text, "Package: drover-driver-my-shell\n"));
  CHECK(holds(file(files, "packaging/my_shell.spec").text, "/usr/lib/drover/plugins/my_shell\n"));
  CHECK(file(files, "build").is_program);
  CHECK(file(files, "debian/rules").is_program);
  CHECK_FALSE(file(files, ".gitignore").is_program);
  CHECK(holds(file(files, ".github/workflows/ci.yml").text, "./build"));
}

TEST_CASE("what cannot name a driver is refused, whatever it would have been a path to", "[cli]") {
  for (const char* name : {"", "Hello", "1st", "a b", "../up", "a/b", "a.b", "ä", "-x"}) {
    INFO(name);
    CHECK_FALSE(driver_project(name).ok());
  }
  CHECK_FALSE(driver_project(std::string(41, 'a')).ok());
  CHECK(driver_project("a-1_b").ok());
}
