#include "plugins/raw_exec/raw_exec.h"

#include <catch2/catch.hpp>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

#include "tests/paths.h"

using namespace drover;
using namespace drover::raw_exec;

namespace {

struct NoEvents final : sdk::Events {
  void emit(const sdk::TaskConfig&, std::string, std::map<std::string, std::string>) override {}
};

/// An allocation's folder and a driver that is enabled.
struct Rig {
  std::filesystem::path dir = std::filesystem::temp_directory_path() / ("drover-raw-exec-" + std::to_string(::getpid()));
  RawExecDriver::Settings settings{"/usr/bin:/bin", {(tests::binary_dir() / "libexec/drover/drover-shim").string(), "/sys/fs/cgroup"}};
  NoEvents events;
  sdk::TaskConfig task;

  Rig() {
    std::filesystem::create_directories(dir / "web/local");
    task.id = "raw-exec-test-" + std::to_string(::getpid()) + "/web/1";
    task.alloc_id = "raw-exec-test-" + std::to_string(::getpid());
    task.name = "web";
    task.alloc_dir = dir;
    task.env = {{"PATH", "/usr/bin:/bin"}};
    task.stdout_path = dir / "out";
    task.stderr_path = "/dev/null";
    std::ofstream(dir / "out");
  }
  ~Rig() { std::filesystem::remove_all(dir); }

  std::unique_ptr<RawExecDriver> driver() {
    auto made = std::make_unique<RawExecDriver>(settings);
    PluginOptions enabled;
    enabled.enabled = true;
    REQUIRE(made->configure(enabled, {}).ok());
    return made;
  }
  std::string output() const {
    std::ifstream file(dir / "out");
    return {std::istreambuf_iterator<char>(file), {}};
  }
};

Options shell(const std::string& script) {
  Options options;
  options.command = "sh";
  options.args = {"-c", script};
  return options;
}

}  // namespace

TEST_CASE("the driver is off until it is enabled", "[raw_exec]") {
  Rig rig;
  RawExecDriver driver(rig.settings);

  CHECK(driver.fingerprint() == sdk::Fingerprint::undetected("disabled"));
  CHECK(driver.start(rig.task, shell("exit 0"), rig.events).error().code == Code::denied);

  auto enabled = rig.driver();
  CHECK(enabled->fingerprint().health == sdk::Health::healthy);
  CHECK(enabled->fingerprint().description == "Healthy");
  CHECK(enabled->fingerprint().attributes.at("driver.raw_exec") == sdk::Attribute(true));
}

TEST_CASE("capabilities follow from what a task can do", "[raw_exec]") {
  Rig rig;
  const auto capabilities = rig.driver()->capabilities();
  CHECK(capabilities.send_signals);
  CHECK(capabilities.exec);
  CHECK(capabilities.fs_isolation == sdk::FsIsolation::none);
  CHECK_FALSE(capabilities.mounts);
  CHECK_FALSE(capabilities.must_create_network);
}

TEST_CASE("a task runs, is stopped with SIGINT, and leaves nothing behind", "[raw_exec]") {
  Rig rig;
  auto driver = rig.driver();
  auto task = driver->start(rig.task, shell("trap 'exit 8' INT; echo ready; while :; do sleep 0.01; done"), rig.events).value();
  while (rig.output() != "ready\n") ::usleep(1000);

  CHECK(task->attributes().count("pid") == 1);
  REQUIRE(task->stop(0, std::chrono::seconds(20)).ok());
  CHECK(task->wait() == sdk::Exit::of_code(8));
  CHECK(task->destroy().ok());
  CHECK(std::filesystem::is_empty(states_dir(rig.task)));
  CHECK_FALSE(std::filesystem::exists("/sys/fs/cgroup/freezer/nomad/" + rig.task.alloc_id + ".web"));
}

TEST_CASE("a task that its agent has forgotten and starts again does not run twice", "[raw_exec]") {
  Rig rig;
  auto driver = rig.driver();
  rig.task.id = "6f3c/web/00000001";
  auto forgotten = driver->start(rig.task, shell("exec sleep 1000"), rig.events).value();
  rig.task.id = "6f3c/web/00000002";
  auto again = driver->start(rig.task, shell("exec sleep 1000"), rig.events).value();

  CHECK_FALSE(forgotten->wait() == sdk::Exit::of_code(0));  // ended, and its record with it
  static_cast<void>(forgotten->destroy());
  CHECK(again->destroy().ok());
}

TEST_CASE("a program in the task's folder is made executable, one of the host is not", "[raw_exec]") {
  Rig rig;
  auto driver = rig.driver();
  std::ofstream(rig.dir / "web/local/app") << "#!/bin/sh\nexit 3\n";
  ::chmod((rig.dir / "web/local/app").c_str(), 0600);
  std::ofstream(rig.dir / "host-app") << "#!/bin/sh\nexit 3\n";
  ::chmod((rig.dir / "host-app").c_str(), 0600);
  Options options;
  options.command = "app";

  auto task = driver->start(rig.task, options, rig.events).value();
  CHECK(task->wait().code == 3);
  CHECK(task->destroy().ok());
  options.command = rig.dir / "host-app";
  CHECK(driver->start(rig.task, options, rig.events).error().message == "command '" + options.command + "': is not executable");
}

TEST_CASE("another process of the driver finds the task again", "[raw_exec]") {
  Rig rig;
  std::string checkpoint;
  const Options options = shell("sleep 0.05; exit 21");
  {
    auto first = rig.driver();
    checkpoint = first->start(rig.task, options, rig.events).value()->checkpoint();
  }
  auto second = rig.driver();
  auto task = second->recover(rig.task, options, checkpoint).value();
  CHECK(task->wait() == sdk::Exit::of_code(21));
  CHECK(task->destroy().ok());
  CHECK(second->recover(rig.task, options, checkpoint).error().code == Code::not_found);
  CHECK_FALSE(second->recover(rig.task, options, "nonsense").ok());
}

TEST_CASE("a start whose answer was lost does not run beside the next one", "[raw_exec]") {
  Rig rig;
  {
    auto first = rig.driver();
    static_cast<void>(first->start(rig.task, shell("echo $$ > pid; exec sleep 1000"), rig.events).value());
    while (!std::filesystem::exists(rig.dir / "web/pid") || std::filesystem::file_size(rig.dir / "web/pid") == 0) ::usleep(1000);
  }
  int pid = 0;
  std::ifstream(rig.dir / "web/pid") >> pid;
  REQUIRE(::kill(pid, 0) == 0);

  auto second = rig.driver();
  rig.task.id += "-again";
  auto task = second->start(rig.task, shell("exit 0"), rig.events).value();

  std::ifstream comm("/proc/" + std::to_string(pid) + "/cmdline");
  std::string command;
  std::getline(comm, command, '\0');
  CHECK(command != "sleep");
  CHECK(task->wait().success());
  CHECK(task->destroy().ok());
}
