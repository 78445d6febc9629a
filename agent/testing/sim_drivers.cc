#include "agent/testing/sim_drivers.h"

#include <algorithm>
#include <cstdlib>

namespace drover::agent {
namespace {

Duration parse_time(const Value* value, Duration otherwise) {
  if (value == nullptr || !value->is_text()) return otherwise;
  char* unit = nullptr;
  const double number = std::strtod(value->text().c_str(), &unit);
  const std::string_view suffix = unit;
  const double seconds = suffix == "ms"  ? number / 1e3
                         : suffix == "m" ? number * 60
                         : suffix == "h" ? number * 3600
                                         : number;
  return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(seconds));
}

std::int32_t integer(const Value& config, std::string_view name, std::int32_t otherwise) {
  const Value* value = config.find(name);
  return value != nullptr && value->is_integer() ? static_cast<std::int32_t>(value->integer()) : otherwise;
}

std::string word(const Value& config, std::string_view name) {
  const Value* value = config.find(name);
  return value != nullptr && value->is_text() ? value->text() : "";
}

bool flag(const Value& config, std::string_view name) {
  const Value* value = config.find(name);
  return value != nullptr && value->is_bool() && value->boolean();
}

}  // namespace

void SimMachine::kill_driver(const std::string& driver, Duration back_after) {
  down_until[driver] = now() + back_after;
  for (auto& [id, task] : tasks) {
    if (task.driver == driver) task.known = false;
  }
  tell_waiters();
}

void SimMachine::set_driver_present(const std::string& driver, bool present) {
  if (present)
    drivers.insert(driver);
  else
    drivers.erase(driver);
  for (auto& [id, task] : tasks) {
    if (task.driver == driver) task.known = false;
  }
  tell_waiters();
}

void SimMachine::reboot() {
  tasks.clear();
  tell_waiters();
}

void SimMachine::tell_waiters() {
  for (SimDrivers* each : attached_) each->changed_.notify();
}

bool SimMachine::driver_runs(const std::string& driver) const {
  const auto down = down_until.find(driver);
  return drivers.contains(driver) && (down == down_until.end() || down->second <= now());
}

std::size_t SimMachine::running(const std::string& alloc_id, const std::string& task) const {
  return static_cast<std::size_t>(std::count_if(tasks.begin(), tasks.end(), [&](const auto& entry) {
    return entry.second.config.alloc_id == alloc_id && entry.second.config.name == task && entry.second.runs(now());
  }));
}

std::size_t SimMachine::running() const {
  return static_cast<std::size_t>(
      std::count_if(tasks.begin(), tasks.end(), [this](const auto& entry) { return entry.second.runs(now()); }));
}

SimDrivers::SimDrivers(Loop& loop, SimMachine& machine) : loop_(loop), machine_(machine), changed_(loop) { machine_.attached_.insert(this); }
SimDrivers::~SimDrivers() { machine_.attached_.erase(this); }

Async<void> SimDrivers::start() {
  static_cast<void>(co_await loop_.sleep(machine_.call_time));
  fingerprint_again();
}

Async<void> SimDrivers::stop(bool) { co_return; }

std::vector<DriverStatus> SimDrivers::list() const {
  std::vector<DriverStatus> out;
  for (const std::string& driver : machine_.drivers) out.push_back(status_of(driver));
  return out;
}

DriverStatus SimDrivers::status_of(const std::string& driver) const {
  DriverStatus status;
  status.name = driver;
  status.version = "0.1.0";
  status.running = machine_.driver_runs(driver);
  status.health = status.running ? Health::healthy : Health::undetected;
  status.description = status.running ? "Healthy" : "its process has died and is started again";
  status.attributes["driver." + driver] = "1";
  return status;
}

void SimDrivers::watch(std::function<void(const DriverStatus&)> changed, std::function<void(const DriverTaskEvent&)>) {
  on_change_ = std::move(changed);
}

void SimDrivers::fingerprint_again() {
  for (const DriverStatus& status : list()) {
    if (on_change_) on_change_(status);
  }
}

Async<Result<void>> SimDrivers::call(std::string driver) {
  const bool slept = co_await loop_.sleep(machine_.call_time);
  if (!slept) co_return fail(Code::cancelled, "the call was cancelled");
  if (!machine_.drivers.contains(driver)) co_return fail(Code::unavailable, "no driver \"{}\"", driver);
  if (!machine_.driver_runs(driver)) co_return fail(Code::unavailable, "driver {} is not running", driver);
  co_return Result<void>();
}

Result<SimTask*> SimDrivers::find(const std::string& task_id) {
  const auto found = machine_.tasks.find(task_id);
  if (found == machine_.tasks.end() || !found->second.known)
    return fail(Code::not_found, "task not found for given id");
  return &found->second;
}

Async<Result<StartedTask>> SimDrivers::start_task(std::string driver, TaskConfig config) {
  DROVER_CO_TRY(co_await call(driver));
  if (const std::string error = word(config.config, "start_error"); !error.empty()) {
    co_return fail(flag(config.config, "start_error_recoverable") ? Code::unavailable : Code::invalid, "{}", error);
  }
  SimTask task;
  task.config = config;
  task.driver = driver;
  task.started = machine_.now();
  const Duration run_for = parse_time(config.config.find("run_for"), Duration::max());
  if (run_for != Duration::max()) task.ends = machine_.now() + run_for;
  task.exit = {integer(config.config, "exit_code", 0), integer(config.config, "exit_signal", 0), false,
               word(config.config, "exit_err_msg")};
  machine_.starts.push_back(config.alloc_id + "/" + config.name);
  machine_.tasks[config.id] = std::move(task);

  StartedTask started;
  started.handle.driver_state = config.id;
  started.handle.config = std::move(config);
  const bool slept = co_await loop_.sleep(machine_.call_time);
  if (!slept) co_return fail(Code::cancelled, "the call was cancelled");
  co_return started;
}

Async<Result<void>> SimDrivers::recover_task(std::string driver, TaskHandle handle) {
  DROVER_CO_TRY(co_await call(driver));
  const auto found = machine_.tasks.find(handle.driver_state);
  if (found == machine_.tasks.end()) co_return fail(Code::internal, "no process of task {} is left", handle.config.id);
  if (!(found->second.config == handle.config))
    co_return fail(Code::invalid, "the task was recovered with another configuration");
  found->second.known = true;
  co_return Result<void>();
}

Async<Result<TaskExit>> SimDrivers::wait_task(std::string driver, std::string task_id) {
  DROVER_CO_TRY(co_await call(driver));
  for (;;) {
    if (!machine_.driver_runs(driver)) co_return fail(Code::unavailable, "driver {} died", driver);
    DROVER_CO_LET(SimTask * task, find(task_id));
    if (!task->runs(machine_.now())) co_return task->exit;
    bool woken = false;
    if (task->ends) {
      woken = co_await changed_.wait_for(*task->ends - machine_.now());
    } else {
      woken = co_await changed_.wait();
    }
    if (!woken) co_return fail(Code::cancelled, "the wait was cancelled");
  }
}

Async<Result<void>> SimDrivers::stop_task(std::string driver, std::string task_id, Duration timeout,
                                          std::string signal) {
  DROVER_CO_TRY(co_await call(driver));
  DROVER_CO_LET(SimTask * task, find(task_id));
  if (task->runs(machine_.now())) {
    const Duration kill_after = parse_time(task->config.config.find("kill_after"), Duration::zero());
    const bool in_time = kill_after <= timeout;
    task->ends = machine_.now() + std::min(kill_after, timeout);
    const std::int32_t number = !in_time ? 9 : signal == "SIGTERM" ? 15 : 2;
    task->exit = {128 + number, number, false, ""};
    machine_.ends.push_back(task->config.alloc_id + "/" + task->config.name);
    changed_.notify();
  }
  while (task->runs(machine_.now())) {
    const bool slept = co_await loop_.sleep(*task->ends - machine_.now());
    if (!slept) co_return fail(Code::cancelled, "the stop was cancelled");
    const Result<SimTask*> again = find(task_id);
    if (!again) co_return fail(Code::unavailable, "driver {} died", driver);
    task = *again;
  }
  co_return Result<void>();
}

Async<Result<void>> SimDrivers::destroy_task(std::string driver, std::string task_id, bool force) {
  DROVER_CO_TRY(co_await call(driver));
  DROVER_CO_LET(SimTask * task, find(task_id));
  if (task->runs(machine_.now()) && !force) co_return fail(Code::conflict, "the task still runs");
  machine_.tasks.erase(task_id);
  changed_.notify();
  co_return Result<void>();
}

Async<Result<void>> SimDrivers::signal_task(std::string driver, std::string task_id, std::string signal) {
  DROVER_CO_TRY(co_await call(driver));
  DROVER_CO_LET(SimTask * task, find(task_id));
  if (!signal.starts_with("SIG")) co_return fail(Code::invalid, "invalid signal: {}", signal);
  machine_.signals.push_back(task->config.name + ":" + signal);
  co_return Result<void>();
}

Async<Result<TaskInspection>> SimDrivers::inspect_task(std::string driver, std::string task_id) {
  DROVER_CO_TRY(co_await call(driver));
  DROVER_CO_LET(SimTask * task, find(task_id));
  TaskInspection out;
  out.life = task->runs(machine_.now()) ? TaskLife::running : TaskLife::exited;
  out.exit = task->exit;
  co_return out;
}

Async<Result<TaskUsage>> SimDrivers::task_usage(std::string driver, std::string task_id) {
  DROVER_CO_TRY(co_await call(driver));
  DROVER_CO_TRY(find(task_id));
  TaskUsage out;
  out.at = loop_.now();
  out.total.rss = 1024 * 1024;
  out.total.memory_measured = {"RSS"};
  co_return out;
}

Async<Result<ExecOutput>> SimDrivers::exec_task(std::string driver, std::string task_id,
                                                std::vector<std::string> command, Duration) {
  DROVER_CO_TRY(co_await call(driver));
  DROVER_CO_TRY(find(task_id));
  ExecOutput out;
  for (const std::string& part : command) out.standard_output += part + "\n";
  co_return out;
}

Async<Result<std::unique_ptr<ExecSession>>> SimDrivers::exec_session(std::string, std::string, std::vector<std::string>,
                                                                     bool) {
  co_return fail(Code::unsupported, "the simulated drivers have no sessions");
}

Async<Result<MadeNetwork>> SimDrivers::create_network(std::string driver, std::string, std::string) {
  DROVER_CO_TRY(co_await call(driver));
  co_return fail(Code::unsupported, "CreateNetwork RPC not supported by driver");
}

Async<Result<void>> SimDrivers::destroy_network(std::string driver, std::string, NetworkIsolation) {
  DROVER_CO_TRY(co_await call(driver));
  co_return fail(Code::unsupported, "DestroyNetwork RPC not supported by driver");
}

}  // namespace drover::agent
