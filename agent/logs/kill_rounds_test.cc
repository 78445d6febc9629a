// Tasks that print numbered lines, while the driver and the collector are killed in turn: the parts that move output,
// without an agent around them. Part of ./dev soak: tests/e2e/kill_rounds_e2e.py does the same with all programs in every run.

#include <catch2/catch.hpp>
#include <csignal>
#include <cstdlib>
#include <poll.h>
#include <random>
#include <spawn.h>
#include <sys/wait.h>

#include <drover/process.h>

#include "agent/logs/collector.h"
#include "agent/logs/test_folder.h"
#include "base/loop/real_loop.h"
#include "base/loop/start.h"
#include "tests/paths.h"

using namespace drover;
using namespace drover::agent::logs;

namespace {

constexpr int tasks = 20;
constexpr int rounds = 12;
constexpr auto patience = 60s;  // twenty shells and their sleeps are a lot for a busy machine

Async<bool> a_moment(Loop& loop, Duration length) { co_return co_await loop.sleep(length); }
Async<bool> end(Collector& collector) {
  co_await collector.end();
  co_return true;
}

std::string name_of(int task) { return "t" + std::to_string(task); }

constexpr const char* folder_variable = "DROVER_KILL_ROUNDS_FOLDER";
constexpr const char* number_variable = "DROVER_KILL_ROUNDS_DRIVER";

sdk::Supervisor::Settings supervisor() { return {(tests::binary_dir() / "libexec/drover/drover-shim").string(), "/sys/fs/cgroup"}; }

/// Where the output of a task goes; the test wrote it there.
std::string fifo_of(const std::filesystem::path& folder, int task, const char* stream) {
  std::string path;
  std::getline(std::ifstream(folder / (name_of(task) + "." + stream + "-path")), path);
  return path;
}

sdk::ProcessSpec printer(const std::filesystem::path& folder, int task) {
  sdk::ProcessSpec spec;
  spec.id = name_of(task);
  spec.state_dir = folder / ("state-" + name_of(task));
  spec.command = "/bin/sh";
  spec.args = {"-c", "echo pid $$; i=0; until [ -e stop ]; do echo line $i; i=$((i+1)); sleep 0.002; done; exit " + std::to_string(30 + task)};
  spec.env = {{"PATH", "/usr/bin:/bin"}};
  spec.cwd = folder;
  spec.stdout_path = fifo_of(folder, task, "stdout");
  spec.stderr_path = fifo_of(folder, task, "stderr");
  return spec;
}

std::string saved_state(const std::filesystem::path& folder, int task) {
  std::ifstream file(folder / ("saved-" + name_of(task)), std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

struct Rig {
  TestFolder folder;
  RealLoop loop;
  int driver = -1;
  Collector collector{loop, {(tests::binary_dir() / "libexec/drover/drover-logs").string(), (folder.path / "c.sock").string(), {}}};

  /// A program of its own that holds the tasks as a driver does: this one has threads and cannot be forked. It is this
  /// file's other test case, told by its environment which folder and which turn is its.
  void start_driver(int number) {
    const std::string program = std::filesystem::read_symlink("/proc/self/exe").string();
    const std::string folder_entry = std::string(folder_variable) + "=" + folder.path.string();
    const std::string number_entry = std::string(number_variable) + "=" + std::to_string(number);
    const char* argv[] = {program.c_str(), "[kill-rounds-driver]", nullptr};
    const char* envp[] = {folder_entry.c_str(), number_entry.c_str(), "PATH=/usr/bin:/bin", nullptr};
    REQUIRE(::posix_spawn(&driver, program.c_str(), nullptr, nullptr, const_cast<char**>(argv), const_cast<char**>(envp)) == 0);
  }
  void kill_driver() {
    if (driver <= 0) return;
    ::kill(driver, SIGKILL);
    ::waitpid(driver, nullptr, 0);
    driver = -1;
  }

  /// Also when a requirement was not met: nothing runs on.
  ~Rig() {
    kill_driver();
    std::ofstream(folder.path / "stop");
    run(loop, end(collector));
  }

  bool eventually(const auto& condition) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      run(loop, a_moment(loop, 2ms));
    }
    return true;
  }
  bool is_ready(int number) {
    return eventually([&] { return std::filesystem::exists(folder.path / ("ready-" + std::to_string(number))); });
  }
  std::size_t printed(int task) const { return folder.whole(name_of(task) + ".stdout").size(); }

  void kill_collector() const {
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
      std::ifstream file(entry.path() / "cmdline", std::ios::binary);
      const std::string line((std::istreambuf_iterator<char>(file)), {});
      if (line.find("drover-logs") != std::string::npos && line.find(folder.path.string() + "/c.sock") != std::string::npos)
        ::kill(std::atoi(entry.path().filename().c_str()), SIGKILL);
    }
  }
};

/// "pid N", "line 0", "line 1", …: each once, none missing. The number of lines, or -1.
int numbered_lines(const std::string& text, int pid) {
  std::istringstream lines(text);
  std::string line;
  if (!std::getline(lines, line) || line != "pid " + std::to_string(pid)) return -1;
  int count = 0;
  while (std::getline(lines, line))
    if (line != "line " + std::to_string(count++)) return -1;
  return count;
}

}  // namespace

TEST_CASE("the driver of the kill rounds holds tasks until it is killed", "[.][kill-rounds-driver]") {
  const char* its_folder = std::getenv(folder_variable);
  const char* its_number = std::getenv(number_variable);
  if (!its_folder || !its_number) return;  // run by hand
  const std::filesystem::path folder = its_folder;
  const bool first = std::string_view(its_number) == "0";
  sdk::Supervisor own(supervisor());
  std::vector<std::unique_ptr<sdk::Process>> held;
  for (int task = 0; task < tasks; ++task) {
    auto process = first ? own.start(printer(folder, task)) : own.recover(saved_state(folder, task));
    REQUIRE(process.ok());
    std::ofstream(folder / ("saved-" + name_of(task))) << (*process)->saved_state();
    held.push_back(std::move(*process));
  }
  std::ofstream(folder / ("ready-" + std::string(its_number)));
  for (;;) ::pause();
}

TEST_CASE("driver and collector are killed in turn: the same processes run, no line is lost or doubled, exits are right", "[.][soak]") {
  Rig rig;
  REQUIRE(run(rig.loop, rig.collector.start()).ok());
  for (int task = 0; task < tasks; ++task) {
    const Collector::Paths paths = run(rig.loop, rig.collector.add("alloc", name_of(task), rig.folder.path, {100, 2000})).value();
    std::ofstream(rig.folder.path / (name_of(task) + ".stdout-path")) << paths.stdout_path;
    std::ofstream(rig.folder.path / (name_of(task) + ".stderr-path")) << paths.stderr_path;
  }
  rig.start_driver(0);
  REQUIRE(rig.is_ready(0));

  std::minstd_rand random(11);
  for (int round = 1; round <= rounds; ++round) {
    if (round % 2 == 0) rig.kill_collector();
    rig.kill_driver();
    if (round % 3 == 0) rig.kill_collector();
    run(rig.loop, a_moment(rig.loop, std::chrono::milliseconds(random() % 20)));
    rig.start_driver(round);
    REQUIRE(rig.is_ready(round));
    const std::size_t before = rig.printed(0);
    REQUIRE(rig.eventually([&] { return rig.printed(0) > before; }));
  }
  rig.kill_driver();
  std::ofstream(rig.folder.path / "stop");

  sdk::Supervisor last(supervisor());
  for (int task = 0; task < tasks; ++task) {
    auto process = last.recover(saved_state(rig.folder.path, task)).value();
    const auto exit = process->wait_for(patience);
    REQUIRE(exit.has_value());
    CHECK(*exit == sdk::Exit::of_code(30 + task));
    REQUIRE(run(rig.loop, rig.collector.remove("alloc", name_of(task))).ok());
    CHECK(numbered_lines(rig.folder.whole(name_of(task) + ".stdout"), process->pid()) > rounds);
    CHECK(process->destroy().ok());
  }
}
