#include "agent/drivers/driver_runner.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <fstream>

#include "agent/drivers/driver_wire.h"
#include "agent/drivers/reattach_file.h"
#include "base/json/json.h"
#include "base/msgpack/msgpack.h"
#include "base/process/program.h"
#include "sdk/host/module.h"
#include "sdk/host/spec.h"

namespace drover::agent {
namespace {

constexpr Duration stream_retry_delay = std::chrono::seconds(5);
constexpr std::size_t folder_name_max = 40;  // sockets have 107 bytes for their whole path

constexpr bool contains(const std::vector<std::string>& list, const std::string& name) {
  return std::find(list.begin(), list.end(), name) != list.end();
}

bool speaks_our_version(const host::base_wire::PluginInfoResponse& info) {
  for (const std::string& version : info.plugin_api_versions()) {
    if (version == "v0.1.0" || version == "0.1.0") return true;
  }
  return false;
}

/// As the plugin spelled it.
std::string our_version(const host::base_wire::PluginInfoResponse& info) {
  for (const std::string& version : info.plugin_api_versions()) {
    if (version == "v0.1.0" || version == "0.1.0") return version;
  }
  return "v0.1.0";
}

LogLevel level_of(host::PluginLevel level) {
  switch (level) {
    case host::PluginLevel::info: return LogLevel::info;
    case host::PluginLevel::warn: return LogLevel::warn;
    case host::PluginLevel::error: return LogLevel::error;
    default: return LogLevel::debug;
  }
}

}  // namespace

Duration relaunch_delay(int failures_in_a_row) {
  if (failures_in_a_row <= 0) return Duration::zero();
  const Duration delay = relaunch_delay_min * (1LL << std::min(failures_in_a_row - 1, 10));
  return std::min(delay, relaunch_delay_max);
}

DriverRunner::DriverRunner(Loop& loop, Log log, const DriverSettings& settings, PluginFile file, Callbacks callbacks)
    : loop_(loop),
      log_(std::move(log)),
      settings_(settings),
      file_(std::move(file)),
      callbacks_(std::move(callbacks)),
      again_(loop),
      scope_(loop) {
  status_.name = file_.name;
  status_.description = file_.path + ": is being launched";
}

DriverRunner::~DriverRunner() = default;

void DriverRunner::start() { scope_.spawn(run()); }

Async<void> DriverRunner::stop(bool leave_running) {
  co_await scope_.stop();
  if (process_ == nullptr) co_return;
  if (leave_running && !plugin_settings().auto_tls) co_return co_await take_down(false);
  if (client_ != nullptr) static_cast<void>(co_await client_->shutdown());
  co_await take_down(true);
}

void DriverRunner::update(std::function<void(DriverStatus&)> change) {
  const DriverStatus before = status_;
  change(status_);
  if (status_ == before) return;
  status_.updated = loop_.now();
  callbacks_.changed(*this);
}

Async<void> DriverRunner::run() {
  int failures = 0;
  for (;;) {
    const Result<void> up = co_await bring_up();
    std::string reason;
    bool was_stable = false;
    if (up) {
      const Duration since = loop_.uptime();
      reason = co_await live();
      was_stable = replaced_ || loop_.uptime() - since >= stable_after;
    } else {
      reason = up.error().message;
    }
    reason = file_.path + ": " + reason;
    const bool stopping = co_await is_cancelled();
    if (stopping) co_return;
    co_await take_down(true);

    failures = was_stable ? 0 : failures + 1;
    // The first death of a plugin that worked is answered at once.
    const Duration delay = relaunch_delay(up && failures == 1 ? 0 : failures);
    if (reason != status_.description) {  // the same news every two minutes is none
      log_.warn("driver is not running, launching it again: driver={} in={}s reason={}", status_.name,
                delay / std::chrono::seconds(1), reason);
    }
    update([&reason](DriverStatus& status) {
      status.running = false;
      status.health = Health::unhealthy;
      status.description = reason;
    });
    answered_ = true;
    callbacks_.changed(*this);
    if (delay == Duration::zero()) continue;
    const bool goes_on = co_await again_.wait_for(delay);
    if (!goes_on) co_return;
  }
}

void DriverRunner::look_again() {
  replaced_ = status_.running && setup() != setup_;
  again_.notify();
}

Async<Result<void>> DriverRunner::bring_up() {
  const Result<void> allowed = check_plugin_file(file_.path);  // anew: somebody may have repaired it
  DROVER_CO_TRY(allowed);
  DROVER_CO_TRY(co_await find_or_launch());
  client_ = std::make_shared<host::DriverClient>(loop_, process_->channel());
  const Result<void> learned = co_await learn();
  if (!learned) {
    client_ = nullptr;
    co_return learned.error();
  }
  ++generation_;
  setup_ = setup();
  remember(setup_);  // again: now its name is known, and with it its settings
  update([](DriverStatus& status) {
    status.running = true;
    status.description = "launched, not fingerprinted yet";
  });
  co_return Result<void>();
}

Async<Result<void>> DriverRunner::find_or_launch() {
  DROVER_CO_TRY(prepare_folder());
  reattached_ = false;
  const auto record = read_reattach_file(reattach_path());
  const Result<std::string> boot = read_boot_id();
  if (!record || !boot || record->boot_id != *boot) co_return co_await launch();

  const host::PluginProcess::LogSink log = [this](const host::PluginLogLine& line) { heard(line); };
  Result<std::unique_ptr<host::PluginProcess>> found =
      co_await host::PluginProcess::reattach(loop_, what_to_launch(), record->plugin, log);
  if (!found) {
    log_.info("driver of the last agent is gone, launching it: plugin={} reason={}", file_.name, found.error().message);
    co_return co_await launch();
  }
  process_ = std::move(*found);
  if (!record->driver.empty()) status_.name = record->driver;
  if (record->setup == setup()) {
    reattached_ = true;
    co_return Result<void>();
  }
  log_.info("{}, starting it anew: plugin={}", record->setup.empty() ? "the last agent has not configured the plugin" : "plugin file or its configuration has changed",
            file_.name);
  co_await take_down(true);
  co_return co_await launch();
}

/// An agent that dies while it launches a plugin leaves a process that no record names, and that knows no task.
void DriverRunner::end_forgotten() const {
  const host::LaunchPlugin what = what_to_launch();
  const std::string mark = "PLUGIN_UNIX_SOCKET_DIR=" + what.folder;
  std::error_code error;
  const std::filesystem::path program = std::filesystem::canonical(what.program, error);
  if (error) return;
  for (const auto& entry : std::filesystem::directory_iterator("/proc", error)) {
    const std::string name = entry.path().filename();
    const bool is_process = name.find_first_not_of("0123456789") == std::string::npos;
    std::error_code ignored;
    if (!is_process || std::filesystem::read_symlink(entry.path() / "exe", ignored) != program) continue;
    std::ifstream environment(entry.path() / "environ", std::ios::binary);
    bool is_ours = false;
    for (std::string variable; std::getline(environment, variable, '\0');) is_ours = is_ours || variable == mark;
    if (!is_ours) continue;
    log_.info("ending a process of the plugin that an agent before has launched and not noted: plugin={} pid={}", file_.name, name);
    pid_t pid = 0;
    std::from_chars(name.data(), name.data() + name.size(), pid);
    if (pid > 1) ::kill(pid, SIGKILL);
  }
}

/// A killed plugin leaves its socket behind.
void DriverRunner::remove_old_sockets() const {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(what_to_launch().folder, error)) {
    std::error_code ignored;
    if (entry.is_socket(ignored)) std::filesystem::remove(entry.path(), ignored);
  }
}

Async<Result<void>> DriverRunner::launch() {
  end_forgotten();
  remove_old_sockets();
  const host::PluginProcess::LogSink log = [this](const host::PluginLogLine& line) { heard(line); };
  DROVER_CO_LET(process_, co_await host::PluginProcess::launch(loop_, what_to_launch(), log));
  remember("");  // not configured yet: an agent that finds it so starts it anew
  co_return Result<void>();
}

/// Everything that a plugin tells of itself before it can be used.
Async<Result<void>> DriverRunner::learn() {
  const Result<host::base_wire::PluginInfoResponse> info = co_await client_->plugin_info();
  if (!info) co_return info.error().within("does not say who it is");
  DROVER_CO_TRY(accept(*info));
  if (!reattached_) DROVER_CO_TRY(co_await configure());
  const Result<void> initialised = co_await client_->init();
  if (!initialised) co_return initialised.error().within("failed to initialise");

  Result<host::driver_wire::TaskConfigSchemaResponse> schema = co_await client_->task_schema();
  if (!schema) co_return schema.error().within("does not tell the schema of its tasks");
  const Result<void> checked = host::check_spec(schema->spec());
  if (!checked) co_return checked.error().within("has a broken schema of its tasks");
  schema_ = std::move(*schema);

  const Result<host::driver_wire::CapabilitiesResponse> capabilities = co_await client_->capabilities();
  if (!capabilities) co_return capabilities.error().within("does not tell its capabilities");
  const DriverCapabilities known = from_wire(capabilities->capabilities());
  update([&known](DriverStatus& status) { status.capabilities = known; });
  co_return Result<void>();
}

Result<void> DriverRunner::accept(const host::base_wire::PluginInfoResponse& info) {
  if (info.type() != host::base_wire::DRIVER) return fail(Code::unsupported, "is a plugin, but no task driver");
  if (info.name().empty()) return fail(Code::invalid, "has no name");
  if (!speaks_our_version(info)) {
    return fail(Code::unsupported, "speaks none of the driver API versions that this agent speaks (v0.1.0)");
  }
  if (contains(settings_.denied, info.name())) return fail(Code::denied, "is on the list of denied drivers");
  if (!settings_.allowed.empty() && !contains(settings_.allowed, info.name())) {
    return fail(Code::denied, "is not on the list of allowed drivers");
  }
  const std::string other = callbacks_.other_owner(*this, info.name());
  if (!other.empty()) return fail(Code::conflict, "the driver '{}' is already served by {}", info.name(), other);
  update([&info](DriverStatus& status) {
    status.name = info.name();
    status.version = info.plugin_version();
  });
  return {};
}

Async<Result<void>> DriverRunner::configure() {
  const Result<host::base_wire::PluginInfoResponse> info = co_await client_->plugin_info();
  DROVER_CO_TRY(info);
  const Result<host::base_wire::ConfigSchemaResponse> schema = co_await client_->config_schema();
  if (!schema) co_return schema.error().within("does not tell the schema of its configuration");
  const Value& config = plugin_settings().config;
  host::base_wire::SetConfigRequest request;
  request.set_plugin_api_version(our_version(*info));
  if (schema->has_spec()) {
    const Result<Value> given = host::apply_spec(schema->spec(), config, "plugin \"" + status_.name + "\" config");
    if (!given) co_return given.error().within("its configuration is wrong");
    request.set_msgpack_config(msgpack::encode(*given));
  } else if (config.is_map() && !config.members().empty()) {
    co_return fail(Code::invalid, "takes no configuration, but plugin \"{}\" has a config block", status_.name);
  }
  to_wire(settings_.node, *request.mutable_nomad_config()->mutable_driver());
  const Result<void> set = co_await client_->set_config(request);
  if (!set) co_return set.error().within("refused its configuration");
  co_return Result<void>();
}

/// Until the process has ended or is to be replaced; why.
Async<std::string> DriverRunner::live() {
  replaced_ = false;
  ended_.reset();
  streams_ = std::make_unique<Scope>(loop_);
  streams_->spawn(watch_process());
  streams_->spawn(watch_health());
  streams_->spawn(watch_events());
  bool goes_on = true;
  while (goes_on && !ended_ && !replaced_) goes_on = co_await again_.wait();
  co_await streams_->stop();
  streams_ = nullptr;
  if (ended_) co_return *ended_;
  if (replaced_) static_cast<void>(co_await client_->shutdown());
  co_return std::string("its program file has changed: the new one takes over");
}

Async<void> DriverRunner::watch_process() {
  const Result<std::string> ended = co_await process_->exited();
  if (!ended && ended.error().code == Code::cancelled) co_return;
  ended_ = ended ? "its process " + *ended : ended.error().message;
  again_.notify();
}

Async<void> DriverRunner::watch_health() {
  for (;;) {
    const std::unique_ptr<host::DriverClient::Fingerprints> stream = client_->fingerprints();
    Result<host::driver_wire::FingerprintResponse> message = co_await stream->receive();
    for (; message; message = co_await stream->receive()) {
      const Health health = message->err().empty() ? health_of(*message) : Health::undetected;
      const std::string description = message->err().empty() ? message->health_description() : "failed to fingerprint: " + message->err();
      const Texts attributes = attributes_of(*message);
      update([&](DriverStatus& status) {
        status.health = health;
        status.description = description;
        for (const auto& [name, value] : attributes) status.attributes[name] = value;
      });
      if (!answered_) {
        answered_ = true;
        callbacks_.changed(*this);
      }
    }
    if (message.error().code == Code::cancelled || process_->has_exited()) co_return;
    update([&message](DriverStatus& status) {
      status.health = Health::unhealthy;
      status.description = "its fingerprint stream ended: " + message.error().message;
    });
    answered_ = true;
    const bool slept = co_await loop_.sleep(stream_retry_delay);
    if (!slept) co_return;
  }
}

Async<void> DriverRunner::watch_events() {
  for (;;) {
    const std::unique_ptr<host::DriverClient::TaskEvents> stream = client_->task_events();
    Result<host::driver_wire::DriverTaskEvent> event = co_await stream->receive();
    for (; event; event = co_await stream->receive()) callbacks_.told(from_wire(*event));
    if (event.error().code == Code::cancelled || process_->has_exited()) co_return;
    const bool slept = co_await loop_.sleep(stream_retry_delay);
    if (!slept) co_return;
  }
}

/// Lets go of the process, or ends it. Calls in flight fail.
Async<void> DriverRunner::take_down(bool kill) {
  if (streams_ != nullptr) {
    co_await streams_->stop();
    streams_ = nullptr;
  }
  client_ = nullptr;
  if (process_ == nullptr) co_return;
  if (kill) {
    co_await process_->shut_down();
    remove_reattach_file(reattach_path());
  } else {
    co_await process_->detach();
  }
  process_ = nullptr;
}

const PluginSettings& DriverRunner::plugin_settings() const {
  static const PluginSettings none;
  for (const std::string& name : {file_.name, status_.name}) {
    const auto found = settings_.plugins.find(name);
    if (found != settings_.plugins.end()) return found->second;
  }
  return none;
}

std::string DriverRunner::setup() const {
  const PluginSettings& plugin = plugin_settings();
  std::string setup = file_identity(file_.path);
  for (const std::string& arg : plugin.args) setup += "\n" + arg;
  return setup + "\n" + json::write(plugin.config);
}

std::string DriverRunner::reattach_path() const { return settings_.state_folder + "/driver-" + file_.name + ".json"; }

host::LaunchPlugin DriverRunner::what_to_launch() const {
  host::LaunchPlugin what;
  const host::PluginCommand command = host::plugin_command(file_.path, own_program_folder().value_or("/usr/bin"));
  what.program = command.program;
  what.args = command.args;
  what.args.insert(what.args.end(), plugin_settings().args.begin(), plugin_settings().args.end());
  what.env = settings_.env;
  what.folder = settings_.runtime_folder + "/" + file_.name.substr(0, folder_name_max);
  what.auto_tls = plugin_settings().auto_tls;
  return what;
}

Result<void> DriverRunner::prepare_folder() const {
  const std::string folder = what_to_launch().folder;
  if (mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) {
    return fail(Code::unavailable, "cannot make the folder {} for its socket: {}", folder, std::strerror(errno));
  }
  return {};
}

void DriverRunner::remember(const std::string& setup) {
  if (plugin_settings().auto_tls) return;  // its certificate would have to be kept, too
  const Result<std::string> boot = read_boot_id();
  const Result<void> written =
      boot ? write_reattach_file(reattach_path(), {process_->reattach_data(), *boot, setup, status_.name}) : Result<void>(boot.error());
  if (!written) log_.warn("driver will not be found again after a restart of the agent: plugin={} reason={}", file_.name, written.error().message);
}

void DriverRunner::heard(const host::PluginLogLine& line) const {
  const Log log = log_.with(status_.name);
  const std::string text = line.text();
  switch (level_of(line.level)) {
    case LogLevel::debug: return log.debug("{}", text);
    case LogLevel::info: return log.info("{}", text);
    case LogLevel::warn: return log.warn("{}", text);
    case LogLevel::error: return log.error("{}", text);
  }
}

}  // namespace drover::agent
