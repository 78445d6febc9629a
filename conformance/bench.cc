#include "conformance/bench.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <condition_variable>
#include <cstdio>
#include <filesystem>
#include <mutex>
#include <thread>

#include "base/msgpack/msgpack.h"
#include "sdk/host/spec.h"

namespace drover::conformance {
namespace {

namespace fs = std::filesystem;
constexpr int poll_ms = 20;

/// The reading end of one FIFO, read by a thread.
class Pipe {
 public:
  explicit Pipe(const std::string& path) {
    ::mkfifo(path.c_str(), 0600);
    fd_ = ::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC);
    thread_ = std::thread([this] { read(); });
  }
  ~Pipe() {
    over_ = true;
    thread_.join();
    ::close(fd_);
  }

  std::string text() const {
    const std::lock_guard lock(mutex_);
    return text_;
  }
  bool wait(Duration limit, const std::function<bool(const std::string&, bool ended)>& wanted) const {
    std::unique_lock lock(mutex_);
    return changed_.wait_for(lock, limit, [this, &wanted] { return wanted(text_, ended_); });
  }
  std::atomic<bool> paused = false;

 private:
  void read() {
    std::array<char, 65536> chunk;
    bool had_writer = false;
    while (!over_) {
      pollfd wait{fd_, static_cast<short>(paused ? 0 : POLLIN), 0};
      ::poll(&wait, 1, poll_ms);
      if (paused) continue;
      const ssize_t got = ::read(fd_, chunk.data(), chunk.size());
      const bool writer = got > 0 || (got < 0 && errno == EAGAIN);
      // A writer that came and went between two looks leaves its hang-up, which poll() tells.
      had_writer = had_writer || writer || (wait.revents & POLLHUP) != 0;
      const std::lock_guard lock(mutex_);
      if (got > 0) text_.append(chunk.data(), static_cast<std::size_t>(got));
      ended_ = had_writer && got == 0;
      changed_.notify_all();
      if (got == 0) std::this_thread::sleep_for(std::chrono::milliseconds(2));  // poll() does not wait at the end of a FIFO
    }
  }

  int fd_ = -1;
  std::thread thread_;
  std::atomic<bool> over_ = false;
  mutable std::mutex mutex_;
  mutable std::condition_variable changed_;
  std::string text_;
  bool ended_ = false;
};

}  // namespace

struct Task::Pipes {
  Pipes(const std::string& out_path, const std::string& err_path) : out(out_path), err(err_path) {}
  Pipe out, err;
};

Task::Task(Bench& bench, std::string name) : bench_(bench) {
  const std::string alloc_id = bench.unique(bench.setup().alloc_prefix);
  const std::string alloc = bench.setup().folder + "/" + alloc_id.substr(alloc_id.size() - 8);
  config.set_name(name);
  config.set_alloc_id(alloc_id);
  config.set_alloc_dir(alloc);
  config.set_task_group_name("group");
  config.set_job_id("job");
  config.set_job_name("job");
  config.set_namespace_("default");
  config.set_node_id("5f0e0000-0000-4000-8000-000000000001");
  config.set_node_name("judge");
  new_start_id();
  for (const char* part : {"alloc/logs", "alloc/tmp", "alloc/data"}) fs::create_directories(alloc + "/" + part);
  for (const char* part : {"local", "secrets", "private", "tmp"}) fs::create_directories(folder() + "/" + part);
  ::chmod(alloc.c_str(), 0755);

  auto& env = *config.mutable_env();
  env["PATH"] = "/usr/local/bin:/usr/bin:/bin";
  env["NOMAD_ALLOC_ID"] = alloc_id;
  env["NOMAD_TASK_NAME"] = name;
  env["NOMAD_ALLOC_DIR"] = alloc + "/alloc";
  env["NOMAD_TASK_DIR"] = folder() + "/local";
  env["NOMAD_SECRETS_DIR"] = folder() + "/secrets";
  auto& resources = *config.mutable_resources();
  resources.mutable_allocated_resources()->mutable_cpu()->set_cpu_shares(100);
  resources.mutable_allocated_resources()->mutable_memory()->set_memory_mb(128);
  resources.mutable_linux_resources()->set_cpu_shares(100);
  resources.mutable_linux_resources()->set_memory_limit_bytes(128LL << 20);
  resources.mutable_linux_resources()->set_percentticks(0.01);

  config.set_stdout_path(alloc + "/alloc/logs/." + name + ".stdout.fifo");
  config.set_stderr_path(alloc + "/alloc/logs/." + name + ".stderr.fifo");
  pipes_ = std::make_unique<Pipes>(config.stdout_path(), config.stderr_path());
}

Task::~Task() {
  read_on();
  if (bench_.driver_ != nullptr && bench_.driver_->alive()) bench_.driver_->destroy(id(), true);
  pipes_ = nullptr;
  std::error_code ignored;
  fs::remove_all(config.alloc_dir(), ignored);
}

void Task::new_start_id() {
  const std::string suffix = bench_.unique("");
  config.set_id(config.alloc_id() + "/" + config.name() + "/" + suffix);
}

Result<void> Task::start(Driver& driver) {
  const auto answer = driver.start(config, std::chrono::seconds(bench_.fixture().start_seconds) + call_max);
  if (!answer.ok()) return fail(Code::invalid, "StartTask: {}", shown(answer.status));
  handle = answer.message.handle();
  return {};
}

Result<void> Task::start() {
  DROVER_LET(Driver * driver, bench_.driver());
  return start(*driver);
}

std::string Task::output() const { return pipes_->out.text(); }
std::string Task::errors() const { return pipes_->err.text(); }

bool Task::prints(const std::string& text, Duration limit) const {
  return pipes_->out.wait(limit, [&text](const std::string& seen, bool) { return seen.find(text) != std::string::npos; });
}

bool Task::output_ends_within(Duration limit) const {
  const auto ended = [](const std::string&, bool its_end) { return its_end; };
  return pipes_->out.wait(limit, ended) && pipes_->err.wait(limit, ended);
}

void Task::pause_reading() { pipes_->out.paused = pipes_->err.paused = true; }
void Task::read_on() { pipes_->out.paused = pipes_->err.paused = false; }

LaunchHow Bench::how() const {
  LaunchHow made;
  made.program = setup_.program;
  made.args = setup_.args;
  made.env = handshake_env(setup_.folder);
  for (const auto& [name, value] : setup_.env) made.env[name] = value;
  return made;
}

Result<std::unique_ptr<Driver>> Bench::unconfigured() { return Driver::launch(how()); }

Result<std::unique_ptr<Driver>> Bench::fresh() {
  DROVER_LET(std::unique_ptr<Driver> made, unconfigured());
  DROVER_TRY(configure(*made));
  return made;
}

std::string Bench::encoded_driver_config(Driver& driver) {
  const auto schema = driver.config_schema();
  if (!schema.ok() || !schema.message.has_spec()) return {};
  const Result<Value> value = host::apply_spec(schema.message.spec(), fixture().driver_config, "config");
  return value ? msgpack::encode(*value) : std::string();
}

Result<void> Bench::configure(Driver& driver) {
  const auto set = driver.set_config(encoded_driver_config(driver));
  if (!set.ok()) return fail(Code::invalid, "SetConfig: {}", shown(set.status));
  return {};
}

Result<Driver*> Bench::driver() {
  if (driver_ != nullptr && driver_->alive()) return driver_.get();
  DROVER_LET(driver_, fresh());
  return driver_.get();
}

Result<std::string> Bench::encoded(const Value& config) {
  if (schema_.empty()) {
    DROVER_LET(Driver * asked, driver());
    const auto answer = asked->task_schema();
    if (!answer.ok()) return fail(Code::invalid, "TaskConfigSchema: {}", shown(answer.status));
    schema_ = answer.message.SerializeAsString();
  }
  pb::TaskConfigSchemaResponse schema;
  schema.ParseFromString(schema_);
  DROVER_LET(const Value value, host::apply_spec(schema.spec(), config, "config"));
  return msgpack::encode(value);
}

std::unique_ptr<Task> Bench::task(const Value& config) {
  auto made = std::make_unique<Task>(*this, "task");
  // A configuration that its own schema refuses is the fixture's mistake; the driver will say so at the start.
  made->config.set_msgpack_driver_config(encoded(config).value_or(msgpack::encode(config)));
  return made;
}

Result<std::unique_ptr<Task>> Bench::started(const Value& config) {
  std::unique_ptr<Task> made = task(config);
  DROVER_TRY(made->start());
  return made;
}

std::string Bench::unique(const std::string& prefix) {
  char text[16];
  std::snprintf(text, sizeof text, "%08x", static_cast<unsigned>(++number_ * 65536 + (::getpid() & 0xffff)));
  return prefix + text;
}

}  // namespace drover::conformance
