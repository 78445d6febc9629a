#include "plugins/docker/exec.h"

#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>

#include "plugins/docker/fake_engine.h"

namespace drover::docker {
namespace {

constexpr const char* every_group = ":/";  ///< stands in the control groups of each process, as a container's id does in its own
constexpr int wait_ms = 30'000;

/// A process that leads a session, as a command in a container does.
struct Leader {
  Leader() : pid(::fork()) {
    if (pid != 0) return;
    ::setsid();
    for (;;) ::pause();
  }
  ~Leader() {
    ::kill(pid, SIGKILL);
    if (!reaped) ::waitpid(pid, nullptr, 0);
  }
  Leader(const Leader&) = delete;
  Leader& operator=(const Leader&) = delete;
  /// Whether it was killed; waits for its end.
  bool was_killed() {
    const int descriptor = static_cast<int>(::syscall(SYS_pidfd_open, pid, 0));
    pollfd end{descriptor, POLLIN, 0};
    reaped = ::poll(&end, 1, wait_ms) > 0;
    ::close(descriptor);
    int status = 0;
    if (reaped) ::waitpid(pid, &status, 0);
    return reaped && WIFSIGNALED(status);
  }
  const pid_t pid;
  bool reaped = false;
};

struct Rig {
  FakeEngine fake;
  std::shared_ptr<Engine> engine;
  std::promise<int> code;

  Rig() {
    fake.answer("/version", http_answer(200, R"({"ApiVersion":"1.41","MinAPIVersion":"1.12"})"));
    fake.answer("/containers/", http_answer(201, R"({"Id":"e1"})"));
    fake.answer("/exec/e1/start", "HTTP/1.1 101 UPGRADED\r\n\r\n", true);
    engine = std::make_shared<Engine>(*parse_endpoint("unix://" + fake.path()));
  }
  void say(const char* running, const std::string& exit_code, int pid) {
    fake.answer("/exec/e1/json", http_answer(200, std::string(R"({"Running":)") + running + R"(,"ExitCode":)" + exit_code + R"(,"Pid":)" + std::to_string(pid) + "}"));
  }
  std::unique_ptr<sdk::ExecSession> start() {
    auto session = Exec::start(engine, every_group, {{"/bin/sleep", "1000"}, false}, {{}, [this](int exit, int) { code.set_value(exit); }});
    REQUIRE(session.ok());
    return std::move(*session);
  }
};

}  // namespace

TEST_CASE("a command is killed that has not begun yet, and whose process is not known yet, when it is to be killed", "[docker]") {
  Rig rig;
  Leader leader;
  rig.say("false", "null", 0);
  auto session = rig.start();

  std::thread killer([&session] { session.reset(); });
  rig.fake.wait_requests(2);
  rig.say("true", "null", 0);
  rig.fake.wait_requests(2);
  rig.say("true", "null", leader.pid);

  CHECK(leader.was_killed());
  killer.join();
  CHECK(rig.code.get_future().get() == -1);  // nobody waited for the end of what was killed
}

TEST_CASE("a command that has ended is not killed: its number may be another's by now", "[docker]") {
  Rig rig;
  Leader leader;
  rig.say("false", "7", leader.pid);
  auto session = rig.start();
  session.reset();
  CHECK(rig.code.get_future().get() == 7);
  CHECK(::kill(leader.pid, 0) == 0);
  CHECK(::waitpid(leader.pid, nullptr, WNOHANG) == 0);
}

TEST_CASE("a stream that breaks before the command began tells its end when it has one", "[docker]") {
  Rig rig;
  rig.say("false", "null", 0);
  rig.fake.answer("/exec/e1/start", "HTTP/1.1 101 UPGRADED\r\n\r\n");
  auto session = rig.start();
  rig.fake.wait_requests(2);
  rig.say("false", "126", 0);
  CHECK(rig.code.get_future().get() == 126);
}

}  // namespace drover::docker
