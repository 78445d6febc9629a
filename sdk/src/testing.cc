#include <drover/testing.h>

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <mutex>
#include <thread>

#include "base/msgpack/msgpack.h"
#include "base/value/value.h"
#include "sdk/src/schema.h"

namespace drover::sdk::testing {
namespace {

namespace fs = std::filesystem;

constexpr auto end_max = std::chrono::seconds(10);  // of a task that was killed

Value value_of(const Options& options);

Value value_of(const Option& option) {
  return std::visit(
      [](const auto& held) -> Value {
        using Held = std::decay_t<decltype(held)>;
        if constexpr (std::is_same_v<Held, std::vector<Option>>) {
          Value list = Value::list();
          for (const Option& item : held) list.push(value_of(item));
          return list;
        } else if constexpr (std::is_same_v<Held, Options>) {
          return value_of(held);
        } else {
          return held;
        }
      },
      option.data);
}

Value value_of(const Options& options) {
  Value map = Value::map();
  for (const auto& [name, option] : options) map.set(name, value_of(option));
  return map;
}

/// An agent refuses what the schema does not know before the driver sees it.
Result<void> check_names(const ConfigSchema& schema, const Value& value, const std::string& path) {
  if (!value.is_map()) return fail(Code::invalid, "{}: expected a block, found {}", path, to_text(value.kind()));
  for (const auto& [name, member] : value.members()) {
    const auto named = [&wanted = name](const ConfigField& field) { return field.name == wanted; };
    const auto field = std::find_if(schema.fields.begin(), schema.fields.end(), named);
    if (field == schema.fields.end()) return fail(Code::invalid, "{}: no argument or block is named '{}'", path, name);
    if (field->kind == ConfigField::Kind::block) DROVER_TRY(check_names(*field->nested, member, path + "." + name));
    if (field->kind != ConfigField::Kind::block_list || !member.is_list()) continue;
    for (const Value& item : member.items()) DROVER_TRY(check_names(*field->nested, item, path + "." + name));
  }
  return {};
}

/// What a thread of the driver tells, and the test waits for.
template <class T>
class Told {
 public:
  void tell(T value) {
    const std::lock_guard lock(mutex_);
    if (!value_) value_ = std::move(value);
    changed_.notify_all();
  }
  T wait() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return value_.has_value(); });
    return *value_;
  }
  std::optional<T> wait_for(Duration limit) {
    std::unique_lock lock(mutex_);
    changed_.wait_for(lock, limit, [this] { return value_.has_value(); });
    return value_;
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::optional<T> value_;
};

/// The author's object, and how it is learnt that it has ended.
class Followed {
 public:
  explicit Followed(std::shared_ptr<Task> task) : task_(std::move(task)) {
    const auto ended = [told = told_](const Exit& exit) { told->tell(exit); };
    if (!task_->on_exit(ended)) thread_ = std::thread([task = task_, ended] { ended(task->wait()); });
  }
  Followed(const Followed&) = delete;
  Followed& operator=(const Followed&) = delete;
  ~Followed() {
    if (!thread_.joinable()) return;
    // A wait() that never returns is the author's: the test goes on and tells something else.
    if (told_->wait_for(end_max)) thread_.join();
    else thread_.detach();
  }

  const std::shared_ptr<Task>& task() const { return task_; }
  Told<Exit>& ending() const { return *told_; }

 private:
  std::shared_ptr<Task> task_;
  std::shared_ptr<Told<Exit>> told_ = std::make_shared<Told<Exit>>();
  std::thread thread_;
};

/// The messages of all tasks, from any thread.
class Collected final : public Events {
 public:
  void emit(const TaskConfig& task, std::string message, std::map<std::string, std::string>) override {
    const std::lock_guard lock(mutex_);
    messages_[task.id].push_back(std::move(message));
  }
  std::vector<std::string> of(const std::string& id) const {
    const std::lock_guard lock(mutex_);
    const auto found = messages_.find(id);
    return found == messages_.end() ? std::vector<std::string>() : found->second;
  }

 private:
  mutable std::mutex mutex_;
  std::map<std::string, std::vector<std::string>> messages_;
};

std::string contents(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

class RunningTask final : public Running {
 public:
  RunningTask(TaskConfig config, std::shared_ptr<Task> task, const Collected& events) : config_(std::move(config)), checkpoint_(task->checkpoint()), events_(events) {
    followed_.push_back(std::make_unique<Followed>(std::move(task)));
  }
  ~RunningTask() override { static_cast<void>(destroy()); }

  const TaskConfig& config() const override { return config_; }
  Task& task() override { return *now().task(); }
  Exit wait() override { return now().ending().wait(); }
  std::optional<Exit> wait_for(Duration limit) override { return now().ending().wait_for(limit); }

  Result<void> stop(int signal, Duration grace) override {
    if (wait_for(Duration::zero())) return {};
    DROVER_TRY(task().stop(signal, grace));
    if (!wait_for(end_max)) return fail(Code::timeout, "stop() returned, but the task has not ended");
    return {};
  }

  Result<void> destroy() override {
    if (destroyed_) return {};
    DROVER_TRY(stop(0, Duration::zero()));
    destroyed_ = true;
    return task().destroy();
  }

  Result<void> signal(int number) override {
    auto* target = dynamic_cast<TakesSignals*>(&task());
    if (target == nullptr) return fail(Code::unsupported, "the task takes no signals");
    return target->signal(number);
  }
  Result<TaskUsage> usage() override {
    auto* source = dynamic_cast<HasUsage*>(&task());
    if (source == nullptr) return fail(Code::unsupported, "the task does not measure what it uses");
    return source->usage();
  }

  Result<ExecResult> exec(std::vector<std::string> argv) override {
    auto* runner = dynamic_cast<RunsCommands*>(&task());
    if (runner == nullptr) return fail(Code::unsupported, "the task runs no commands");
    ExecResult result;  // handlers come one at a time, the last one before `ended`
    Told<bool> ended;
    ExecSession::Handlers handlers;
    handlers.output = [&result](bool is_stderr, std::string_view bytes) { (is_stderr ? result.errors : result.output) += bytes; };
    handlers.exited = [&result, &ended](int code, int signal) {
      result.code = code;
      result.signal = signal;
      ended.tell(true);
    };
    DROVER_LET(const std::unique_ptr<ExecSession> session, runner->exec({std::move(argv), false}, handlers));
    session->close_stdin();
    ended.wait();
    return result;
  }

  std::string output() const override { return contents(config_.stdout_path); }
  std::string errors() const override { return contents(config_.stderr_path); }
  std::vector<std::string> events() const override { return events_.of(config_.id); }

  Result<void> recover(Driver& driver) {
    if (destroyed_) return {};
    DROVER_LET(const Value options, msgpack::decode(config_.config_msgpack));
    DROVER_LET(std::shared_ptr<Task> found, driver.recover_task(config_, config_root(options), checkpoint_));
    followed_.push_back(std::make_unique<Followed>(std::move(found)));
    return {};
  }

 private:
  Followed& now() { return *followed_.back(); }

  const TaskConfig config_;
  const std::string checkpoint_;
  const Collected& events_;
  bool destroyed_ = false;
  std::vector<std::unique_ptr<Followed>> followed_;  ///< those of killed drivers, then the one of today
};

}  // namespace

class Host::Impl {
 public:
  explicit Impl(Driver& driver) : driver_(&driver) {
    char name[] = "/tmp/drover-test-XXXXXX";
    DROVER_ASSERT(::mkdtemp(name) != nullptr);
    folder_ = name;
    ::chmod(name, 0755);  // tasks may run as other users
  }
  ~Impl() {
    tasks_.clear();
    std::error_code ignored;
    fs::remove_all(folder_, ignored);
  }

  Result<void> configure(const Options& options, const NodeFacts& node) {
    const Value value = value_of(options);
    DROVER_TRY(check_names(driver_->plugin_schema(), value, "config"));
    return driver_->set_config(config_root(value), node);
  }

  TaskConfig task_config(const std::string& name) {
    TaskConfig config;
    config.name = name;
    config.alloc_id = text("7e57a110-0000-4000-8000-{}", 100'000'000'000 + ++number_);
    config.id = text("{}/{}/{}", config.alloc_id, name, number_);
    config.job_id = config.job_name = "job";
    config.group_name = "group";
    config.namespace_name = "default";
    config.node_name = "test";
    config.alloc_dir = text("{}/{}", folder_, number_);
    for (const char* part : {"logs", "tmp", "data"}) fs::create_directories(config.shared_dir() + "/" + part);
    for (const char* part : {"local", "secrets", "private", "tmp"}) fs::create_directories(config.task_dir() + "/" + part);
    config.env = {{"PATH", "/usr/local/bin:/usr/bin:/bin"},
                  {"NOMAD_ALLOC_ID", config.alloc_id},
                  {"NOMAD_TASK_NAME", name},
                  {"NOMAD_ALLOC_DIR", config.shared_dir()},
                  {"NOMAD_TASK_DIR", config.task_dir() + "/local"},
                  {"NOMAD_SECRETS_DIR", config.task_dir() + "/secrets"}};
    config.resources.cpu_mhz = 100;
    config.resources.memory_mb = 64;
    config.resources.memory_limit_bytes = 64LL << 20;
    config.stdout_path = config.shared_dir() + "/logs/" + name + ".stdout";
    config.stderr_path = config.shared_dir() + "/logs/" + name + ".stderr";
    for (const std::string& path : {config.stdout_path, config.stderr_path}) std::ofstream(path).close();
    return config;
  }

  Result<Running*> start(TaskConfig config, const Options& options) {
    config.config_msgpack = msgpack::encode(value_of(options));
    DROVER_LET(const Value decoded, msgpack::decode(config.config_msgpack));
    DROVER_TRY(check_names(driver_->task_schema(), decoded, "config"));
    DROVER_LET(std::shared_ptr<Task> task, driver_->start_task(config, config_root(decoded), events_));
    tasks_.push_back(std::make_unique<RunningTask>(std::move(config), std::move(task), events_));
    return tasks_.back().get();
  }

  Result<void> restart(Driver& next) {
    for (const auto& task : tasks_) {
      if (const Result<void> found = task->recover(next); !found) return found.error().within(task->config().id);
    }
    driver_ = &next;
    return {};
  }

  const std::string& folder() const { return folder_; }

 private:
  Driver* driver_;
  std::string folder_;
  std::int64_t number_ = 0;
  Collected events_;
  std::vector<std::unique_ptr<RunningTask>> tasks_;
};

Host::Host(Driver& driver) : impl_(std::make_unique<Impl>(driver)) {}
Host::~Host() = default;

Result<void> Host::configure(const Options& options, const NodeFacts& node) { return impl_->configure(options, node); }
TaskConfig Host::task_config(const std::string& name) { return impl_->task_config(name); }
Result<Running*> Host::start(const Options& options) { return impl_->start(impl_->task_config("task"), options); }
Result<Running*> Host::start(const TaskConfig& config, const Options& options) { return impl_->start(config, options); }
Result<void> Host::restart(Driver& next) { return impl_->restart(next); }
const std::string& Host::folder() const { return impl_->folder(); }

}  // namespace drover::sdk::testing
