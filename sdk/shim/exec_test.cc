#include <condition_variable>
#include <csignal>
#include <mutex>

#include "sdk/shim/test_rig.h"

using namespace drover;
using namespace drover::sdk;
using namespace drover::sdk::rig;

namespace {

/// Gathers what a session says.
struct Listener {
  std::mutex mutex;
  std::condition_variable changed;
  std::string out, err;
  std::optional<std::pair<int, int>> exit;

  ExecSession::Handlers handlers() {
    ExecSession::Handlers result;
    result.output = [this](bool is_stderr, std::string_view bytes) {
      const std::lock_guard lock(mutex);
      (is_stderr ? err : out).append(bytes);
      changed.notify_all();
    };
    result.exited = [this](int code, int signal) {
      const std::lock_guard lock(mutex);
      exit = {code, signal};
      changed.notify_all();
    };
    return result;
  }
  std::pair<int, int> await_exit() {
    std::unique_lock lock(mutex);
    REQUIRE(changed.wait_for(lock, patience, [this] { return exit.has_value(); }));
    return *exit;
  }
  bool await_output(const std::string& what) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, patience, [&] { return out.find(what) != std::string::npos; });
  }
};

struct Running {
  Rig rig;
  Supervisor supervisor{rig.settings};
  std::unique_ptr<Process> process;
  Running() {
    ProcessSpec spec = rig.shell("exec sleep 1000");
    spec.env.emplace_back("COLOUR", "blue");
    process = supervisor.start(spec).value();
  }
  ~Running() { static_cast<void>(process->destroy()); }
};

}  // namespace

TEST_CASE("a command beside a task runs in its folder and environment", "[process][exec]") {
  Running task;
  Listener heard;

  auto session = task.process->exec({{"sh", "-c", "echo $COLOUR; pwd; echo oops >&2; exit 3"}, false}, heard.handlers());

  REQUIRE(session.ok());
  CHECK(heard.await_exit() == std::pair(3, 0));
  CHECK(heard.out == "blue\n" + task.rig.dir.string() + "\n");
  CHECK(heard.err == "oops\n");
}

TEST_CASE("a command reads what it is given until the end", "[process][exec]") {
  Running task;
  Listener heard;
  auto session = task.process->exec({{"wc", "-c"}, false}, heard.handlers()).value();

  REQUIRE(session->write_stdin(std::string(300'000, 'x')).ok());
  session->close_stdin();

  CHECK(heard.await_exit() == std::pair(0, 0));
  CHECK(heard.out == "300000\n");
  CHECK(session->write_stdin("more").error().code == Code::unavailable);
}

TEST_CASE("a command can have a terminal of a given size", "[process][exec]") {
  Running task;
  Listener heard;
  auto session = task.process->exec({{"sh", "-c", "tty >/dev/null && echo terminal; read line; stty size"}, true}, heard.handlers()).value();
  REQUIRE(heard.await_output("terminal"));

  REQUIRE(session->resize(40, 100).ok());
  REQUIRE(session->write_stdin("\n").ok());

  CHECK(heard.await_exit() == std::pair(0, 0));
  CHECK(heard.out.find("40 100") != std::string::npos);
}

TEST_CASE("a command that nobody wants any more ends with all it started", "[process][exec]") {
  Running task;
  Listener heard;
  auto session = task.process->exec({{"sh", "-c", "sleep 1000 & echo child=$!; wait"}, false}, heard.handlers()).value();
  REQUIRE(heard.await_output("\n"));
  const ProcessId child = identify(number_after(heard.out, "child=")).value();

  session.reset();

  CHECK_FALSE(is_running(child));
  CHECK_FALSE(task.process->wait_for(0s).has_value());
}

TEST_CASE("a command that does not exist is an error, not an exit", "[process][exec]") {
  Running task;
  Listener heard;

  CHECK(task.process->exec({{"no-such-command"}, false}, heard.handlers()).error().code == Code::not_found);
  CHECK(task.process->exec({{"/no/such/command"}, false}, heard.handlers()).error().code == Code::not_found);
  CHECK(task.process->exec({{}, false}, heard.handlers()).error().code == Code::invalid);
  CHECK_FALSE(heard.exit.has_value());
}
