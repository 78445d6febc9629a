#include <csignal>
#include <sys/wait.h>

#include "sdk/shim/test_rig.h"

using namespace drover;
using namespace drover::sdk;
using namespace drover::sdk::rig;

TEST_CASE("a process tells its exit code or its signal", "[process]") {
  Rig rig;
  Supervisor supervisor(rig.settings);

  CHECK(must_exit(*supervisor.start(rig.shell("exit 0")).value()).success());
  CHECK(must_exit(*supervisor.start(rig.shell("exit 7")).value()) == Exit::of_code(7));
  CHECK(must_exit(*supervisor.start(rig.shell("kill -USR1 $$")).value()) == Exit::of_signal(SIGUSR1));
}

TEST_CASE("a process gets its arguments, environment, folder and nothing else", "[process]") {
  Rig rig;
  Supervisor supervisor(rig.settings);
  ProcessSpec spec = rig.shell("echo $0 $1; echo \"<$A>\"; pwd; env | wc -l; ls /proc/self/fd | tr '\\n' ' '; umask");
  spec.args.insert(spec.args.end(), {"zero", "one two"});
  spec.env.emplace_back("A", "b = c");
  spec.umask = 027;

  CHECK(must_exit(*supervisor.start(spec).value()).success());

  // The shell adds PWD; 3 is the folder that ls reads.
  CHECK(rig.output() == "zero one two\n<b = c>\n" + rig.dir.string() + "\n3\n0 1 2 3 0027\n");
}

TEST_CASE("the files of a process do not get the mask of the driver, which hides its own", "[process]") {
  Rig rig;
  Supervisor supervisor(rig.settings);
  const mode_t before = ::umask(077);
  const auto process = supervisor.start(rig.shell("umask"));
  ::umask(before);

  CHECK(must_exit(*process.value()).success());
  CHECK(rig.output() == "0022\n");
}

TEST_CASE("what cannot be started says why, and leaves nothing behind", "[process]") {
  Rig rig;
  Supervisor supervisor(rig.settings);
  const auto refusal = [&](const auto& change) {
    ProcessSpec spec = rig.shell("exit 0");
    change(spec);
    const auto started = supervisor.start(spec);
    REQUIRE_FALSE(started.ok());
    CHECK_FALSE(std::filesystem::exists(spec.state_dir));
    return started.error();
  };

  CHECK(refusal([](auto& spec) { spec.command = "/nonexistent/x"; }) == Error{Code::not_found, "command '/nonexistent/x': is missing"});
  CHECK(refusal([](auto& spec) { spec.command = "x", spec.search_path = {"/nonexistent", "/usr"}; }) == Error{Code::not_found, "command 'x' not found in /nonexistent, /usr"});
  CHECK(refusal([](auto& spec) { spec.command = "/etc/passwd"; }).message == "command '/etc/passwd': is not executable");
  CHECK(refusal([](auto& spec) { spec.cwd = "/nonexistent/folder"; }) == Error{Code::not_found, "start /bin/sh: enter the working folder: No such file or directory"});
  CHECK(refusal([](auto& spec) { spec.user = "no-such-user"; }) == Error{Code::not_found, "user 'no-such-user' does not exist on this host"});
  CHECK(refusal([](auto& spec) { spec.stdout_path = "/nonexistent/out"; }).message == "start /bin/sh: open the output: No such file or directory");
  CHECK(refusal([](auto& spec) { spec.args.emplace_back("a\0b", 3); }).code == Code::invalid);
  CHECK(refusal([](auto& spec) { spec.rlimits["nofiles"] = {1, 1}; }).message == "unknown resource limit 'nofiles'");

  const std::string script = rig.dir / "script";
  std::ofstream(script) << "#!/nonexistent/interpreter\n";
  ::chmod(script.c_str(), 0755);
  CHECK(refusal([&](auto& spec) { spec.command = script; }) == Error{Code::not_found, "start " + script + ": execute it: its interpreter is missing"});
}

TEST_CASE("children that were left behind are ended with the process", "[process]") {
  Rig rig;
  Supervisor supervisor(rig.settings);
  // One stays in the session, one leaves it.
  auto process = supervisor.start(rig.shell("sleep 1000 & echo kept=$!; setsid sleep 1001 & echo left=$!; sleep 0.05; exit 4")).value();

  CHECK(must_exit(*process).code == 4);

  for (const char* label : {"kept=", "left="}) {
    const auto id = identify(number_after(rig.output(), label));
    CHECK_FALSE((id.ok() && is_running(*id)));
  }
}

TEST_CASE("a process goes on without the one who started it, and is found again", "[process]") {
  Rig rig;
  REQUIRE(::mkfifo((rig.dir / "go").c_str(), 0600) == 0);
  std::string saved;
  int pid = 0;
  {
    Supervisor first(rig.settings);
    auto process = first.start(rig.shell("echo ready; read line < go; exit 9")).value();
    saved = process->saved_state();
    pid = process->pid();
  }

  Supervisor second(rig.settings);
  auto found = second.recover(saved);

  REQUIRE(found.ok());
  CHECK((*found)->pid() == pid);
  CHECK_FALSE((*found)->wait_for(0s).has_value());
  REQUIRE((*found)->signal(SIGTERM).ok());
  CHECK(must_exit(**found) == Exit::of_signal(SIGTERM));
}

TEST_CASE("an exit that nobody watched is still known", "[process]") {
  Rig rig;
  std::string saved;
  {
    Supervisor first(rig.settings);
    auto process = first.start(rig.shell("exit 42")).value();
    saved = process->saved_state();
    must_exit(*process);
  }

  Supervisor second(rig.settings);
  auto found = second.recover(saved).value();
  CHECK(must_exit(*found) == Exit::of_code(42));
  REQUIRE(found->destroy().ok());
  CHECK(second.recover(saved).error().code == Code::not_found);
}

TEST_CASE("the driver may be killed: the task goes on and its exit is kept", "[process]") {
  Rig rig;
  REQUIRE(::mkfifo((rig.dir / "go").c_str(), 0600) == 0);
  const int driver = ::fork();
  if (driver == 0) {
    Supervisor first(rig.settings);
    auto process = first.start(rig.shell("echo ready; read line < go; echo done; exit 5")).value();
    std::ofstream(rig.dir / "saved.new") << process->saved_state();
    std::filesystem::rename(rig.dir / "saved.new", rig.dir / "saved");
    for (;;) ::pause();
  }
  REQUIRE(Rig::eventually([&] { return std::filesystem::exists(rig.dir / "saved"); }));
  REQUIRE(rig.printed("ready"));
  ::kill(driver, SIGKILL);
  ::waitpid(driver, nullptr, 0);

  std::ofstream(rig.dir / "go") << "go\n";
  REQUIRE(rig.printed("done"));

  Supervisor second(rig.settings);
  CHECK(must_exit(*second.recover(rig.output("saved")).value()) == Exit::of_code(5));
}

TEST_CASE("when the shim is killed its task is ended and the exit is unknown", "[process]") {
  Rig rig;
  Supervisor supervisor(rig.settings);
  auto process = supervisor.start(rig.shell("sleep 1000 & echo child=$!; wait")).value();
  REQUIRE(rig.printed("child="));
  const ProcessId main = identify(process->pid()).value();
  const ProcessId child = identify(number_after(rig.output(), "child=")).value();

  SECTION("while a driver watches") {
    REQUIRE(send_signal(shim_of(*process), SIGKILL).ok());
    CHECK(must_exit(*process) == Exit::unknown("exit unknown: its supervisor was killed"));
  }
  SECTION("while no driver runs") {
    const std::string saved = process->saved_state();
    const ProcessId shim = shim_of(*process);
    process.reset();
    {
      Supervisor none(rig.settings);
    }
    REQUIRE(send_signal(shim, SIGKILL).ok());
    CHECK(must_exit(*supervisor.recover(saved).value()) == Exit::unknown("exit unknown: its supervisor was killed"));
  }
  CHECK_FALSE(is_running(main));
  CHECK(Rig::eventually([&] { return !is_running(child); }));
}

TEST_CASE("stopping signals first and kills all after the grace", "[process]") {
  Rig rig;
  Supervisor supervisor(rig.settings);

  SECTION("a process that obeys ends in its own way") {
    auto process = supervisor.start(rig.shell("trap 'exit 3' TERM; echo ready; while :; do sleep 0.01; done")).value();
    REQUIRE(rig.printed("ready"));
    REQUIRE(process->stop(SIGTERM, patience).ok());
    CHECK(must_exit(*process) == Exit::of_code(3));
  }
  SECTION("one that does not is killed") {
    auto process = supervisor.start(rig.shell("trap '' TERM; echo ready; while :; do sleep 0.01; done")).value();
    REQUIRE(rig.printed("ready"));
    REQUIRE(process->stop(SIGTERM, 50ms).ok());
    CHECK(must_exit(*process) == Exit::of_signal(SIGKILL));
  }
  SECTION("stopping what has ended is fine, signalling it is not") {
    auto process = supervisor.start(rig.shell("exit 0")).value();
    must_exit(*process);
    CHECK(process->stop(SIGTERM, 1s).ok());
    CHECK(process->signal(SIGTERM).error().code == Code::not_found);
  }
}

TEST_CASE("a writer into a FIFO without a reader neither dies nor loses its output", "[process]") {
  Rig rig;
  Supervisor supervisor(rig.settings);
  ProcessSpec spec = rig.shell("echo one; echo two; read line < go; echo three; exit 0");
  spec.stdout_path = rig.dir / "fifo";
  REQUIRE(::mkfifo((rig.dir / "fifo").c_str(), 0600) == 0);
  REQUIRE(::mkfifo((rig.dir / "go").c_str(), 0600) == 0);

  auto process = supervisor.start(spec).value();
  const Fd reader(::open((rig.dir / "fifo").c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  std::ofstream(rig.dir / "go") << "\n";
  CHECK(must_exit(*process).success());

  char buffer[64] = {};
  CHECK(::read(reader.get(), buffer, sizeof buffer) == 14);
  CHECK(std::string(buffer) == "one\ntwo\nthree\n");
  CHECK(::read(reader.get(), buffer, sizeof buffer) == 0);  // and then it is the end
}

TEST_CASE("a full disk under the state folder does not lose an exit", "[process][root]") {
  Rig rig;
  const std::string small = rig.dir / "small";
  std::filesystem::create_directories(small);
  if (::system(("mount -t tmpfs -o size=64k tmpfs " + small + " 2>/dev/null").c_str()) != 0) {
    WARN("nothing can be mounted here: not run");
    return;
  }
  {
    Supervisor supervisor(rig.settings);
    ProcessSpec spec = rig.shell("echo ready; sleep 0.1; exit 6");
    spec.state_dir = small + "/state";
    auto process = supervisor.start(spec).value();
    REQUIRE(rig.printed("ready"));
    std::ofstream(small + "/filler") << std::string(256 * 1024, 'x');
    CHECK(must_exit(*process) == Exit::of_code(6));
  }
  CHECK(::system(("umount " + small).c_str()) == 0);
}

TEST_CASE("leftovers of starts whose answer was lost are ended, others stay", "[process]") {
  Rig rig;
  Supervisor supervisor(rig.settings);
  ProcessSpec lost = rig.shell("exec sleep 1000"), kept = rig.shell("exec sleep 1001");
  lost.state_dir = rig.dir / "all/lost";
  kept.state_dir = rig.dir / "all/kept";
  auto lost_process = supervisor.start(lost).value();
  auto kept_process = supervisor.start(kept).value();
  const ProcessId lost_id = identify(lost_process->pid()).value();
  lost_process.reset();

  REQUIRE(supervisor.end_leftovers(rig.dir / "all", {kept.state_dir}).ok());

  CHECK_FALSE(is_running(lost_id));
  CHECK_FALSE(std::filesystem::exists(lost.state_dir));
  CHECK_FALSE(kept_process->wait_for(0s).has_value());
  CHECK(kept_process->destroy().ok());
}

TEST_CASE("a driver killed at any moment of a start leaves nothing that cannot be found and ended", "[process]") {
  Rig rig;
  const std::string marker = "100" + std::to_string(::getpid());
  const auto is_left = [&marker] {
    for (const auto& entry : std::filesystem::directory_iterator("/proc")) {
      std::ifstream file(entry.path() / "cmdline", std::ios::binary);
      const std::string line((std::istreambuf_iterator<char>(file)), {});
      if (line.find(std::string("sleep\0", 6) + marker) != std::string::npos) return true;
    }
    return false;
  };
  int started = 0;
  for (int i = 0; i < 80; ++i) {
    ProcessSpec spec = rig.shell("exec sleep " + marker);
    spec.state_dir = rig.dir / ("starts/" + std::to_string(i));
    int ready[2];
    REQUIRE(::pipe2(ready, O_CLOEXEC) == 0);
    const int driver = ::fork();
    if (driver == 0) {
      Supervisor own(rig.settings);
      [[maybe_unused]] const ssize_t told = ::write(ready[1], "x", 1);
      const auto process = own.start(spec);
      for (;;) ::pause();
    }
    char byte = 0;
    CHECK(::read(ready[0], &byte, 1) == 1);
    const timespec a_moment{0, i * 50'000L};
    ::nanosleep(&a_moment, nullptr);
    ::kill(driver, SIGKILL);
    ::waitpid(driver, nullptr, 0);
    ::close(ready[0]);
    ::close(ready[1]);

    Supervisor next(rig.settings);
    REQUIRE(next.end_leftovers(rig.dir / "starts", {}).ok());
    started += std::filesystem::exists(rig.dir / "starts") ? 1 : 0;
    CHECK((!std::filesystem::exists(rig.dir / "starts") || std::filesystem::is_empty(rig.dir / "starts")));
  }
  CHECK(started > 0);
  CHECK(Rig::eventually([&] { return !is_left(); }));
}

TEST_CASE("a process that is given a user becomes it, with exactly its groups", "[process][root]") {
  if (::geteuid() != 0) {
    WARN("only root can become another user: not run");
    return;
  }
  Rig rig;
  Supervisor supervisor(rig.settings);
  ProcessSpec spec = rig.shell("id -u; id -g; id -G; echo $HOME $USER $LOGNAME");
  spec.user = "daemon";
  spec.cwd = "/";

  CHECK(must_exit(*supervisor.start(spec).value()).success());

  CHECK(rig.output() == "1\n1\n1\n/usr/sbin daemon daemon\n");
}

TEST_CASE("a process in a group of its own is limited, counted, and killed with all that is in it", "[process][root]") {
  Rig rig;
  Supervisor supervisor(rig.settings);
  ProcessSpec spec = rig.shell("echo ready; cat /proc/self/cgroup; while :; do :; done");
  spec.cgroup.path = "drover-test-" + std::to_string(::getpid()) + "/a.b";
  spec.limits.memory_bytes = 64 << 20;
  spec.limits.cpu_shares = 100;
  auto process = supervisor.start(spec).value();
  if (!process->warnings().empty()) {
    WARN("no control groups here: not run: " + process->warnings().front());
    CHECK(process->destroy().ok());
    return;
  }
  REQUIRE(rig.printed("ready"));
  CHECK(Rig::eventually([&] { return rig.output().find("memory:/" + spec.cgroup.path) != std::string::npos || rig.output().find("0::/" + spec.cgroup.path) != std::string::npos; }));

  REQUIRE(Rig::eventually([&] { return process->usage(1000).value().total.cpu.percent > 0; }));
  CHECK(process->usage(1000).value().by_pid.count(std::to_string(process->pid())) == 1);
  CHECK(process->usage(1000).value().total.memory.usage > 0);
  REQUIRE(process->destroy().ok());
  CHECK(must_exit(*process) == Exit::of_signal(SIGKILL));
  std::filesystem::path root = "/sys/fs/cgroup";
  if (std::filesystem::exists(root / "memory")) root /= "memory";
  CHECK_FALSE(std::filesystem::exists(root / spec.cgroup.path));
  ::system(("find /sys/fs/cgroup -depth -type d -name drover-test-" + std::to_string(::getpid()) + " -exec rmdir {} + 2>/dev/null").c_str());
}

TEST_CASE("a process that is killed for want of memory says so", "[process][root]") {
  Rig rig;
  Supervisor supervisor(rig.settings);
  ProcessSpec spec = rig.shell("exec tail /dev/zero");
  spec.cgroup.path = "drover-test-oom-" + std::to_string(::getpid());
  spec.limits.memory_bytes = 16 << 20;
  auto process = supervisor.start(spec).value();
  if (!process->warnings().empty()) {
    WARN("no control groups here: not run: " + process->warnings().front());
    CHECK(process->destroy().ok());
    return;
  }

  const Exit exit = must_exit(*process);

  CHECK(exit.oom_killed);
  CHECK(exit.signal == SIGKILL);
  CHECK(process->destroy().ok());
}
