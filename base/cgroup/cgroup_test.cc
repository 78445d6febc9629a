#include "base/cgroup/cgroup.h"

#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sys/wait.h>
#include <unistd.h>

using namespace drover;
using cgroup::Layout;
using namespace std::chrono_literals;

namespace {

/// A folder that looks like /sys/fs/cgroup, as far as files go.
class FakeRoot {
 public:
  FakeRoot() { std::filesystem::create_directories(root_); }
  ~FakeRoot() { std::filesystem::remove_all(root_); }

  std::string path(const std::string& name = "") const { return name.empty() ? root_.string() : (root_ / name).string(); }
  void put(const std::string& name, const std::string& content = "") const {
    std::filesystem::create_directories((root_ / name).parent_path());
    std::ofstream(root_ / name) << content;
  }
  std::string get(const std::string& name) const {
    std::ifstream file(root_ / name);
    return {std::istreambuf_iterator<char>(file), {}};
  }

 private:
  std::filesystem::path root_ = std::filesystem::temp_directory_path() / ("drover-cgroup-" + std::to_string(::getpid()));
};

/// A group of the real host, or nothing where none can be made.
struct RealGroup {
  cgroup::Hierarchy host = cgroup::detect("/sys/fs/cgroup");
  cgroup::Group group = cgroup::locate(host, "drover-test-" + std::to_string(::getpid()), false);
  bool usable = host.layout != Layout::none && cgroup::create(host, group).ok();
  ~RealGroup() {
    static_cast<void>(cgroup::kill_all(group, 5s));
    static_cast<void>(cgroup::remove(group, 5s));
  }
};

}  // namespace

TEST_CASE("the layout of a host is found by looking", "[cgroup]") {
  const FakeRoot root;
  CHECK(cgroup::detect(root.path()).layout == Layout::none);

  root.put("memory/cgroup.procs");
  root.put("cpu,cpuacct/cgroup.procs");
  std::filesystem::create_directory_symlink("cpu,cpuacct", root.path("cpu"));
  CHECK(cgroup::detect(root.path()).layout == Layout::v1);
  CHECK(cgroup::detect(root.path()).v1.at("cpu") == root.path("cpu,cpuacct"));

  root.put("unified/cgroup.controllers", "hugetlb\n");
  const auto mixed = cgroup::detect(root.path());
  CHECK(mixed.layout == Layout::mixed);
  CHECK(mixed.v2 == root.path("unified"));
  CHECK(mixed.has("memory"));
  CHECK_FALSE(mixed.has("pids"));

  root.put("cgroup.controllers", "cpuset cpu memory pids\n");
  CHECK(cgroup::detect(root.path()).layout == Layout::v2);
  CHECK(cgroup::detect(root.path()).has("pids"));
}

TEST_CASE("limits are written where each version has them", "[cgroup]") {
  const FakeRoot root;
  cgroup::Limits limits;
  limits.memory_bytes = 64 << 20;
  limits.memory_reserve_bytes = 32 << 20;
  limits.cpu_shares = 1000;
  limits.pids_max = 50;

  SECTION("v2") {
    for (const char* file : {"memory.max", "memory.low", "memory.swap.max", "cpu.weight", "pids.max"}) root.put(std::string("a/") + file);
    REQUIRE(cgroup::apply({root.path("a"), {}}, limits).ok());
    CHECK(root.get("a/memory.max") == "67108864");
    CHECK(root.get("a/memory.low") == "33554432");
    CHECK(root.get("a/memory.swap.max") == "0");
    CHECK(root.get("a/cpu.weight") == "99");
    CHECK(root.get("a/pids.max") == "50");
  }
  SECTION("v1") {
    root.put("memory/a/memory.limit_in_bytes");
    root.put("memory/a/memory.soft_limit_in_bytes");
    root.put("cpu/a/cpu.shares");
    const auto applied = cgroup::apply({"", {{"memory", root.path("memory/a")}, {"cpu", root.path("cpu/a")}}}, limits);
    CHECK(root.get("memory/a/memory.limit_in_bytes") == "67108864");
    CHECK(root.get("memory/a/memory.soft_limit_in_bytes") == "33554432");
    CHECK(root.get("cpu/a/cpu.shares") == "1000");
    REQUIRE_FALSE(applied.ok());  // the rest is told, and did not stop the others
    CHECK(applied.error().message == "this host has no controller for pids.max");
  }
}

TEST_CASE("shares become weights by the newer formula", "[cgroup]") {
  CHECK(cgroup::weight_of_shares(0) == 0);
  CHECK(cgroup::weight_of_shares(2) == 1);
  CHECK(cgroup::weight_of_shares(100) == 17);
  CHECK(cgroup::weight_of_shares(500) == 58);
  CHECK(cgroup::weight_of_shares(1000) == 99);
  CHECK(cgroup::weight_of_shares(1024) == 100);
  CHECK(cgroup::weight_of_shares(2600) == 210);
  CHECK(cgroup::weight_of_shares(10000) == 627);
  CHECK(cgroup::weight_of_shares(262144) == 10000);
}

TEST_CASE("what a group used is read in both versions", "[cgroup]") {
  const FakeRoot root;
  root.put("a/cpu.stat", "usage_usec 3000\nuser_usec 2000\nsystem_usec 1000\nnr_throttled 4\nthrottled_usec 5\n");
  root.put("a/memory.current", "4096\n");
  root.put("a/memory.stat", "anon 1000\nfile 2000\n");
  root.put("a/memory.events", "low 0\noom 2\noom_kill 3\noom_group_kill 0\n");

  const auto stats = cgroup::stats({root.path("a"), {}});

  CHECK(stats.cpu_total_ns == 3'000'000);
  CHECK(stats.cpu_throttled_ns == 5'000);
  CHECK(stats.memory_usage == 4096);
  CHECK(stats.memory_rss == 1000);
  CHECK_FALSE(stats.memory_max_usage.has_value());
  CHECK(cgroup::oom_kills({root.path("a"), {}}) == 3);

  root.put("m/memory.oom_control", "oom_kill_disable 0\nunder_oom 0\noom_kill 7\n");
  CHECK(cgroup::oom_kills({"", {{"memory", root.path("m")}}}) == 7);
}

TEST_CASE("a whole group dies at once, also what forks meanwhile", "[cgroup][root]") {
  RealGroup real;
  if (!real.usable) {
    WARN("no control group can be made on this host: not run");
    return;
  }
  const int pid = ::fork();
  if (pid == 0) {
    while (::getppid() > 1 && cgroup::processes(real.group).empty()) ::usleep(1000);
    for (int i = 0; i < 3; ++i) static_cast<void>(::fork());
    for (;;) ::pause();
  }
  REQUIRE(cgroup::add_process(real.group, pid).ok());

  REQUIRE(cgroup::kill_all(real.group, 5s).ok());

  int status = 0;
  ::waitpid(pid, &status, 0);
  CHECK(WTERMSIG(status) == SIGKILL);
  CHECK(cgroup::remove(real.group, 5s).ok());
  CHECK(cgroup::processes(real.group).empty());
  CHECK(cgroup::remove(real.group, 5s).ok());  // and again
}
