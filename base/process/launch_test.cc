#include "base/process/launch.h"

#include <catch2/catch.hpp>
#include <csignal>
#include <fcntl.h>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

#include "base/loop/real_loop.h"
#include "base/loop/start.h"

using namespace drover;

namespace {

struct Pipe {
  Fd reader, writer;
  Pipe() {
    int ends[2];
    REQUIRE(::pipe2(ends, O_CLOEXEC) == 0);
    reader = Fd(ends[0]);
    writer = Fd(ends[1]);
  }
  std::string read_all() {
    writer.close();
    std::string all;
    char buffer[512];
    for (ssize_t got; (got = ::read(reader.get(), buffer, sizeof buffer)) > 0;) all.append(buffer, static_cast<std::size_t>(got));
    return all;
  }
};

LaunchSpec shell(const std::string& script) {
  LaunchSpec spec;
  spec.program = "/bin/sh";
  spec.args = {"-c", script};
  return spec;
}

}  // namespace

TEST_CASE("a launched program gets exactly the environment, folder and descriptors it was given", "[process]") {
  RealLoop loop;
  Pipe out;
  LaunchSpec spec = shell("echo $ONE; pwd; ls /proc/self/fd | wc -l; echo more >&5");
  spec.env = {"ONE=1", "PATH=/usr/bin:/bin"};
  spec.cwd = "/usr";
  spec.stdout_fd = out.writer.get();
  spec.descriptors = {{out.writer.get(), 5}};

  auto process = launch(loop, spec);
  REQUIRE(process.ok());
  const auto status = run(loop, (*process)->wait());

  REQUIRE(status.ok());
  CHECK(*status == ExitStatus{});
  CHECK(out.read_all() == "1\n/usr\n5\nmore\n");  // 0, 1, 2, 5, and the folder that ls reads
}

TEST_CASE("exit codes and signals are told apart", "[process]") {
  RealLoop loop;
  auto exits = launch(loop, shell("exit 3")).value();
  auto dies = launch(loop, shell("kill -TERM $$")).value();

  CHECK(to_text(run(loop, exits->wait()).value()) == "exited with 3");
  CHECK(to_text(run(loop, dies->wait()).value()) == "killed by signal 15");
  CHECK(exits->has_ended());
  CHECK(exits->signal(SIGTERM).error().code == Code::not_found);
}

TEST_CASE("a launched program starts with default signals and its own session", "[process]") {
  RealLoop loop;
  ::signal(SIGPIPE, SIG_IGN);
  auto process = launch(loop, shell("kill -PIPE $$; exit 0")).value();
  CHECK(to_text(run(loop, process->wait()).value()) == "killed by signal 13");

  auto sleeper = launch(loop, shell("sleep 100")).value();
  CHECK(::getsid(sleeper->id().pid) == sleeper->id().pid);
  REQUIRE(sleeper->signal(SIGKILL).ok());
  CHECK(run(loop, sleeper->wait()).value().signal == SIGKILL);
}

TEST_CASE("a process can be watched without being its parent", "[process]") {
  RealLoop loop;
  auto child = launch(loop, shell("read line")).value();
  auto watched = watch(loop, child->id()).value();

  REQUIRE(run(loop, child->wait()).ok());  // /dev/null: the end comes at once
  const auto status = run(loop, watched->wait());

  REQUIRE(status.ok());
  CHECK_FALSE(status->known);
  CHECK(watch(loop, child->id()).error().code == Code::not_found);
}

TEST_CASE("programs that cannot be launched are refused with the reason", "[process]") {
  RealLoop loop;
  const auto folder = std::filesystem::temp_directory_path() / ("drover-launch-" + std::to_string(::getpid()));
  std::filesystem::create_directories(folder);
  const std::string garbage = folder / "garbage";
  std::ofstream(garbage) << "this is not a program";
  const auto attempt = [&loop](const std::string& path) {
    LaunchSpec spec;
    spec.program = path;
    return launch(loop, spec).error().message;
  };

  CHECK(attempt("sh") == "launch sh: not an absolute path");
  CHECK(attempt("/nonexistent/program") == "/nonexistent/program is missing");
  CHECK(attempt(garbage) == garbage + " is not executable");
  ::chmod(garbage.c_str(), 0755);
  CHECK(attempt(garbage) == garbage + " is neither a program nor a script");

  std::string foreign("\x7f" "ELF\2\1\1", 7);
  foreign.resize(64);
  foreign[16] = 2, foreign[18] = static_cast<char>(0xF7);  // RISC-V is 243 (0xF3); 247 is BPF
  const std::string other = folder / "other";
  std::ofstream(other, std::ios::binary) << foreign;
  ::chmod(other.c_str(), 0755);
  CHECK(attempt(other) == other + " is built for another machine (machine 247)");
  std::filesystem::remove_all(folder);
}
