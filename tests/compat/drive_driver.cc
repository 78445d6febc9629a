// Lets the agent's own driver host run one driver through a task's life, and prints what it saw, one line a step:
// drive_driver PLUGIN_FOLDER STATE_FOLDER RUNTIME_FOLDER DRIVER STDOUT_PATH [NAME=value …]
#include <cstdio>
#include <string>

#include "agent/drivers/plugin_drivers.h"
#include "base/loop/scope.h"
#include "base/loop/start.h"

using namespace drover;
using namespace drover::agent;

namespace {

void say(const std::string& line) { std::printf("%s\n", line.c_str()); }

std::string shown(const Result<TaskExit>& exit) {
  if (!exit) return text("{}: {}", to_text(exit.error().code), exit.error().message);
  return text("code={} signal={}", exit->exit_code, exit->signal);
}

std::string shown(const Result<void>& result) {
  return result ? "ok" : text("{}: {}", to_text(result.error().code), result.error().message);
}

TaskConfig task(const std::string& id, const std::string& command, const std::string& stdout_path) {
  TaskConfig config;
  config.id = id;
  config.name = "task";
  config.stdout_path = stdout_path;
  config.stderr_path = "/dev/null";
  config.env = {{"GREETING", "hello"}};
  config.config.set("command", command);
  return config;
}

Async<bool> live_through(PluginDrivers& drivers, Loop& loop, std::string driver, std::string stdout_path) {
  std::string event = "none";
  drivers.watch({}, [&event](const DriverTaskEvent& told) { event = told.message; });
  co_await drivers.start();
  for (const DriverStatus& status : drivers.list()) {
    say(text("driver={} running={} healthy={} description={}", status.name, status.running, status.health == Health::healthy,
             status.description));
  }

  const auto first = co_await drivers.start_task(driver, task("a/t/1", "echo $GREETING; exit 3", stdout_path));
  say("start: " + (first ? "ok" : first.error().message));
  if (!first) co_return false;
  say("wait: " + shown(co_await drivers.wait_task(driver, "a/t/1")));
  say("again: " + shown(co_await drivers.wait_task(driver, "a/t/1")));
  say("destroy: " + shown(co_await drivers.destroy_task(driver, "a/t/1", true)));
  say("gone: " + shown(co_await drivers.wait_task(driver, "a/t/1")));

  const auto second = co_await drivers.start_task(driver, task("a/t/2", "trap 'exit 7' USR1; while :; do sleep 0.1; done", stdout_path));
  say("second: " + (second ? "ok" : second.error().message));
  co_await loop.sleep(200ms);
  const auto usage = co_await drivers.task_usage(driver, "a/t/2");
  say("usage: " + (usage ? text("rss={}", usage->total.rss) : usage.error().message));
  say("signal: " + shown(co_await drivers.signal_task(driver, "a/t/2", "SIGUSR1")));
  say("wait: " + shown(co_await drivers.wait_task(driver, "a/t/2")));

  const auto third = co_await drivers.start_task(driver, task("a/t/3", "exec sleep 1000", stdout_path));
  say("third: " + (third ? "ok" : third.error().message));
  say("stop: " + shown(co_await drivers.stop_task(driver, "a/t/3", 5s, "SIGTERM")));
  say("wait: " + shown(co_await drivers.wait_task(driver, "a/t/3")));

  TaskConfig wrong = task("a/t/4", "true", stdout_path);
  wrong.config.set("comand", "x");
  const auto refused = co_await drivers.start_task(driver, wrong);
  say("refused: " + (refused ? "started" : refused.error().message));
  say("event: " + event);
  co_await drivers.stop(false);
  co_return true;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 6) return 2;
  DriverSettings settings;
  settings.plugin_folders = {argv[1]};
  settings.state_folder = argv[2];
  settings.runtime_folder = argv[3];
  for (int i = 6; i < argc; ++i) settings.env.push_back(argv[i]);
  RealLoop loop;
  PluginDrivers drivers(loop, Log(), settings);
  return run(loop, live_through(drivers, loop, argv[4], argv[5])) ? 0 : 1;
}
