#include "agent/drivers/plugin_drivers.h"

#include <signal.h>
#include <sys/stat.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>

#include "agent/drivers/reattach_file.h"
#include "base/loop/scope.h"
#include "base/loop/start.h"
#include "tests/paths.h"

namespace drover::agent {
namespace {

namespace fs = std::filesystem;

/// A plugin folder, and an agent's own folders, that are gone afterwards; and the drivers in it.
struct World {
  World() {
    std::string name = fs::temp_directory_path().string() + "/drover-drv-XXXXXX";
    REQUIRE(mkdtemp(name.data()) != nullptr);
    root = name;
    for (const char* folder : {"plugins", "state", "run"}) fs::create_directory(root + "/" + folder);
  }
  ~World() {
    for (const int pid : leftovers()) {
      CHECK(is_gone(pid));  // every test ends the plugins it started, with their children
      ::kill(pid, SIGKILL);
    }
    fs::remove_all(root);
  }

  /// Processes that were started with our plugins' environment.
  std::vector<int> leftovers() const {
    std::vector<int> found;
    for (const auto& entry : fs::directory_iterator("/proc")) {
      const int pid = std::atoi(entry.path().filename().c_str());
      if (pid <= 1) continue;
      std::ifstream file(entry.path() / "environ");
      const std::string environment{std::istreambuf_iterator<char>(file), {}};
      if (environment.find("PLUGIN_UNIX_SOCKET_DIR=" + root) != std::string::npos) found.push_back(pid);
    }
    return found;
  }
  static bool is_gone(int pid) {
    std::ifstream file("/proc/" + std::to_string(pid) + "/stat");
    const std::string stat{std::istreambuf_iterator<char>(file), {}};
    const std::size_t name_end = stat.rfind(") ");
    return name_end == std::string::npos || stat.at(name_end + 2) == 'Z';
  }

  DriverSettings settings() const {
    DriverSettings made;
    made.plugin_folders = {root + "/plugins"};
    made.state_folder = root + "/state";
    made.runtime_folder = root + "/run";
    return made;
  }

  void add_mock() const { fs::create_symlink(tests::binary_dir() / "lib/drover/plugins/mock", root + "/plugins/mock"); }

  void add_file(const std::string& name, const std::string& content, mode_t mode = 0755) const {
    std::ofstream(root + "/plugins/" + name, std::ios::binary) << content;
    chmod((root + "/plugins/" + name).c_str(), mode);
  }

  int mock_pid() const {
    const auto record = read_reattach_file(root + "/state/driver-mock.json");
    return record ? record->plugin.process.pid : 0;
  }

  std::string root;
};

Value script(std::initializer_list<std::pair<const char*, Value>> members) {
  Value value = Value::map();
  for (const auto& [name, member] : members) value.set(name, member);
  return value;
}

TaskConfig task(const std::string& id, Value config) {
  TaskConfig made;
  made.id = id;
  made.name = "task";
  made.config = std::move(config);
  made.stdout_path = made.stderr_path = "/dev/null";
  return made;
}

Async<bool> launch(PluginDrivers& drivers) {
  co_await drivers.start();
  co_return true;
}

Async<bool> end(PluginDrivers& drivers, bool leave_running) {
  co_await drivers.stop(leave_running);
  co_return true;
}

Async<DriverStatus> status_when(PluginDrivers& drivers, Loop& loop, std::string name, std::function<bool(const DriverStatus&)> wanted) {
  DriverStatus last;
  for (int i = 0; i < 1000; ++i) {
    for (const DriverStatus& status : drivers.list()) {
      if (status.name == name) last = status;
    }
    if (last.name == name && wanted(last)) co_return last;
    co_await loop.sleep(10ms);
  }
  FAIL("driver " << name << " is " << last.description);
  co_return last;
}

Async<DriverStatus> healthy(PluginDrivers& drivers, Loop& loop) {
  co_return co_await status_when(drivers, loop, "mock_driver", [](const DriverStatus& status) {
    return status.running && status.health == Health::healthy;
  });
}

Async<Result<TaskExit>> start_and_wait(PluginDrivers& drivers, TaskConfig config) {
  const std::string id = config.id;
  DROVER_CO_TRY(co_await drivers.start_task("mock_driver", std::move(config)));
  co_return co_await drivers.wait_task("mock_driver", id);
}

std::string error_of(const Result<TaskExit>& result) {
  return result ? "" : std::string(to_text(result.error().code)) + ": " + result.error().message;
}

}  // namespace

TEST_CASE("a driver program is launched, asked, and runs a task to its end", "[drivers]") {
  const World world;
  world.add_mock();
  RealLoop loop;
  PluginDrivers drivers(loop, Log(), world.settings());
  run(loop, launch(drivers));

  const DriverStatus status = run(loop, healthy(drivers, loop));
  CHECK(status.version == "0.1.0");
  CHECK(status.description == "Healthy");
  CHECK(status.attributes.at("driver.mock_driver") == "true");
  CHECK(status.capabilities.send_signals);
  CHECK_FALSE(status.capabilities.exec);

  const Result<TaskExit> exit = run(loop, start_and_wait(drivers, task("t1", script({{"run_for", "20ms"}, {"exit_code", 3}}))));
  CHECK(exit.value().exit_code == 3);
  CHECK(run(loop, drivers.destroy_task("mock_driver", "t1", true)).ok());
  CHECK(run(loop, drivers.wait_task("mock_driver", "t1")).error().code == Code::not_found);

  run(loop, end(drivers, false));
  CHECK(world.mock_pid() == 0);
}

TEST_CASE("starts that fail say whether another try may help", "[drivers]") {
  const World world;
  world.add_mock();
  RealLoop loop;
  PluginDrivers drivers(loop, Log(), world.settings());
  run(loop, launch(drivers));
  run(loop, healthy(drivers, loop));

  CHECK(error_of(run(loop, start_and_wait(drivers, task("a", script({{"start_error", "no luck"}}))))) == "invalid: no luck");
  CHECK(error_of(run(loop, start_and_wait(drivers, task("b", script({{"start_error", "not yet"}, {"start_error_recoverable", true}}))))) ==
        "unavailable: not yet");
  CHECK(error_of(run(loop, start_and_wait(drivers, task("c", script({{"run_fro", "1s"}}))))) ==
        "invalid: config: no argument or block is named 'run_fro'");
  CHECK(error_of(run(loop, start_and_wait(drivers, task("d", script({{"run_for", "soon"}}))))) ==
        "invalid: config.run_for: \"soon\" is no duration such as \"1m30s\"");
  CHECK(run(loop, drivers.start_task("docker", task("e", Value::map()))).error().message ==
        "driver 'docker' is not installed on this node");

  run(loop, end(drivers, false));
}

TEST_CASE("a driver whose plugin has not said its name yet is away, not missing", "[drivers]") {
  const World world;
  world.add_mock();
  RealLoop loop;
  PluginDrivers drivers(loop, Log(), world.settings());
  Scope scope(loop);
  scope.spawn(drivers.start());
  TaskHandle handle;
  handle.config = task("t", Value::map());

  CHECK(run(loop, drivers.recover_task("mock_driver", handle)).error().code == Code::unavailable);
  run(loop, healthy(drivers, loop));
  CHECK(run(loop, drivers.recover_task("docker", handle)).error().code == Code::not_found);

  run(loop, end(drivers, false));
}

TEST_CASE("a running task is stopped, signalled, measured and looked at", "[drivers]") {
  const World world;
  world.add_mock();
  RealLoop loop;
  PluginDrivers drivers(loop, Log(), world.settings());
  run(loop, launch(drivers));
  run(loop, healthy(drivers, loop));
  const Result<StartedTask> started = run(loop, drivers.start_task("mock_driver", task("t", script({{"run_for", "1h"}, {"signal_error", "deaf"}}))));
  REQUIRE(started);
  CHECK(started->handle.version == 1);
  CHECK(started->handle.life == TaskLife::running);

  CHECK(run(loop, drivers.start_task("mock_driver", started->handle.config)).error().message == "task with ID \"t\" already started");
  CHECK(run(loop, drivers.signal_task("mock_driver", "t", "SIGHUP")).error().message == "deaf");
  CHECK(run(loop, drivers.signal_task("mock_driver", "t", "SIGNONSENSE")).error().message.find("SIGNONSENSE") != std::string::npos);
  CHECK(run(loop, drivers.inspect_task("mock_driver", "t")).value().life == TaskLife::running);
  CHECK(run(loop, drivers.task_usage("mock_driver", "t")).value().total.rss == 1 << 20);
  CHECK(run(loop, drivers.exec_task("mock_driver", "t", {"true"}, 1s)).error().message == "ExecTask is not supported by this driver");
  CHECK(run(loop, drivers.destroy_task("mock_driver", "t", false)).error().message == "cannot destroy running task");
  CHECK(run(loop, drivers.recover_task("mock_driver", started->handle)).ok());

  CHECK(run(loop, drivers.stop_task("mock_driver", "t", 5s, "SIGTERM")).ok());
  CHECK(run(loop, drivers.wait_task("mock_driver", "t")).value() == TaskExit{143, 15, false, ""});
  CHECK(run(loop, drivers.stop_task("mock_driver", "t", 5s, "")).ok());
  CHECK(run(loop, drivers.inspect_task("mock_driver", "t")).value().life == TaskLife::exited);

  run(loop, end(drivers, false));
}

namespace {

Async<Result<TaskExit>> lose_the_driver(PluginDrivers& drivers, Loop& loop, const World& world, TaskHandle handle) {
  const int first = world.mock_pid();
  ::kill(first, SIGKILL);
  const Result<TaskExit> broken = co_await drivers.wait_task("mock_driver", handle.config.id);
  CHECK(broken.error().code == Code::unavailable);
  co_await status_when(drivers, loop, "mock_driver", [&world, first](const DriverStatus& status) {
    return status.running && status.health == Health::healthy && world.mock_pid() != first;
  });
  CHECK((co_await drivers.wait_task("mock_driver", handle.config.id)).error().code == Code::not_found);
  DROVER_CO_TRY(co_await drivers.recover_task("mock_driver", handle));
  co_return co_await drivers.wait_task("mock_driver", handle.config.id);
}

}  // namespace

TEST_CASE("a driver that is killed comes back, and its tasks with it", "[drivers]") {
  const World world;
  world.add_mock();
  RealLoop loop;
  PluginDrivers drivers(loop, Log(), world.settings());
  run(loop, launch(drivers));
  run(loop, healthy(drivers, loop));
  const Result<StartedTask> started = run(loop, drivers.start_task("mock_driver", task("t", script({{"run_for", "500ms"}, {"exit_code", 7}}))));
  REQUIRE(started);

  const Result<TaskExit> exit = run(loop, lose_the_driver(drivers, loop, world, started->handle));

  CHECK(exit.value().exit_code == 7);
  run(loop, end(drivers, false));
}

TEST_CASE("a new agent finds the running driver and its tasks", "[drivers]") {
  const World world;
  world.add_mock();
  TaskHandle handle;
  int pid = 0;
  {
    RealLoop loop;
    PluginDrivers drivers(loop, Log(), world.settings());
    run(loop, launch(drivers));
    run(loop, healthy(drivers, loop));
    handle = run(loop, drivers.start_task("mock_driver", task("t", script({{"run_for", "300ms"}, {"exit_code", 5}})))).value().handle;
    pid = world.mock_pid();
    run(loop, end(drivers, true));
  }
  RealLoop loop;

  SECTION("with the same configuration: the same process") {
    PluginDrivers drivers(loop, Log(), world.settings());
    run(loop, launch(drivers));
    run(loop, healthy(drivers, loop));
    CHECK(world.mock_pid() == pid);
    CHECK(run(loop, drivers.wait_task("mock_driver", "t")).value().exit_code == 5);
    run(loop, end(drivers, false));
  }
  SECTION("with another configuration: a new process, the task recovered") {
    DriverSettings settings = world.settings();
    settings.plugins["mock"].config = script({{"enabled", true}});
    PluginDrivers drivers(loop, Log(), settings);
    run(loop, launch(drivers));
    run(loop, healthy(drivers, loop));
    CHECK(world.mock_pid() != pid);
    CHECK(run(loop, drivers.recover_task("mock_driver", handle)).ok());
    CHECK(run(loop, drivers.wait_task("mock_driver", "t")).value().exit_code == 5);
    run(loop, end(drivers, false));
  }
  SECTION("that was killed meanwhile: a new process") {
    ::kill(pid, SIGKILL);
    PluginDrivers drivers(loop, Log(), world.settings());
    run(loop, launch(drivers));
    run(loop, healthy(drivers, loop));
    CHECK(world.mock_pid() != pid);
    run(loop, end(drivers, false));
  }
}

TEST_CASE("plugins that are none say why in one sentence and hinder nobody", "[drivers]") {
  const World world;
  world.add_mock();
  world.add_file("notes.txt", "remember the milk\n", 0644);
  world.add_file("garbage", "#!/bin/sh\necho Hello; sleep 60\n");
  world.add_file("early", "#!/bin/sh\necho 'no disk' >&2; exit 3\n");
  world.add_file("old", "#!/bin/sh\necho '1|1|unix|/tmp/x|grpc|'; sleep 60\n");
  world.add_file("mute", "#!/bin/sh\necho '1|2|unix|/nonexistent|grpc|'; exec sleep 60\n");
  world.add_file("open", "#!/bin/sh\n", 0777);
  std::string arm(64, '\0');
  arm.replace(0, 7, "\x7f" "ELF\x02\x01\x01");
  arm[16] = 2, arm[18] = static_cast<char>(0xb7), arm[20] = 1;
  world.add_file("arm", arm);
  RealLoop loop;
  PluginDrivers drivers(loop, Log(), world.settings());
  run(loop, launch(drivers));

  run(loop, healthy(drivers, loop));
  const auto refused = [&](const char* name) {
    const std::string why = run(loop, status_when(drivers, loop, name, [](const DriverStatus& status) { return status.health == Health::unhealthy; })).description;
    const std::string place = world.root + "/plugins/" + name + ": ";
    CHECK(why.starts_with(place));
    return why.substr(std::min(place.size(), why.size()));
  };
  CHECK(refused("notes.txt").find("not executable") != std::string::npos);
  CHECK(refused("garbage").starts_with("wrote \"Hello\" to standard output first"));
  CHECK(refused("early") == "exited with 3 before the handshake: it is no plugin (take it out of the plugin folder), or failed early; its last words: no disk");
  CHECK(refused("old") == "speaks version 1 of the plugin protocol, this agent speaks 2: install a build of it for this one");
  CHECK(refused("mute").starts_with("does not say who it is: "));
  CHECK(refused("open").find("writable by others") != std::string::npos);
  CHECK(refused("arm").find("another machine") != std::string::npos);
  CHECK(drivers.list().size() == 8);
  run(loop, end(drivers, false));
}

namespace {

Async<bool> rescan(PluginDrivers& drivers) {
  co_await drivers.rescan();
  co_return true;
}

}  // namespace

TEST_CASE("folders are looked at again: what is new is launched, what was repaired runs at once, what is gone is forgotten", "[drivers]") {
  const World world;
  world.add_file("garbage", "#!/bin/sh\necho Hello\n");
  RealLoop loop;
  PluginDrivers drivers(loop, Log(), world.settings());
  run(loop, launch(drivers));
  CHECK(drivers.list().size() == 1);

  fs::remove(world.root + "/plugins/garbage");
  world.add_mock();
  run(loop, rescan(drivers));
  run(loop, healthy(drivers, loop));
  CHECK(drivers.list().size() == 1);

  const int pid = world.mock_pid();
  run(loop, rescan(drivers));
  CHECK(world.mock_pid() == pid);
  run(loop, end(drivers, false));
}

TEST_CASE("a program that was replaced takes over, and the tasks go on", "[drivers]") {
  const World world;
  world.add_mock();
  RealLoop loop;
  PluginDrivers drivers(loop, Log(), world.settings());
  run(loop, launch(drivers));
  run(loop, healthy(drivers, loop));
  const Result<StartedTask> started = run(loop, drivers.start_task("mock_driver", task("t", script({{"run_for", "1s"}, {"exit_code", 9}}))));
  REQUIRE(started);
  const int pid = world.mock_pid();

  fs::copy_file(tests::binary_dir() / "lib/drover/plugins/mock", world.root + "/plugins/mock.new");
  fs::rename(world.root + "/plugins/mock.new", world.root + "/plugins/mock");
  run(loop, rescan(drivers));
  run(loop, status_when(drivers, loop, "mock_driver", [&world, pid](const DriverStatus& status) {
    return status.running && status.health == Health::healthy && world.mock_pid() != pid && world.mock_pid() > 1;
  }));
  CHECK(World::is_gone(pid));
  CHECK(run(loop, drivers.recover_task("mock_driver", started->handle)).ok());
  CHECK(run(loop, drivers.wait_task("mock_driver", "t")).value().exit_code == 9);
  run(loop, end(drivers, false));
}

TEST_CASE("a driver that makes no networks is an error that callers can tell", "[drivers]") {
  const World world;
  world.add_mock();
  RealLoop loop;
  PluginDrivers drivers(loop, Log(), world.settings());
  run(loop, launch(drivers));
  run(loop, healthy(drivers, loop));
  CHECK(run(loop, drivers.create_network("mock_driver", "a", "")).error().code == Code::unsupported);
  CHECK(run(loop, drivers.destroy_network("mock_driver", "a", NetworkIsolation{})).error().code == Code::unsupported);
  run(loop, end(drivers, false));
}

TEST_CASE("a configuration that does not fit is one line, not the end of the agent", "[drivers]") {
  const World world;
  world.add_mock();
  RealLoop loop;
  DriverSettings settings = world.settings();
  SECTION("an unknown option") {
    settings.plugins["mock"].config = script({{"enbaled", true}});
    PluginDrivers drivers(loop, Log(), settings);
    run(loop, launch(drivers));
    CHECK(drivers.list().front().description == world.root + "/plugins/mock: "
          "its configuration is wrong: plugin \"mock_driver\" config: no argument or block is named 'enbaled'");
    run(loop, end(drivers, false));
  }
  SECTION("a denied driver") {
    settings.denied = {"mock_driver"};
    PluginDrivers drivers(loop, Log(), settings);
    run(loop, launch(drivers));
    CHECK(drivers.list().front().description == world.root + "/plugins/mock: is on the list of denied drivers");
    run(loop, end(drivers, false));
  }
  SECTION("TLS between agent and driver") {
    settings.plugins["mock"].auto_tls = true;
    PluginDrivers drivers(loop, Log(), settings);
    run(loop, launch(drivers));
    run(loop, healthy(drivers, loop));
    run(loop, end(drivers, true));
  }
}

}  // namespace drover::agent
