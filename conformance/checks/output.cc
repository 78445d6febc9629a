// A task's output, environment and folders.
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "conformance/check.h"

namespace drover::conformance {
namespace output_part {

constexpr std::size_t burst_lines = 100'000;
constexpr Duration burst_max = 60s;

Result<std::unique_ptr<Task>> ended(Bench& bench, const std::string& script, const std::function<void(Task&)>& prepare = nullptr) {
  DROVER_LET(Driver * driver, bench.driver());
  std::unique_ptr<Task> task = bench.task(bench.fixture().shell(script));
  if (prepare) prepare(*task);
  DROVER_TRY(task->start());
  const auto end = driver->wait(task->id(), burst_max);
  EXPECT(end.ok(), "WaitTask: {}", shown(end.status));
  EXPECT(task->output_ends_within(10s), "its output does not end");
  return task;
}

Result<void> prints_exactly(Bench& bench, const std::string& script, const std::string& wanted, const std::function<void(Task&)>& prepare = nullptr) {
  DROVER_LET(const auto task, ended(bench, script, prepare));
  EXPECT(task->output() == wanted, "it printed \"{}\" and \"{}\"", task->output().substr(0, 100), task->errors().substr(0, 100));
  return {};
}

Result<void> burst(Bench& bench) {
  DROVER_LET(const auto task, ended(bench, "i=0; while [ $i -lt " + std::to_string(burst_lines) + " ]; do echo \"line $i of a long burst of output\"; i=$((i+1)); done"));
  const std::string output = task->output();
  std::size_t at = 0;
  for (std::size_t i = 0; i < burst_lines; ++i) {
    const std::string line = "line " + std::to_string(i) + " of a long burst of output\n";
    EXPECT(output.compare(at, line.size(), line) == 0, "line {} is missing or not in order", i);
    at += line.size();
  }
  EXPECT(at == output.size(), "there are {} bytes too many", output.size() - at);
  return {};
}

Result<void> sees_environment(Bench& bench, const std::string& name, const std::string& value) {
  DROVER_LET(const auto task, ended(bench, "printf %s \"$" + name + "\" | wc -c; printf %s \"${" + name + "-unset}\" | head -c 40", [&](Task& made) { (*made.config.mutable_env())[name] = value; }));
  const std::string wanted = std::to_string(value.size()) + "\n" + value.substr(0, 40);
  EXPECT(task->output() == wanted, "it saw {}", task->output().substr(0, 100));
  return {};
}

Result<void> writes_into(Bench& bench, const std::string& variable, const std::string& folder) {
  DROVER_LET(const auto task, ended(bench, "echo hello > \"$" + variable + "/from-task\" && echo done"));
  std::ifstream file((folder.starts_with("alloc") ? task->config.alloc_dir() : task->folder()) + "/" + folder + "/from-task");
  std::string word;
  file >> word;
  EXPECT(word == "hello", "the file is not there; it printed {} {}", task->output(), task->errors().substr(0, 200));
  return {};
}

}  // namespace output_part

std::vector<Check> output_checks() {
  using namespace output_part;
  return {
      {"output.standard", Level::process, Must::must, shell, "What a task prints arrives in its standard output",
       [](Bench& bench) { return prints_exactly(bench, "echo hello", "hello\n"); }},
      {"output.error", Level::process, Must::must, shell, "What a task prints to standard error arrives there, and only there",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto task, ended(bench, "echo out; echo err >&2"));
         EXPECT(task->output() == "out\n" && task->errors() == "err\n", "out \"{}\", err \"{}\"", task->output(), task->errors());
         return {};
       }},
      {"output.binary", Level::process, Must::must, shell, "Output is bytes: zeros and what is no UTF-8 arrive unchanged",
       [](Bench& bench) { return prints_exactly(bench, "printf 'a\\000b\\377\\r\\nc'", std::string("a\0b\xff\r\nc", 7)); }},
      {"output.no-newline", Level::process, Must::must, shell, "Output without a last newline arrives", [](Bench& bench) { return prints_exactly(bench, "printf end", "end"); }},
      {"output.burst", Level::process, Must::must, shell, "Megabytes printed at once arrive complete and in order", burst},
      {"output.short-task", Level::process, Must::must, shell, "The output of a task that ends at once arrives",
       [](Bench& bench) -> Result<void> {
         for (int i = 0; i < 10; ++i) DROVER_TRY(prints_exactly(bench, "echo quick", "quick\n"));
         return {};
       }},
      {"output.at-once", Level::process, Must::must, shell, "Output arrives while the task runs, not only at its end",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto task, bench.started(bench.fixture().shell("echo early; sleep 1000")));
         EXPECT(task->prints("early", 5s), "it has not");
         return {};
       }},
      {"output.not-closed", Level::process, Must::must, shell, "The output stays open as long as the task runs",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto task, bench.started(bench.fixture().shell("echo early; sleep 1000")));
         EXPECT(task->prints("early", 5s), "it printed nothing");
         EXPECT(!task->output_ends_within(700ms), "it was closed");
         return {};
       }},
      {"output.closed", Level::process, Must::must, shell, "After the end of the task nobody holds its output open",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto task, ended(bench, "echo hello"));
         return {};
       }},
      {"output.null", Level::process, Must::must, shell, "Output may be the null device",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         const auto task = bench.task(bench.fixture().shell("echo lost; echo lost >&2; exit 5"));
         task->config.set_stdout_path("/dev/null");
         task->config.set_stderr_path("/dev/null");
         DROVER_TRY(task->start());
         const int code = driver->wait(task->id()).message.result().exit_code();
         EXPECT(code == 5, "the exit code is {}", code);
         return {};
       }},
      {"output.slow-reader", Level::process, Must::must, shell, "When nobody reads a task's output, the driver's other calls are answered",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         const auto task = bench.task(bench.fixture().shell("while :; do echo 'more and more and more and more'; done"));
         task->pause_reading();
         DROVER_TRY(task->start());
         driver->process().ends_within(500ms);
         EXPECT(driver->raw("TaskConfigSchema", "", 3s).status.ok(), "TaskConfigSchema is not");
         EXPECT(driver->inspect(task->id()).ok(), "InspectTask is not");
         EXPECT(driver->stop(task->id(), 1s).ok(), "StopTask is not");
         return {};
       }},
      {"output.same-pipes", Level::process, Must::must, shell, "A task that is started again prints into the same files",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         DROVER_LET(const auto task, ended(bench, "echo once"));
         driver->destroy(task->id(), true);
         task->new_start_id();
         DROVER_TRY(task->start());
         driver->wait(task->id());
         for (int i = 0; i < 100 && task->output() != "once\nonce\n"; ++i) driver->process().ends_within(20ms);
         EXPECT(task->output() == "once\nonce\n", "it printed {}", task->output());
         return {};
       }},
      {"environment.seen", Level::process, Must::must, shell, "The task sees the environment it is given", [](Bench& bench) { return sees_environment(bench, "GREETING", "hello world"); }},
      {"environment.empty", Level::process, Must::must, shell, "The task sees variables with an empty value",
       [](Bench& bench) { return prints_exactly(bench, "echo \"${EMPTY-unset}\"", "\n", [](Task& task) { (*task.config.mutable_env())["EMPTY"] = ""; }); }},
      {"environment.odd", Level::process, Must::must, shell, "Values with quotes, newlines and umlauts arrive unchanged", [](Bench& bench) { return sees_environment(bench, "ODD", "a \"b\" 'c' $d\n\xc3\xbc"); }},
      {"environment.large", Level::process, Must::must, shell, "A value of 100 KiB arrives", [](Bench& bench) { return sees_environment(bench, "LARGE", std::string(100 << 10, 'x')); }},
      {"environment.no-cookie", Level::process, Must::must, shell, "The task does not see the plugin's own environment",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto task, ended(bench, "env"));
         EXPECT(task->output().find("PLUGIN_") == std::string::npos, "it sees the handshake's variables");
         return {};
       }},
      {"folders.alloc", Level::process, Must::must, shell, "The task can write into NOMAD_ALLOC_DIR, and the host sees it", [](Bench& bench) { return writes_into(bench, "NOMAD_ALLOC_DIR", "alloc"); }},
      {"folders.local", Level::process, Must::must, shell, "The task can write into NOMAD_TASK_DIR, and the host sees it", [](Bench& bench) { return writes_into(bench, "NOMAD_TASK_DIR", "local"); }},
      {"folders.secrets", Level::process, Must::must, shell, "The task can write into NOMAD_SECRETS_DIR, and the host sees it", [](Bench& bench) { return writes_into(bench, "NOMAD_SECRETS_DIR", "secrets"); }},
      {"task.no-descriptors", Level::process, Must::must, shell, "The task inherits no descriptor but its standard three",
       [](Bench& bench) { return prints_exactly(bench, "exec ls /proc/self/fd", "0\n1\n2\n3\n"); }},
      {"task.no-input", Level::process, Must::must, shell, "The task's standard input is at its end", [](Bench& bench) { return prints_exactly(bench, "cat; echo end", "end\n"); }},
      {"task.signals-default", Level::process, Must::must, shell, "The task ignores and blocks no signal",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(const auto task, ended(bench, "grep -E '^Sig(Blk|Ign):' /proc/self/status"));
         const std::string output = task->output();
         EXPECT(output.find("SigBlk:\t0000000000000000") != std::string::npos, "it blocks: {}", output);
         // 32 and 33 are the C library's own: whoever started the judge may have left them ignored.
         const bool ignores = output.find("SigIgn:\t0000000000000000") == std::string::npos && output.find("SigIgn:\t0000000180000000") == std::string::npos;
         EXPECT(!ignores, "it ignores: {}", output);
         return {};
       }},
      {"task.user", Level::isolation, Must::must, shell | host_files, "A task with a user runs as that user",
       [](Bench& bench) { return prints_exactly(bench, "id -un", "nobody\n", [](Task& task) {
           task.config.set_user("nobody");
           ::chmod(task.config.stdout_path().c_str(), 0666);
           ::chmod(task.config.stderr_path().c_str(), 0666);
           ::chmod(task.folder().c_str(), 0777);
         }); }},
      {"task.unknown-user", Level::isolation, Must::must, shell, "A task with a user that does not exist is refused, or ends with an error",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         const auto task = bench.task(bench.fixture().shell("id -un; exit 0"));
         task->config.set_user("no-such-user-here");
         if (!task->start().ok()) return {};
         const auto end = driver->wait(task->id()).message;
         EXPECT(end.result().exit_code() != 0 || !end.err().empty(), "it ran, as {}", task->output());
         return {};
       }},
      {"task.memory", Level::isolation, Must::should, shell, "A task that uses more memory than its limit is killed, and OOM is said",
       [](Bench& bench) -> Result<void> {
         DROVER_LET(Driver * driver, bench.driver());
         const auto task = bench.task(bench.fixture().shell("exec tail -c 300000000 /dev/zero"));
         task->config.mutable_resources()->mutable_allocated_resources()->mutable_memory()->set_memory_mb(32);
         task->config.mutable_resources()->mutable_linux_resources()->set_memory_limit_bytes(32 << 20);
         DROVER_TRY(task->start());
         const auto end = driver->wait(task->id(), 15s);
         EXPECT(end.ok() && end.message.result().oom_killed(), "{}", end.ok() ? "oom_killed is not set" : "it goes on");
         return {};
       }},
  };
}

}  // namespace drover::conformance
