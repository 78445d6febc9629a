#include "agent/logs/collector.h"

#include <catch2/catch.hpp>
#include <csignal>
#include <fcntl.h>
#include <fstream>
#include <poll.h>

#include "agent/logs/test_folder.h"
#include "base/loop/real_loop.h"
#include "base/loop/start.h"
#include "base/process/process_id.h"
#include "tests/paths.h"

using namespace drover;
using namespace drover::agent::logs;

namespace {

constexpr auto patience = 20s;

struct Rig {
  TestFolder folder;
  RealLoop loop;
  Collector::Settings settings() const { return {(tests::binary_dir() / "libexec/drover/drover-logs").string(), (folder.path / "c.sock").string(), {}}; }

  static Fd writer(const std::string& path) { return Fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC)); }
  static void write(const Fd& to, const std::string& text) { REQUIRE(::write(to.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size())); }

  bool eventually(const auto& condition) {
    const auto deadline = std::chrono::steady_clock::now() + patience;
    while (!condition()) {
      if (std::chrono::steady_clock::now() > deadline) return false;
      run(loop, sleep_a_little(loop));
    }
    return true;
  }
  static Async<bool> sleep_a_little(Loop& loop) { co_return co_await loop.sleep(2ms); }

  /// The collector's pid: it holds the lock of its socket.
  int collector_pid() const {
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
      const int pid = std::atoi(entry.path().filename().c_str());
      if (pid <= 1) continue;
      std::ifstream file(entry.path() / "cmdline", std::ios::binary);
      const std::string line((std::istreambuf_iterator<char>(file)), {});
      if (line.find("drover-logs") != std::string::npos && line.find(folder.path.string() + "/c.sock") != std::string::npos) return pid;
    }
    return 0;
  }
  static Async<bool> end(Collector& collector) {
    co_await collector.end();
    co_return true;
  }
  static Async<bool> stop(Collector& collector) {
    co_await collector.stop();
    co_return true;
  }
};

}  // namespace

TEST_CASE("what a task writes is in its files when the task is removed", "[logs]") {
  Rig rig;
  Collector collector(rig.loop, rig.settings());
  REQUIRE(run(rig.loop, collector.start()).ok());

  const auto paths = run(rig.loop, collector.add("alloc", "web", rig.folder.path, {}));
  REQUIRE(paths.ok());
  {
    const Fd out = Rig::writer(paths->stdout_path), err = Rig::writer(paths->stderr_path);
    Rig::write(out, "to out\n");
    Rig::write(err, "to err\n");
  }
  REQUIRE(run(rig.loop, collector.remove("alloc", "web")).ok());

  CHECK(rig.folder.content("web.stdout.0") == "to out\n");
  CHECK(rig.folder.content("web.stderr.0") == "to err\n");
  CHECK(run(rig.loop, collector.remove("alloc", "never added")).ok());
  run(rig.loop, Rig::end(collector));
  CHECK(rig.eventually([&] { return rig.collector_pid() == 0; }));
}

TEST_CASE("a task may be added again, for its next run", "[logs]") {
  Rig rig;
  Collector collector(rig.loop, rig.settings());
  REQUIRE(run(rig.loop, collector.start()).ok());
  for (int i = 0; i < 3; ++i) {
    const auto paths = run(rig.loop, collector.add("alloc", "web", rig.folder.path, {}));
    REQUIRE(run(rig.loop, collector.add("alloc", "web", rig.folder.path, {})).ok());
    Rig::write(Rig::writer(paths->stdout_path), "run " + std::to_string(i) + "\n");
    if (i != 1) REQUIRE(run(rig.loop, collector.remove("alloc", "web")).ok());
  }
  CHECK(rig.folder.content("web.stdout.0") == "run 0\nrun 1\nrun 2\n");
  run(rig.loop, Rig::end(collector));
}

TEST_CASE("a collector that was killed is replaced, and nothing is lost", "[logs]") {
  Rig rig;
  Collector collector(rig.loop, rig.settings());
  REQUIRE(run(rig.loop, collector.start()).ok());
  const auto paths = run(rig.loop, collector.add("alloc", "web", rig.folder.path, {}));
  const Fd out = Rig::writer(paths->stdout_path);
  std::string expected;
  for (int i = 0; i < 10; ++i) {
    const ProcessId victim = identify(rig.collector_pid()).value();
    Rig::write(out, "before " + std::to_string(i) + "\n");
    REQUIRE(send_signal(victim, SIGKILL).ok());
    Rig::write(out, "after " + std::to_string(i) + "\n");
    expected += "before " + std::to_string(i) + "\nafter " + std::to_string(i) + "\n";
    REQUIRE(rig.eventually([&] { return rig.folder.content("web.stdout.0") == expected; }));
  }
  run(rig.loop, Rig::end(collector));
}

TEST_CASE("the collector outlives the agent and is found again", "[logs]") {
  Rig rig;
  Fd out;
  int pid = 0;
  {
    Collector first(rig.loop, rig.settings());
    REQUIRE(run(rig.loop, first.start()).ok());
    const auto paths = run(rig.loop, first.add("alloc", "web", rig.folder.path, {}));
    out = Rig::writer(paths->stdout_path);
    pid = rig.collector_pid();
    run(rig.loop, Rig::stop(first));
  }
  Rig::write(out, "while nobody watched\n");
  CHECK(rig.eventually([&] { return rig.folder.content("web.stdout.0") == "while nobody watched\n"; }));

  Collector second(rig.loop, rig.settings());
  REQUIRE(run(rig.loop, second.start()).ok());
  REQUIRE(run(rig.loop, second.add("alloc", "web", rig.folder.path, {})).ok());
  CHECK(rig.collector_pid() == pid);
  Rig::write(out, "and later\n");
  REQUIRE(run(rig.loop, second.remove("alloc", "web")).ok());
  CHECK(rig.folder.content("web.stdout.0") == "while nobody watched\nand later\n");
  run(rig.loop, Rig::end(second));
}

TEST_CASE("a program that is missing is told, and tried again", "[logs]") {
  Rig rig;
  auto settings = rig.settings();
  settings.program = rig.folder.path / "drover-logs";
  Collector collector(rig.loop, settings);

  CHECK(run(rig.loop, collector.start()).error().message == settings.program + " is missing");

  std::filesystem::create_symlink(rig.settings().program, settings.program);
  CHECK(rig.eventually([&] { return rig.collector_pid() != 0; }));
  CHECK(run(rig.loop, collector.add("alloc", "web", rig.folder.path, {})).ok());
  run(rig.loop, Rig::end(collector));
}
