#include "agent/drivers/plugin_drivers.h"

#include "agent/drivers/driver_runner.h"
#include "agent/drivers/driver_wire.h"
#include "agent/drivers/exec_stream.h"
#include "agent/drivers/usage_watch.h"
#include "base/msgpack/msgpack.h"
#include "sdk/host/spec.h"

namespace drover::agent {
namespace {

/// A call that its driver did not survive says `unavailable`, however it broke off.
template <class T>
Async<Result<T>> outlived(std::shared_ptr<const DriverRunner> runner, int generation, std::string driver, Result<T> result) {
  if (result) co_return result;
  const bool given_up = co_await is_cancelled();
  const Code code = result.error().code;
  const bool broken = code == Code::cancelled || code == Code::unavailable;
  const bool gone = runner->generation() != generation || runner->client() == nullptr;
  if (broken && !given_up && (gone || code == Code::cancelled)) {
    co_return fail(Code::unavailable, "the process of driver '{}' died during the call", driver);
  }
  co_return result;
}

/// The driver's configuration of a task, as its schema wants it.
Result<std::string> encoded(const DriverRunner& runner, const Value& config) {
  DROVER_LET(const Value value, host::apply_spec(runner.schema().spec(), config, "config"));
  return msgpack::encode(value);
}

TaskHandle handle_of(const host::driver_wire::TaskHandle& message, TaskConfig config) {
  return {message.version(), std::move(config), static_cast<TaskLife>(message.state()), message.driver_state()};
}

}  // namespace

PluginDrivers::PluginDrivers(Loop& loop, Log log, DriverSettings settings)
    : loop_(loop), log_(std::move(log)), settings_(std::move(settings)), answered_(loop) {}

PluginDrivers::~PluginDrivers() = default;

void PluginDrivers::watch(std::function<void(const DriverStatus&)> changed, std::function<void(const DriverTaskEvent&)> told) {
  changed_ = std::move(changed);
  told_ = std::move(told);
}

void PluginDrivers::add(PluginFile file) {
  DriverRunner::Callbacks callbacks;
  callbacks.changed = [this](const DriverRunner& runner) {
    if (changed_) changed_(runner.status());
    answered_.notify();
  };
  callbacks.told = [this](const DriverTaskEvent& event) {
    if (told_) told_(event);
  };
  callbacks.other_owner = [this](const DriverRunner& asking, const std::string& driver) { return owner_of(asking, driver); };
  runners_.push_back(std::make_shared<DriverRunner>(loop_, log_, settings_, std::move(file), callbacks));
}

Async<void> PluginDrivers::start() {
  for (PluginFile& file : scan_plugin_folders(settings_.plugin_folders)) add(std::move(file));
  for (const auto& runner : runners_) runner->start();

  const Duration deadline = loop_.uptime() + first_answers_max;
  while (!all_have_answered() && loop_.uptime() < deadline) {
    const bool goes_on = co_await answered_.wait_for(deadline - loop_.uptime());
    if (!goes_on) co_return;
  }
}

Async<void> PluginDrivers::rescan() {
  std::map<std::string, PluginFile> found;
  for (PluginFile& file : scan_plugin_folders(settings_.plugin_folders)) found.emplace(file.path, std::move(file));
  std::vector<std::shared_ptr<DriverRunner>> gone;
  for (const auto& runner : runners_) {
    const bool is_there = found.erase(runner->file().path) != 0;
    if (is_there) runner->look_again();
    if (!is_there && !runner->status().running) gone.push_back(runner);
  }
  for (const auto& runner : gone) {
    std::erase(runners_, runner);
    co_await runner->stop(false);
    log_.info("plugin file is gone: plugin={}", runner->file().path);
  }
  for (auto& [path, file] : found) {
    log_.info("new plugin file: plugin={}", path);
    add(std::move(file));
    runners_.back()->start();
  }
}

Async<void> PluginDrivers::stop(bool leave_running) {
  for (auto& [task, watch] : usage_) co_await watch->stop();
  usage_.clear();
  for (const auto& runner : runners_) co_await runner->stop(leave_running);
  runners_.clear();
}

bool PluginDrivers::all_have_answered() const {
  for (const auto& runner : runners_) {
    if (!runner->has_answered()) return false;
  }
  return true;
}

std::string PluginDrivers::owner_of(const DriverRunner& asking, const std::string& driver) const {
  for (const auto& runner : runners_) {
    if (runner.get() != &asking && runner->client() != nullptr && runner->status().running && runner->status().name == driver) {
      return runner->file().path;
    }
  }
  return {};
}

std::vector<DriverStatus> PluginDrivers::list() const {
  std::map<std::string, DriverStatus> sorted;
  for (const auto& runner : runners_) {
    // Of two files with one driver's name, the one that runs is shown under it.
    const bool added = sorted.emplace(runner->status().name, runner->status()).second;
    if (!added && runner->status().running) sorted[runner->status().name] = runner->status();
  }
  std::vector<DriverStatus> list;
  for (auto& [name, status] : sorted) list.push_back(std::move(status));
  return list;
}

Result<std::shared_ptr<DriverRunner>> PluginDrivers::running(const std::string& driver) const {
  const DriverRunner* known = nullptr;
  for (const auto& runner : runners_) {
    if (runner->status().name != driver) continue;
    if (runner->status().running && runner->client() != nullptr) return runner;
    known = runner.get();
  }
  if (known != nullptr) return fail(Code::unavailable, "driver '{}' is not running: {}", driver, known->status().description);
  // A plugin that is still coming up has not said which driver it is.
  if (!all_have_answered()) return fail(Code::unavailable, "driver '{}' is not running yet: a plugin is still coming up", driver);
  return fail(Code::not_found, "driver '{}' is not installed on this node", driver);
}

Async<Result<StartedTask>> PluginDrivers::start_task(std::string driver, TaskConfig config) {
  DROVER_CO_LET(const std::shared_ptr<DriverRunner> runner, running(driver));
  DROVER_CO_LET(const std::string encoded_config, encoded(*runner, config.config));
  host::driver_wire::StartTaskRequest request;
  to_wire(config, *request.mutable_task());
  request.mutable_task()->set_msgpack_driver_config(encoded_config);

  const int generation = runner->generation();
  const std::shared_ptr<host::DriverClient> client = runner->client();
  Result<host::driver_wire::StartTaskResponse> answer = co_await client->start_task(std::move(request));
  const Result<host::driver_wire::StartTaskResponse> response =
      co_await outlived<host::driver_wire::StartTaskResponse>(runner, generation, driver, std::move(answer));
  DROVER_CO_TRY(response);
  if (!response->has_handle()) co_return fail(Code::internal, "driver '{}' started the task without giving a handle", driver);
  StartedTask started{handle_of(response->handle(), std::move(config)), network_of(*response)};
  co_return started;
}

Async<Result<void>> PluginDrivers::recover_task(std::string driver, TaskHandle handle) {
  DROVER_CO_LET(const std::shared_ptr<DriverRunner> runner, running(driver));
  host::driver_wire::RecoverTaskRequest request;
  request.set_task_id(handle.config.id);
  auto& message = *request.mutable_handle();
  message.set_version(handle.version);
  message.set_state(static_cast<host::driver_wire::TaskState>(handle.life));
  message.set_driver_state(handle.driver_state);
  to_wire(handle.config, *message.mutable_config());
  // A driver whose schema has changed since still gets what it got then, in the job's own form.
  const Result<std::string> config = encoded(*runner, handle.config.config);
  message.mutable_config()->set_msgpack_driver_config(config ? *config : msgpack::encode(handle.config.config));

  const int generation = runner->generation();
  const std::shared_ptr<host::DriverClient> client = runner->client();
  Result<void> answer = co_await client->recover_task(std::move(request));
  co_return co_await outlived<void>(runner, generation, driver, std::move(answer));
}

Async<Result<TaskExit>> PluginDrivers::wait_task(std::string driver, std::string task_id) {
  DROVER_CO_LET(const std::shared_ptr<DriverRunner> runner, running(driver));
  const int generation = runner->generation();
  const std::shared_ptr<host::DriverClient> client = runner->client();
  Result<host::driver_wire::WaitTaskResponse> answer = co_await client->wait_task(std::move(task_id));
  const Result<host::driver_wire::WaitTaskResponse> response =
      co_await outlived<host::driver_wire::WaitTaskResponse>(runner, generation, driver, std::move(answer));
  DROVER_CO_TRY(response);
  co_return from_wire(response->result(), response->err());
}

Async<Result<void>> PluginDrivers::stop_task(std::string driver, std::string task_id, Duration timeout, std::string signal) {
  DROVER_CO_LET(const std::shared_ptr<DriverRunner> runner, running(driver));
  const int generation = runner->generation();
  const std::shared_ptr<host::DriverClient> client = runner->client();
  Result<void> answer = co_await client->stop_task(std::move(task_id), timeout, std::move(signal));
  co_return co_await outlived<void>(runner, generation, driver, std::move(answer));
}

Async<Result<void>> PluginDrivers::destroy_task(std::string driver, std::string task_id, bool force) {
  const auto watch = usage_.find(task_id);
  if (watch != usage_.end()) {
    const std::shared_ptr<UsageWatch> ending = watch->second;
    usage_.erase(watch);
    co_await ending->stop();
  }
  DROVER_CO_LET(const std::shared_ptr<DriverRunner> runner, running(driver));
  const int generation = runner->generation();
  const std::shared_ptr<host::DriverClient> client = runner->client();
  Result<void> answer = co_await client->destroy_task(std::move(task_id), force);
  co_return co_await outlived<void>(runner, generation, driver, std::move(answer));
}

Async<Result<void>> PluginDrivers::signal_task(std::string driver, std::string task_id, std::string signal) {
  DROVER_CO_LET(const std::shared_ptr<DriverRunner> runner, running(driver));
  const int generation = runner->generation();
  const std::shared_ptr<host::DriverClient> client = runner->client();
  Result<void> answer = co_await client->signal_task(std::move(task_id), std::move(signal));
  co_return co_await outlived<void>(runner, generation, driver, std::move(answer));
}

Async<Result<TaskInspection>> PluginDrivers::inspect_task(std::string driver, std::string task_id) {
  DROVER_CO_LET(const std::shared_ptr<DriverRunner> runner, running(driver));
  const int generation = runner->generation();
  const std::shared_ptr<host::DriverClient> client = runner->client();
  Result<host::driver_wire::InspectTaskResponse> answer = co_await client->inspect_task(std::move(task_id));
  const Result<host::driver_wire::InspectTaskResponse> response =
      co_await outlived<host::driver_wire::InspectTaskResponse>(runner, generation, driver, std::move(answer));
  DROVER_CO_TRY(response);
  co_return from_wire(*response);
}

Async<Result<TaskUsage>> PluginDrivers::task_usage(std::string driver, std::string task_id) {
  DROVER_CO_LET(const std::shared_ptr<DriverRunner> runner, running(driver));
  auto found = usage_.find(task_id);
  if (found != usage_.end() && found->second->is_spent()) {
    const std::shared_ptr<UsageWatch> spent = found->second;
    usage_.erase(found);
    co_await spent->stop();
    found = usage_.find(task_id);
  }
  if (found == usage_.end()) {
    if (runner->client() == nullptr) co_return fail(Code::unavailable, "driver '{}' is not running", driver);
    found = usage_.emplace(task_id, std::make_shared<UsageWatch>(loop_, runner->client(), task_id)).first;
  }
  const std::shared_ptr<UsageWatch> watch = found->second;
  co_return co_await watch->latest();
}

Async<Result<ExecOutput>> PluginDrivers::exec_task(std::string driver, std::string task_id, std::vector<std::string> command, Duration timeout) {
  DROVER_CO_LET(const std::shared_ptr<DriverRunner> runner, running(driver));
  host::driver_wire::ExecTaskRequest request;
  request.set_task_id(task_id);
  for (std::string& word : command) request.add_command(std::move(word));
  request.mutable_timeout()->set_seconds(timeout / std::chrono::seconds(1));
  request.mutable_timeout()->set_nanos(static_cast<std::int32_t>((timeout % std::chrono::seconds(1)).count()));

  const int generation = runner->generation();
  const std::shared_ptr<host::DriverClient> client = runner->client();
  Result<host::driver_wire::ExecTaskResponse> answer = co_await client->exec_task(std::move(request));
  const Result<host::driver_wire::ExecTaskResponse> response =
      co_await outlived<host::driver_wire::ExecTaskResponse>(runner, generation, driver, std::move(answer));
  DROVER_CO_TRY(response);
  ExecOutput output{response->stdout(), response->stderr(), from_wire(response->result(), {})};
  co_return output;
}

Async<Result<std::unique_ptr<ExecSession>>> PluginDrivers::exec_session(std::string driver, std::string task_id, std::vector<std::string> command, bool tty) {
  DROVER_CO_LET(const std::shared_ptr<DriverRunner> runner, running(driver));
  host::driver_wire::ExecTaskStreamingRequest setup;
  setup.mutable_setup()->set_task_id(task_id);
  setup.mutable_setup()->set_tty(tty);
  for (std::string& word : command) setup.mutable_setup()->add_command(std::move(word));
  std::unique_ptr<host::DriverClient::ExecStream> stream = runner->client()->exec_stream();
  DROVER_CO_TRY(stream->send(std::move(setup)));
  co_return make_exec_session(std::move(stream));
}

Async<Result<MadeNetwork>> PluginDrivers::create_network(std::string driver, std::string alloc_id, std::string hostname) {
  DROVER_CO_LET(const std::shared_ptr<DriverRunner> runner, running(driver));
  const int generation = runner->generation();
  const std::shared_ptr<host::DriverClient> client = runner->client();
  Result<host::driver_wire::CreateNetworkResponse> answer = co_await client->create_network(std::move(alloc_id), std::move(hostname));
  const Result<host::driver_wire::CreateNetworkResponse> response =
      co_await outlived<host::driver_wire::CreateNetworkResponse>(runner, generation, driver, std::move(answer));
  DROVER_CO_TRY(response);
  co_return from_wire(*response);
}

Async<Result<void>> PluginDrivers::destroy_network(std::string driver, std::string alloc_id, NetworkIsolation network) {
  DROVER_CO_LET(const std::shared_ptr<DriverRunner> runner, running(driver));
  host::driver_wire::DestroyNetworkRequest request;
  request.set_alloc_id(alloc_id);
  to_wire(network, *request.mutable_isolation_spec());
  const int generation = runner->generation();
  const std::shared_ptr<host::DriverClient> client = runner->client();
  Result<void> answer = co_await client->destroy_network(std::move(request));
  co_return co_await outlived<void>(runner, generation, driver, std::move(answer));
}

}  // namespace drover::agent
