// Tasks that print numbered lines, while the driver and the collector are killed in turn: the parts that move output,
// without an agent around them. Part of ./dev soak: tests/e2e/kill_rounds_e2e.py does the same with all programs in every run.

#include <catch2/catch.hpp>
#include <csignal>
#include <poll.h>
#include <random>
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
constexpr auto patience = 20s;

Async<bool> a_moment(Loop& loop, Duration length) { co_return co_await loop.sleep(length); }
Async<bool> end(Collector& collector) {
  co_await collector.end();
  co_return true;
}

std::string name_of(int task) { return "t" + std::to_string(task); }

struct Rig {
  TestFolder folder;
  RealLoop loop;
  Collector collector{loop, {(tests::binary_dir() / "libexec/drover/drover-logs").string(), (folder.path / "c.sock").string(), {}}};
  sdk::Supervisor::Settings supervisor{(tests::binary_dir() / "libexec/drover/drover-shim").string(), "/sys/fs/cgroup"};

  sdk::ProcessSpec printer(int task, const Collector::Paths& paths) const {
    sdk::ProcessSpec spec;
    spec.id = name_of(task);
    spec.state_dir = folder.path / ("state-" + name_of(task));
    spec.command = "/bin/sh";
    spec.args = {"-c", "echo pid $$; i=0; until [ -e stop ]; do echo line $i; i=$((i+1)); sleep 0.002; done; exit " + std::to_string(30 + task)};
    spec.env = {{"PATH", "/usr/bin:/bin"}};
    spec.cwd = folder.path;
    spec.stdout_path = paths.stdout_path;
    spec.stderr_path = paths.stderr_path;
    return spec;
  }

  /// A process that holds tasks as a driver does; it tells when it does by making a file.
  int driver(int number, const std::function<Result<std::unique_ptr<sdk::Process>>(sdk::Supervisor&, int)>& get) const {
    const int pid = ::fork();
    if (pid != 0) return pid;
    sdk::Supervisor own(supervisor);
    std::vector<std::unique_ptr<sdk::Process>> held;
    for (int task = 0; task < tasks; ++task) {
      auto process = get(own, task);
      if (!process.ok()) ::_exit(1);
      std::ofstream(folder.path / ("saved-" + name_of(task))) << (*process)->saved_state();
      held.push_back(std::move(*process));
    }
    std::ofstream(folder.path / ("ready-" + std::to_string(number)));
    for (;;) ::pause();
  }
  int recovering_driver(int number) const {
    return driver(number, [this](sdk::Supervisor& own, int task) { return own.recover(folder.content("saved-" + name_of(task))); });
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

TEST_CASE("driver and collector are killed in turn: the same processes run, no line is lost or doubled, exits are right", "[.][soak]") {
  Rig rig;
  REQUIRE(run(rig.loop, rig.collector.start()).ok());
  std::vector<Collector::Paths> paths;
  for (int task = 0; task < tasks; ++task) paths.push_back(run(rig.loop, rig.collector.add("alloc", name_of(task), rig.folder.path, {100, 2000})).value());
  int driver = rig.driver(0, [&](sdk::Supervisor& own, int task) { return own.start(rig.printer(task, paths[static_cast<std::size_t>(task)])); });
  REQUIRE(rig.is_ready(0));
  const auto kill_driver = [&] {
    ::kill(driver, SIGKILL);
    ::waitpid(driver, nullptr, 0);
  };

  std::minstd_rand random(11);
  for (int round = 1; round <= rounds; ++round) {
    if (round % 2 == 0) rig.kill_collector();
    kill_driver();
    if (round % 3 == 0) rig.kill_collector();
    run(rig.loop, a_moment(rig.loop, std::chrono::milliseconds(random() % 20)));
    driver = rig.recovering_driver(round);
    REQUIRE(rig.is_ready(round));
    const std::size_t before = rig.printed(0);
    REQUIRE(rig.eventually([&] { return rig.printed(0) > before; }));
  }
  kill_driver();
  std::ofstream(rig.folder.path / "stop");

  sdk::Supervisor last(rig.supervisor);
  for (int task = 0; task < tasks; ++task) {
    auto process = last.recover(rig.folder.content("saved-" + name_of(task))).value();
    const auto exit = process->wait_for(patience);
    REQUIRE(exit.has_value());
    CHECK(*exit == sdk::Exit::of_code(30 + task));
    REQUIRE(run(rig.loop, rig.collector.remove("alloc", name_of(task))).ok());
    CHECK(numbered_lines(rig.folder.whole(name_of(task) + ".stdout"), process->pid()) > rounds);
    CHECK(process->destroy().ok());
  }
  run(rig.loop, end(rig.collector));
}
