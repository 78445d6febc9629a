// What jobs of this driver may rely on, tried in this process: no agent, no plugin folder (drover/testing.h).
#include <drover/testing.h>

#include <cstdio>

namespace {

using namespace drover::sdk;

int failures = 0;

void check(bool holds, const char* what) {
  std::printf("%s %s\n", holds ? "ok  " : "FAIL", what);
  failures += holds ? 0 : 1;
}

void output_and_exit_code(testing::Host& host) {
  const auto task = host.start({{"script", "echo hello; exit 3"}});
  check(task.ok(), "a script is started");
  if (!task.ok()) return;
  check((*task)->wait().code == 3, "its exit code is told");
  check((*task)->output() == "hello\n", "its output lies where the agent wants it");
}

void wrong_options(testing::Host& host) {
  check(!host.start({}).ok(), "a job without a script is refused");
  check(!host.start({{"script", "true"}, {"scirpt", "false"}}).ok(), "an option that does not exist is refused");
}

void restart_of_the_driver(testing::Host& host) {
  const auto task = host.start({{"script", "trap 'exit 5' TERM; echo ready; while :; do sleep 0.1; done"}});
  check(task.ok(), "a script that runs for long is started");
  if (!task.ok()) return;
  while ((*task)->output().empty() && !(*task)->wait_for(std::chrono::milliseconds(10))) continue;

  const auto next = testing::make_driver();
  check(host.restart(*next).ok(), "after a restart of the driver the task is found again");
  check((*task)->stop().ok() && (*task)->wait().code == 5, "and stopped with its own exit code");
  check((*task)->destroy().ok(), "and removed");
}

}  // namespace

int main() {
  const auto driver = testing::make_driver();
  testing::Host host(*driver);
  output_and_exit_code(host);
  wrong_options(host);
  restart_of_the_driver(host);
  return failures == 0 ? 0 : 1;
}
