#include "plugins/raw_exec/raw_exec.h"

#include <algorithm>
#include <csignal>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <drover/serve.h>

namespace drover::raw_exec {

namespace {

constexpr int default_stop_signal = SIGINT;
constexpr mode_t executable_by_all = 0555;

/// A program that came with the task (an artifact, a template) may lack the permission to be executed. Files of the host
/// are left as they are.
void make_executable(const std::string& path) {
  const int fd = ::open(path.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
  if (fd < 0) return;
  struct stat info {};
  if (::fstat(fd, &info) == 0 && S_ISREG(info.st_mode) && (info.st_mode & executable_by_all) != executable_by_all)
    ::fchmod(fd, (info.st_mode & 07777) | executable_by_all);
  ::close(fd);
}

/// "<allocation>/<task>/<start>", as agents name starts.
bool is_of_an_allocation(const std::string& task_id) { return std::count(task_id.begin(), task_id.end(), '/') == 2; }

void prepare_command(const sdk::TaskConfig& task, const std::string& command) {
  if (command.starts_with(task.task_dir() + "/")) make_executable(command);
  if (command.starts_with('/')) return;
  make_executable(task.task_dir() + "/local/" + command);
  make_executable(task.task_dir() + "/" + command);
}

}  // namespace

void Options::describe(sdk::Fields<Options>& fields) {
  fields.field("command", &Options::command).required().doc("program to run: in the task's folder, on the host by absolute path, or found in the agent's PATH");
  fields.field("args", &Options::args).doc("its arguments");
  fields.field("cgroup_v2_override", &Options::cgroup_v2_override).doc("existing cgroup to start in, on hosts with cgroup version 2");
  fields.merged_maps("cgroup_v1_override", &Options::cgroup_v1_override).doc("controller to existing cgroup, on hosts with cgroup version 1");
  fields.field("oom_score_adj", &Options::oom_score_adj).doc("how much sooner the kernel takes this task when memory is short; not negative");
  fields.field("work_dir", &Options::work_dir).doc("absolute folder to start in; else the task's");
  fields.field("denied_envvars", &Options::denied_envvars).doc("patterns (with *) of variables that the task does not get");
}

Result<void> Options::check() const {
  if (command.empty()) return fail(Code::invalid, "command must not be empty");
  if (oom_score_adj < 0) return fail(Code::invalid, "oom_score_adj must not be negative");
  if (!work_dir.empty() && !work_dir.starts_with('/')) return fail(Code::invalid, "work_dir must be an absolute path, not '{}'", work_dir);
  if (!cgroup_v1_override.empty() && !cgroup_v2_override.empty())
    return fail(Code::invalid, "only one of cgroup_v1_override and cgroup_v2_override may be set");
  return {};
}

void PluginOptions::describe(sdk::Fields<PluginOptions>& fields) {
  fields.field("enabled", &PluginOptions::enabled).fallback(false).doc("whether tasks may run without isolation at all");
  fields.field("denied_host_uids", &PluginOptions::denied_host_uids).doc("ids and ranges of users that tasks may not run as: \"0,1000-1999\"");
  fields.field("denied_host_gids", &PluginOptions::denied_host_gids).doc("the same for groups");
  fields.field("denied_envvars", &PluginOptions::denied_envvars).doc("patterns (with *) of variables that no task gets");
}

void KnownStates::add(const std::string& state_dir) {
  const std::lock_guard lock(mutex_);
  states_.insert(state_dir);
}

void KnownStates::remove(const std::string& state_dir) {
  const std::lock_guard lock(mutex_);
  states_.erase(state_dir);
}

std::vector<std::string> KnownStates::all() const {
  const std::lock_guard lock(mutex_);
  return {states_.begin(), states_.end()};
}

RawExecTask::RawExecTask(std::unique_ptr<sdk::Process> process, std::shared_ptr<KnownStates> known, std::string state_dir, double mhz_of_core)
    : process_(std::move(process)), known_(std::move(known)), state_dir_(std::move(state_dir)), mhz_of_core_(mhz_of_core) {}

RawExecTask::~RawExecTask() { known_->remove(state_dir_); }

bool RawExecTask::on_exit(std::function<void(const sdk::Exit&)> handler) {
  process_->on_exit(std::move(handler));
  return true;
}

Result<void> RawExecTask::stop(int signal, sdk::Duration grace) { return process_->stop(signal == 0 ? default_stop_signal : signal, grace); }

Result<void> RawExecTask::destroy() { return process_->destroy(); }

std::map<std::string, std::string> RawExecTask::attributes() const { return {{"pid", std::to_string(process_->pid())}}; }

Result<std::unique_ptr<sdk::ExecSession>> RawExecTask::exec(const sdk::ExecSpec& spec, sdk::ExecSession::Handlers handlers) {
  return process_->exec(spec, std::move(handlers));
}

RawExecDriver::RawExecDriver(Settings settings) : settings_(std::move(settings)), supervisor_(settings_.supervisor) {}

sdk::DriverInfo RawExecDriver::info() const {
  sdk::DriverInfo info;
  info.name = "raw_exec";
  info.version = "0.1.0";
  info.fs_isolation = sdk::FsIsolation::none;
  info.network_modes = {sdk::NetworkMode::host, sdk::NetworkMode::group};
  return info;
}

Result<void> RawExecDriver::configure(const PluginOptions& options, const sdk::NodeFacts& node) {
  Configured next;
  next.options = options;
  DROVER_LET(next.denied.uids, IdRanges::parse("denied_host_uids", options.denied_host_uids));
  DROVER_LET(next.denied.gids, IdRanges::parse("denied_host_gids", options.denied_host_gids));
  next.mhz_of_core = node.mhz_of_core();
  const std::lock_guard lock(mutex_);
  configured_ = std::move(next);
  return {};
}

RawExecDriver::Configured RawExecDriver::configured() const {
  const std::lock_guard lock(mutex_);
  return configured_;
}

sdk::Fingerprint RawExecDriver::fingerprint() {
  if (!configured().options.enabled) return sdk::Fingerprint::undetected("disabled");
  sdk::Fingerprint found;
  found.attributes["driver.raw_exec"] = true;
  return found;
}

std::unique_ptr<RawExecTask> RawExecDriver::know(std::unique_ptr<sdk::Process> process, const std::string& state_dir, const Configured& configured) {
  known_->add(state_dir);
  return std::make_unique<RawExecTask>(std::move(process), known_, state_dir, configured.mhz_of_core);
}

Result<std::unique_ptr<RawExecTask>> RawExecDriver::start(const sdk::TaskConfig& task, const Options& options, sdk::Events&) {
  const Configured now = configured();
  if (!now.options.enabled) return fail(Code::denied, "raw_exec is disabled: set enabled = true in its plugin block of the agent's configuration");
  DROVER_TRY(check_user(task.user, now.denied));
  Host host;
  host.cgroups = supervisor_.cgroups();
  host.cgroup_root = settings_.supervisor.cgroup_root;
  host.path = settings_.path;
  const sdk::ProcessSpec spec = make_spec(task, options, now.options, host);
  // A start whose answer was lost (we, or the agent, died in between) must not run beside this one. Nor one that we still
  // know, where the id says that it is the same task: the agent's store was damaged, and it has forgotten that start.
  std::vector<std::string> others = known_->all();
  if (is_of_an_allocation(task.id)) std::erase_if(others, [&task](const std::string& state) { return state.starts_with(states_dir(task) + "/"); });
  DROVER_TRY(supervisor_.end_leftovers(states_dir(task), others));
  prepare_command(task, options.command);
  DROVER_LET(std::unique_ptr<sdk::Process> process, supervisor_.start(spec));
  if (::geteuid() == 0)
    for (const std::string& warning : process->warnings()) sdk::log(sdk::Level::warn, text("task {}: {}", task.id, warning));
  return know(std::move(process), spec.state_dir, now);
}

Result<std::unique_ptr<RawExecTask>> RawExecDriver::recover(const sdk::TaskConfig& task, const Options& options, const std::string& checkpoint) {
  const Configured now = configured();
  DROVER_LET(std::unique_ptr<sdk::Process> process, supervisor_.recover(checkpoint));
  return know(std::move(process), make_spec(task, options, now.options, {}).state_dir, now);
}

}  // namespace drover::raw_exec
