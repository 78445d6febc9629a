// How a task of a TaskRunner begins: adopted from an earlier agent, or started anew.
#include <algorithm>

#include "agent/alloc/events.h"
#include "agent/alloc/task_config.h"
#include "agent/alloc/task_runner.h"
#include "model/proto/alloc.pb.h"
#include "model/proto/node.pb.h"

namespace drover::agent {
namespace {

/// How long to wait before the next try to recover a task whose driver cannot be reached, when nothing wakes us before.
constexpr Duration recover_retry = 5s;
/// A start waits so long for a driver that is being launched again before it counts as failed.
constexpr Duration driver_wait_max = 60s;
constexpr Duration driver_look = 1s;
constexpr std::uint64_t secrets_mb_default = 1;
constexpr std::uint64_t log_files_default = 10;
constexpr std::uint64_t bytes_per_mb = 1024 * 1024;

LogLimits log_limits(const model::LogConfig& config) {
  LogLimits limits;
  limits.files_max = static_cast<std::uint32_t>(config.has_max_files() ? config.max_files() : log_files_default);
  if (config.has_max_file_size_mb())
    limits.file_size_max = static_cast<std::uint64_t>(config.max_file_size_mb()) * bytes_per_mb;
  return limits;
}

}  // namespace

Async<TaskRunner::Wait> TaskRunner::adopt() {
  if (!handle_) co_return Wait::go;
  if (handle_->life == TaskLife::exited) {
    // Its exit is known and saved: only the driver has not forgotten it yet.
    const Wait gone = co_await destroy_in_driver();
    const Result<void> saved = co_await save();
    co_return saved || saved.error().code != Code::cancelled ? gone : Wait::cancelled;
  }
  const bool confirmed = handle_->life == TaskLife::running;
  if (confirmed) co_await reopen_logs();
  Result<void> recovered = co_await reach_driver();
  if (!confirmed) {
    if (!recovered && recovered.error().code == Code::cancelled) co_return Wait::cancelled;
    world_.log.warn("a start of a task was never recorded as done: what came of it is ended, and the task is started anew: alloc={} task={}",
                    owner_.alloc()->id(), name_);
    handle_.reset();
    co_return Wait::go;
  }
  if (recovered) {
    set_phase(TaskPhase::running);
    owner_.task_changed(name_);
    co_return Wait::go;
  }
  if (recovered.error().code == Code::cancelled) co_return Wait::cancelled;
  const Wait given_up = co_await give_up_restoring(std::move(recovered).error());
  co_return given_up;
}

/// Our own readers of its FIFOs went with the agent before, and a collector that is replaced must be told of it again.
Async<void> TaskRunner::reopen_logs() {
  const model::Task* definition = task();
  const std::vector<DriverStatus> drivers = world_.drivers.list();
  const DriverStatus* driver = find_driver(drivers);
  const bool collects_itself = driver != nullptr && driver->capabilities.disable_log_collection;
  if (definition == nullptr || definition->log_config().disabled() || collects_itself) co_return;
  const LogLimits limits = log_limits(definition->log_config());
  const Result<LogPaths> opened = co_await world_.files.open_logs(owner_.alloc()->id(), name_, limits);
  if (opened || opened.error().code == Code::cancelled) co_return;
  world_.log.warn("the output of a task waits, its logs cannot be opened: alloc={} task={} error=\"{}\"",
                  owner_.alloc()->id(), name_, opened.error().message);
}

/// Recovers the task, or destroys one whose start was never confirmed: nobody told of it, so nobody misses it.
Async<Result<void>> TaskRunner::reach_driver() {
  bool told = false;
  for (;;) {
    const TaskHandle handle = *handle_;
    const std::string id = handle.config.id;
    Result<void> reached;
    if (handle.life == TaskLife::running) {
      reached = co_await world_.drivers.recover_task(driver_, handle);
    } else {
      reached = co_await world_.drivers.destroy_task(driver_, id, true);
    }
    if (reached || reached.error().code != Code::unavailable) co_return reached;

    // The task may well be running: keep its handle, and recover it when the driver is back.
    if (!told) {
      const std::string message = text("driver {} is missing, the task is looked after again when it returns: {}",
                                       driver_, reached.error().message);
      world_.log.warn("{}: alloc={} task={}", message, owner_.alloc()->id(), name_);
      add_event(events::driver_message(world_.loop.now(), message, {}));
    }
    told = true;
    adopted_ = true;
    wake_.notify();
    const bool waited = co_await world_.drivers_changed.wait_for(recover_retry);
    if (!waited) co_return fail(Code::cancelled, "the agent stops");
  }
}

Async<TaskRunner::Wait> TaskRunner::give_up_restoring(Error error) {
  world_.log.warn("task could not be recovered, it is started again: alloc={} task={} error=\"{}\"",
                  owner_.alloc()->id(), name_, error.message);
  const bool waits = owner_.alloc()->job().type() != "system";
  events::append(*state_,
                 events::failed_restoring(world_.loop.now(),
                                          waits ? "failed to restore task; will not run until server is contacted"
                                                : text("failed to restore task: {}", error.message)));
  const Wait destroyed = co_await destroy_in_driver();
  if (destroyed == Wait::cancelled) co_return destroyed;
  set_phase(TaskPhase::pending);
  changed();
  adopted_ = true;
  wake_.notify();
  while (waits && !world_.has_contact && !kill_wanted_) {
    const bool woken = co_await world_.server_contacted.wait();
    if (!woken) co_return Wait::cancelled;
  }
  co_return Wait::go;
}

/// A driver that is away for a moment costs none of the task's restarts.
Async<TaskRunner::Wait> TaskRunner::wait_for_driver() {
  const Duration until = world_.loop.uptime() + driver_wait_max;
  bool told = false;
  while (!kill_wanted_) {
    const std::vector<DriverStatus> drivers = world_.drivers.list();
    const DriverStatus* driver = find_driver(drivers);
    // A plugin that has not come up yet has not said which driver it is.
    const bool may_come = std::any_of(drivers.begin(), drivers.end(), [](const DriverStatus& each) { return !each.running; });
    const bool is_there = driver != nullptr && driver->running;
    if (is_there || (driver == nullptr && !may_come) || world_.loop.uptime() >= until) co_return Wait::go;
    const std::string why = driver == nullptr ? "no driver of that name yet" : driver->description;
    if (!told) add_event(events::driver_message(world_.loop.now(), text("waiting for driver {}: {}", driver_, why), {}));
    told = true;
    const bool waited = co_await world_.drivers_changed.wait_for(driver_look);
    if (!waited) co_return Wait::cancelled;
  }
  co_return Wait::killed;
}

Async<Result<void>> TaskRunner::launch() {
  const std::string id = make_task_id(owner_.alloc()->id(), name_, world_.random.next());
  handle_.emplace();
  handle_->config.id = id;
  handle_->life = TaskLife::unknown;
  // The intent comes first: if we die between the start and saving its handle, the next agent knows whom to destroy.
  Result<void> intended = co_await save();
  if (!intended) {
    handle_.reset();
    events::append(*state_, events::driver_failure(world_.loop.now(), intended.error().message));
    co_return fail(intended.error().code == Code::cancelled ? Code::cancelled : Code::unavailable, "{}",
                   intended.error().message);
  }
  Result<TaskConfig> config = co_await prepare(id);
  if (!config) {
    handle_.reset();
    co_return std::move(config).error();
  }
  TaskConfig whole = std::move(config).value();
  Result<void> started = co_await start_in_driver(std::move(whole));
  if (!started) handle_.reset();
  co_return started;
}

Async<Result<TaskConfig>> TaskRunner::prepare(std::string task_id) {
  const std::shared_ptr<const model::Allocation> alloc = owner_.alloc();
  const model::Task* definition = task();
  if (definition != nullptr) {
    if (const std::string part = unsupported_part(*group(), *definition); !part.empty()) {
      const Error error = fail(Code::unsupported, "{} is not supported yet", part);
      events::append(*state_, events::failed_validation(world_.loop.now(), error.message));
      co_return error;
    }
  }
  const std::vector<DriverStatus> drivers = world_.drivers.list();
  const DriverStatus* driver = find_driver(drivers);
  if (definition == nullptr || driver == nullptr || !driver->running) {
    const std::string why = driver == nullptr ? "no such driver on this node" : driver->description;
    const Error error = fail(Code::unavailable, "driver \"{}\" cannot be used: {}", driver_, why);
    events::append(*state_, events::driver_failure(world_.loop.now(), error.message));
    co_return error;
  }

  if (state_->started_at() == 0) add_event(events::task_setup(world_.loop.now(), "Building Task Directory"));
  const std::string alloc_id = alloc->id();
  const std::uint64_t secrets_mb = definition->resources().has_secrets_mb()
                                       ? static_cast<std::uint64_t>(definition->resources().secrets_mb())
                                       : secrets_mb_default;
  Result<TaskDirs> dirs = co_await world_.files.build_task(alloc_id, name_, secrets_mb);
  if (!dirs) {
    events::append(*state_, events::hook_failed(world_.loop.now(), "task_dir", dirs.error().message));
    co_return fail(dirs.error().code == Code::cancelled ? Code::cancelled : Code::unavailable, "{}",
                   dirs.error().message);
  }

  const std::string& payload_file = definition->dispatch_payload().file();
  if (!payload_file.empty() && !alloc->job().payload().empty()) {
    std::string payload = alloc->job().payload();
    const Result<void> written = co_await world_.files.write_local(alloc_id, name_, payload_file, std::move(payload));
    if (!written) {
      events::append(*state_, events::hook_failed(world_.loop.now(), "dispatch_payload", written.error().message));
      co_return written.error();
    }
  }

  LogPaths paths;
  const bool logs_off = definition->log_config().disabled() || driver->capabilities.disable_log_collection;
  if (!logs_off) {
    const LogLimits limits = log_limits(definition->log_config());
    Result<LogPaths> opened = co_await world_.files.open_logs(alloc_id, name_, limits);
    if (!opened) {
      events::append(*state_, events::hook_failed(world_.loop.now(), "logmon", opened.error().message));
      co_return fail(opened.error().code == Code::cancelled ? Code::cancelled : Code::unavailable, "{}",
                     opened.error().message);
    }
    paths = std::move(opened).value();
  }

  const std::shared_ptr<const model::Node> node = world_.node();
  const model::TaskGroup* its_group = group();
  const EnvironmentInput input{*alloc,          *its_group,
                               *definition,     *node,
                               world_.settings, world_.files.alloc_dirs(alloc_id),
                               *dirs,           driver->capabilities.fs_isolation};
  Result<TaskConfig> config = make_task_config(input, std::move(task_id), paths);
  if (!config) events::append(*state_, events::failed_validation(world_.loop.now(), config.error().message));
  if (config) tell_of_secrets(*config);
  co_return config;
}

/// One event for all of them, and at the first start only: who restarts often would hear of nothing else.
void TaskRunner::tell_of_secrets(const TaskConfig& config) {
  const std::vector<std::string> unknown = unknown_secrets(config);
  if (unknown.empty() || state_->started_at() != 0) return;
  std::string names;
  for (const std::string& name : unknown) names += (names.empty() ? "" : ", ") + name;
  add_event(events::unknown_secrets(world_.loop.now(), names));
}

Async<Result<void>> TaskRunner::start_in_driver(TaskConfig config) {
  const std::string id = config.id;
  Result<StartedTask> started = co_await world_.drivers.start_task(driver_, std::move(config));
  if (!started) {
    if (started.error().code == Code::cancelled) co_return std::move(started).error();
    events::append(*state_, events::driver_failure(world_.loop.now(), started.error().message));
    co_return std::move(started).error();
  }

  // Saved before it is told: a crash in between must not leave a task that nobody knows.
  handle_ = std::move(started->handle);
  network_ = std::move(started->network);
  handle_->config.id = id;
  handle_->life = TaskLife::running;
  Result<void> saved = co_await save();
  if (!saved && saved.error().code != Code::cancelled) {
    const std::string message = text("the task was started, but its handle cannot be saved: {}", saved.error().message);
    events::append(*state_, events::driver_failure(world_.loop.now(), message));
    const Result<void> destroyed = co_await world_.drivers.destroy_task(driver_, id, true);
    if (!destroyed)
      world_.log.error("a task without a saved handle may still run: alloc={} task={} error=\"{}\"",
                       owner_.alloc()->id(), name_, destroyed.error().message);
    co_return fail(Code::unavailable, "{}", message);
  }
  if (!saved) co_return saved;

  state_->set_started_at(to_ns(world_.loop.now()));
  set_phase(TaskPhase::running);
  add_event(events::started(world_.loop.now()));
  co_return Result<void>();
}

}  // namespace drover::agent
