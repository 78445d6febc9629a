#include "conformance/census.h"

#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>

using namespace drover::conformance;

TEST_CASE("a process that a driver left is ended", "[conformance]") {
  const pid_t pid = ::fork();
  if (pid == 0) {
    for (;;) ::pause();
  }
  REQUIRE(is_alive(pid));

  end_process(pid);

  CHECK_FALSE(is_alive(pid));
  CHECK(::waitpid(pid, nullptr, 0) == pid);
}

TEST_CASE("a control group that a driver left is removed with the groups below it", "[conformance]") {
  char name[] = "/tmp/census-XXXXXX";  // groups are folders without files that can be removed
  REQUIRE(::mkdtemp(name) != nullptr);
  std::filesystem::create_directories(std::string(name) + "/task/below/it");
  std::filesystem::create_directories(std::string(name) + "/another");

  remove_cgroup(std::string(name) + "/task");

  CHECK_FALSE(std::filesystem::exists(std::string(name) + "/task"));
  CHECK(std::filesystem::exists(std::string(name) + "/another"));
  std::filesystem::remove_all(name);
}
