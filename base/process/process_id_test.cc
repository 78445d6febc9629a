#include "base/process/process_id.h"

#include <catch2/catch.hpp>
#include <csignal>
#include <sys/wait.h>
#include <unistd.h>

#include "base/process/program.h"
#include "tests/paths.h"

using namespace drover;

namespace {

/// A child that waits for a signal; reaped at the end.
struct Sleeper {
  int pid = ::fork();
  Sleeper() {
    if (pid == 0) {
      ::pause();
      ::_exit(0);
    }
  }
  ~Sleeper() {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
  }
};

}  // namespace

TEST_CASE("a process is known by its pid and start time", "[process]") {
  const Sleeper sleeper;

  const auto id = identify(sleeper.pid);

  REQUIRE(id.ok());
  CHECK(id->pid == sleeper.pid);
  CHECK(id->start_ticks > 0);
  CHECK(is_running(*id));
  CHECK(open_pidfd(*id).ok());
}

TEST_CASE("a signal never reaches another process that has the pid by now", "[process]") {
  const Sleeper sleeper;
  ProcessId earlier = identify(sleeper.pid).value();
  earlier.start_ticks -= 1;

  CHECK(send_signal(earlier, SIGKILL).error().code == Code::not_found);
  CHECK(open_pidfd(earlier).error().code == Code::not_found);
  CHECK_FALSE(is_running(earlier));
  CHECK(is_running(identify(sleeper.pid).value()));
}

TEST_CASE("a zombie does not run, and a reaped process is not found", "[process]") {
  const int pid = ::fork();
  if (pid == 0) ::_exit(0);
  const ProcessId id = identify(pid).value();
  siginfo_t info{};
  ::waitid(P_PID, static_cast<id_t>(pid), &info, WEXITED | WNOWAIT);

  CHECK_FALSE(is_running(id));
  CHECK(identify(pid).ok());
  ::waitpid(pid, nullptr, 0);
  CHECK(identify(pid).error().code == Code::not_found);
}

TEST_CASE("what cannot be executed is explained in a sentence", "[process]") {
  CHECK(check_executable("/bin/sh").ok());
  CHECK(check_executable("/nonexistent/x").error().message == "is missing");
  CHECK(check_executable("/tmp").error().message == "is a folder");
  CHECK(check_executable("/dev/null").error().message == "is not a file");
  CHECK(own_program_folder().value() == (tests::binary_dir() / "tests").string());
}
