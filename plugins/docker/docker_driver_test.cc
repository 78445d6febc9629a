// The driver on a real engine: run by tests/e2e/docker_e2e.py, which starts one and says where in DOCKER_HOST.
#include "plugins/docker/docker_driver.h"

#include <catch2/catch.hpp>
#include <condition_variable>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <sys/stat.h>
#include <unistd.h>

namespace drover::docker {

using namespace std::chrono_literals;

namespace {

struct Said final : sdk::Events {
  std::mutex mutex;
  std::vector<std::string> messages;
  void emit(const sdk::TaskConfig&, std::string message, std::map<std::string, std::string>) override {
    const std::lock_guard lock(mutex);
    messages.push_back(std::move(message));
  }
};

/// An allocation's folders with files instead of FIFOs, and a driver that is configured.
struct Rig {
  static inline int number = 0;
  std::filesystem::path dir;
  sdk::TaskConfig task;
  Options options;
  PluginOptions plugin;
  Said said;
  std::unique_ptr<DockerDriver> driver;

  Rig() {
    const std::string alloc = "drv-" + std::to_string(::getpid()) + "-" + std::to_string(++number);
    dir = std::filesystem::temp_directory_path() / alloc;
    for (const char* folder : {"alloc/logs", "t/local", "t/secrets", "t/private"}) std::filesystem::create_directories(dir / folder);
    task.id = alloc + "/t/00000001";
    task.alloc_id = alloc;
    task.name = "t";
    task.node_id = "node-of-the-test";
    task.alloc_dir = dir;
    task.env = {{"NOMAD_ALLOC_DIR", "/alloc"}, {"NOMAD_TASK_DIR", "/local"}, {"NOMAD_SECRETS_DIR", "/secrets"}, {"GREETING", "hello world"}};
    task.resources.cpu_mhz = 100;
    task.resources.memory_mb = 32;
    task.stdout_path = dir / "out";
    task.stderr_path = dir / "err";
    std::ofstream(dir / "out");
    std::ofstream(dir / "err");
    options.image = "drover-test/box:1";
    configure();
  }
  ~Rig() {
    driver.reset();
    std::filesystem::remove_all(dir);
  }

  void configure() {
    DockerDriver::Settings settings;
    if (const char* host = std::getenv("DOCKER_HOST")) settings.env["DOCKER_HOST"] = host;
    driver = std::make_unique<DockerDriver>(settings);
    REQUIRE(driver->configure(plugin, {}).ok());
  }
  std::unique_ptr<DockerTask> start(const std::string& script) {
    options.command = "/bin/sh";
    options.args = {"-c", script};
    auto started = driver->start(task, options, said);
    INFO((started ? std::string() : started.error().message));
    REQUIRE(started.ok());
    return std::move(*started);
  }
  std::string text(const char* name) const {
    std::ifstream file(dir / name);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  /// What a task prints that ends by itself.
  std::string output(const std::string& script) {
    auto running = start(script);
    last = running->wait();
    CHECK(running->destroy().ok());
    return text("out");
  }
  sdk::Exit last;
};

/// A command in a container, gathered.
struct Ran {
  std::mutex mutex;
  std::condition_variable changed;
  std::string out;
  std::string err;
  std::optional<int> code;

  sdk::ExecSession::Handlers handlers() {
    return {[this](bool is_stderr, std::string_view bytes) {
              const std::lock_guard lock(mutex);
              (is_stderr ? err : out) += bytes;
              changed.notify_all();
            },
            [this](int exit, int) {
              const std::lock_guard lock(mutex);
              code = exit;
              changed.notify_all();
            }};
  }
  template <class Condition>
  bool until(Condition condition) {
    std::unique_lock lock(mutex);
    return changed.wait_for(lock, 30s, condition);
  }
  bool ended() {
    return until([this] { return code.has_value(); });
  }
};

}  // namespace

TEST_CASE("a container has the task's environment, folders and streams", "[.engine]") {
  Rig rig;
  std::ofstream(rig.dir / "t/local/file") << "from outside\n";

  CHECK(rig.output("echo $GREETING; cat /local/file; pwd; echo to-err >&2; echo x > /alloc/written; exit 3") == "hello world\nfrom outside\n/\n");

  CHECK(rig.last.code == 3);
  CHECK(rig.text("err") == "to-err\n");
  CHECK(rig.text("alloc/written") == "x\n");
  CHECK(rig.said.messages.empty());
  CHECK_FALSE(std::filesystem::exists(rig.dir / "t/private/docker/x"));
  CHECK(std::filesystem::is_empty(rig.dir / "t/private/docker"));
}

TEST_CASE("what is written without a line end comes too, and large output is whole", "[.engine]") {
  Rig rig;
  const std::string out = rig.output("i=0; while [ $i -lt 20000 ]; do echo \"line $i with some more bytes to be counted\"; i=$((i+1)); done; echo -n tail");
  std::string wanted;
  for (int i = 0; i < 20000; ++i) wanted += "line " + std::to_string(i) + " with some more bytes to be counted\n";
  CHECK(out == wanted + "tail");
}

TEST_CASE("user, folder, host name, terminal and read-only root", "[.engine]") {
  Rig rig;
  rig.task.user = "web";
  rig.options.work_dir = "/tmp";
  rig.options.hostname = "box";
  rig.options.tty = true;
  rig.options.readonly_rootfs = true;
  rig.options.mounts.push_back({"tmpfs", "/scratch"});
  CHECK(rig.output("id -u; pwd; hostname; tty; touch /x || echo refused; touch /scratch/x && echo written") ==
        "1000\r\n/tmp\r\nbox\r\n/dev/pts/0\r\ntouch: /x: Read-only file system\r\nrefused\r\nwritten\r\n");
}

TEST_CASE("a task killed for its memory says so", "[.engine]") {
  Rig rig;
  rig.output("x=a; while :; do x=$x$x; done");
  CHECK(rig.last.code == 137);
  CHECK(rig.last.oom_killed);
  CHECK(rig.last.error == "OOM Killed");
}

TEST_CASE("signals arrive, and stopping waits no longer than it is told", "[.engine]") {
  Rig rig;
  auto task = rig.start("trap 'echo usr1' USR1; trap 'echo term; exit 5' TERM; trap '' INT; echo ready; while :; do sleep 0.05; done");
  while (rig.text("out").find("ready") == std::string::npos) ::usleep(1000);
  CHECK(task->signal(SIGUSR1).ok());
  while (rig.text("out").find("usr1") == std::string::npos) ::usleep(1000);

  SECTION("a signal that is obeyed") {
    CHECK(task->stop(0, 20s).ok());
    CHECK(task->wait().code == 5);
    CHECK(rig.text("out") == "ready\nusr1\nterm\n");
  }
  SECTION("a signal that is ignored") {
    const auto before = std::chrono::steady_clock::now();
    CHECK(task->stop(SIGINT, 300ms).ok());
    CHECK(task->wait().code == 137);
    CHECK(std::chrono::steady_clock::now() - before < 15s);
  }
  CHECK(task->stop(0, 1s).ok());  // over already
  CHECK(task->destroy().ok());
}

TEST_CASE("commands in a container: output, code, input, terminal", "[.engine]") {
  Rig rig;
  auto task = rig.start("while :; do sleep 1; done");

  SECTION("both streams and the code") {
    Ran ran;
    auto session = task->exec({{"/bin/sh", "-c", "echo out; echo err >&2; exit 9"}, false}, ran.handlers()).value();
    REQUIRE(ran.ended());
    CHECK(ran.out == "out\n");
    CHECK(ran.err == "err\n");
    CHECK(ran.code == 9);
  }
  SECTION("ten megabytes, byte for byte") {
    Ran ran;
    auto session = task->exec({{"/bin/sh", "-c", "head -c 10000000 /dev/zero"}, false}, ran.handlers()).value();
    REQUIRE(ran.ended());
    CHECK(ran.out == std::string(10'000'000, '\0'));
  }
  SECTION("input to its end") {
    Ran ran;
    auto session = task->exec({{"/bin/sh", "-c", "cat; echo done"}, false}, ran.handlers()).value();
    const std::string input(300'000, 'x');
    CHECK(session->write_stdin(input).ok());
    session->close_stdin();
    REQUIRE(ran.ended());
    CHECK(ran.out == input + "done\n");
    CHECK(ran.code == 0);
  }
  SECTION("a terminal with a size") {
    Ran ran;
    auto session = task->exec({{"/bin/sh", "-c", "read x; stty size; exit 4"}, true}, ran.handlers()).value();
    CHECK(session->resize(33, 77).ok());
    CHECK(session->write_stdin("go\n").ok());
    REQUIRE(ran.ended());
    CHECK(ran.out.find("33 77\r\n") != std::string::npos);
    CHECK(ran.code == 4);
  }
  SECTION("a command that is not there") {
    Ran ran;
    auto session = task->exec({{"/no/such", "x"}, false}, ran.handlers());
    if (session) REQUIRE(ran.ended());
    CHECK((!session || ran.code != 0));
  }
  SECTION("one that is killed leaves nothing behind") {
    Ran ran;
    auto session = task->exec({{"/bin/sh", "-c", "echo on; sleep 1000"}, false}, ran.handlers()).value();
    REQUIRE(ran.until([&ran] { return !ran.out.empty(); }));
    session.reset();
    CHECK(ran.ended());
    Ran look;  // dying takes a moment
    constexpr const char* count = "for i in $(seq 50); do n=$(grep -l -a 'slee[p].1000' /proc/[0-9]*/cmdline | grep -v $$ | wc -l); "
                                  "[ $n = 0 ] && break; sleep 0.1; done; echo $n";
    auto other = task->exec({{"/bin/sh", "-c", count}, false}, look.handlers()).value();
    REQUIRE(look.ended());
    CHECK(look.out == "0\n");
  }
  CHECK(task->destroy().ok());
}

TEST_CASE("what a container uses is measured", "[.engine]") {
  Rig rig;
  auto task = rig.start("while :; do :; done");
  const auto usage = task->usage();
  REQUIRE(usage.ok());
  CHECK(usage->total.cpu.percent > 1);
  CHECK(usage->total.memory.usage > 0);
  CHECK(task->stop(0, 0s).ok());
  CHECK_FALSE(task->usage().ok());
  CHECK(task->destroy().ok());
}

TEST_CASE("another process of the driver finds the container, its lines and its end", "[.engine]") {
  Rig rig;
  auto task = rig.start("i=0; while [ $i -lt 100 ]; do echo $i; i=$((i+1)); sleep 0.01; done; exit 21");
  while (rig.text("out").find("5\n") == std::string::npos) ::usleep(1000);
  const std::string checkpoint = task->checkpoint();
  task.reset();  // as if we had died: nothing is watched any more
  ::usleep(300'000);
  rig.configure();

  auto found = rig.driver->recover(rig.task, rig.options, checkpoint).value();

  CHECK(found->wait().code == 21);
  std::string wanted;
  for (int i = 0; i < 100; ++i) wanted += std::to_string(i) + "\n";
  CHECK(rig.text("out") == wanted);
  CHECK(found->destroy().ok());
  CHECK(rig.driver->recover(rig.task, rig.options, checkpoint).error().code == Code::not_found);
  CHECK_FALSE(rig.driver->recover(rig.task, rig.options, "nonsense").ok());
}

TEST_CASE("a start whose answer was lost does not run beside the next one", "[.engine]") {
  Rig rig;
  const std::string lost = rig.start("while :; do sleep 1; done")->attributes().at("container_id");
  rig.configure();
  rig.task.id += "-again";

  auto task = rig.start("exit 0");

  CHECK(task->wait().success());
  CHECK(task->attributes().at("container_id") != lost);
  CHECK(task->destroy().ok());
  Rig other;
  CHECK(rig.driver->recover(rig.task, rig.options, Checkpoint{lost, "x"}.encode()).error().code == Code::not_found);
}

TEST_CASE("a command that the image does not have ends the task at once, and leaves no container", "[.engine]") {
  Rig rig;
  rig.options.command = "/no/such/program";
  const auto started = rig.driver->start(rig.task, rig.options, rig.said);
  REQUIRE_FALSE(started.ok());
  CHECK(started.error().code == Code::invalid);
  CHECK(started.error().message.find("/no/such/program") != std::string::npos);
  rig.options.command = "/bin/true";
  auto next = rig.driver->start(rig.task, rig.options, rig.said);
  REQUIRE(next.ok());
  CHECK((*next)->wait().success());
  CHECK((*next)->destroy().ok());
}

TEST_CASE("limits are the container's", "[.engine]") {
  Rig rig;
  rig.options.memory_hard_limit = 48;
  rig.options.pids_limit = 50;
  rig.options.ulimit = {{"nofile", "100:200"}};
  rig.options.shm_size = 1 << 20;
  rig.options.cap_drop = {"all"};
  const std::string out = rig.output(
      "ulimit -n; ulimit -Hn; grep CapEff /proc/self/status; cat /sys/fs/cgroup/memory/memory.limit_in_bytes /sys/fs/cgroup/memory.max 2>/dev/null; "
      "cat /sys/fs/cgroup/pids/pids.max /sys/fs/cgroup/pids.max 2>/dev/null");
  CHECK(out == "100\n200\nCapEff:\t0000000000000000\n50331648\n50\n");
}

TEST_CASE("the end of a container that was removed from outside is told", "[.engine]") {
  Rig rig;
  auto task = rig.start("while :; do sleep 1; done");
  const std::string id = task->attributes().at("container_id");
  Engine engine(*parse_endpoint(std::getenv("DOCKER_HOST")));
  CHECK(engine.remove(id).ok());
  const sdk::Exit exit = task->wait();
  CHECK_FALSE(exit.success());
  CHECK(task->destroy().ok());
}

}  // namespace drover::docker
