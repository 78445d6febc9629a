#include "cli/client_role.h"

#include <sys/stat.h>

#include "agent/agent.h"
#include "agent/drivers/plugin_drivers.h"
#include "agent/facts/machine_facts.h"
#include "agent/facts/node_facts.h"
#include "agent/files/host_files.h"
#include "agent/logs/collector.h"
#include "agent/probe/socket_probe.h"
#include "agent/server_link.h"
#include "agent/store/sqlite_store.h"
#include "base/json/json.h"
#include "cli/version.h"

namespace drover::cli {
namespace {

constexpr std::size_t file_threads = 4;

Result<void> make_folder(const std::string& path, mode_t mode) {
  std::error_code problem;
  std::filesystem::create_directories(path, problem);
  if (problem) return fail(Code::denied, "make folder {}: {}", path, problem.message());
  chmod(path.c_str(), mode);
  return {};
}

Result<agent::DriverSettings> driver_settings(const model::AgentConfig& config, const ClientPaths& paths) {
  agent::DriverSettings settings;
  settings.plugin_folders = paths.plugin_dirs;
  settings.env = paths.plugin_env;
  settings.state_folder = paths.state_dir + "/drivers";
  settings.runtime_folder = paths.runtime_dir + "/p";
  for (const auto& [name, plugin] : config.plugins) {
    agent::PluginSettings one{.args = plugin.args};
    if (!plugin.config.empty()) {
      auto value = json::parse(plugin.config);
      if (!value.ok()) return value.error().within("plugin \"" + name + "\"");
      one.config = std::move(*value);
    }
    settings.plugins[name] = std::move(one);
  }
  return settings;
}

Async<Result<agent::LogPaths>> add_logs(agent::logs::Collector* collector, std::string alloc, std::string task, std::string folder, agent::LogLimits limits) {
  agent::logs::Limits kept;
  kept.files_max = limits.files_max;
  kept.file_size_max = limits.file_size_max;
  Result<agent::logs::Collector::Paths> paths = co_await collector->add(std::move(alloc), std::move(task), std::move(folder), kept);
  if (!paths.ok()) co_return std::move(paths).error();
  co_return agent::LogPaths{std::move(paths->stdout_path), std::move(paths->stderr_path)};
}

agent::LogPipes pipes_of(agent::logs::Collector& collector) {
  agent::LogPipes pipes;
  pipes.add = [&collector](std::string alloc, std::string task, std::string folder, agent::LogLimits limits) {
    return add_logs(&collector, std::move(alloc), std::move(task), std::move(folder), limits);
  };
  pipes.remove = [&collector](std::string alloc, std::string task) { return collector.remove(std::move(alloc), std::move(task)); };
  return pipes;
}

}  // namespace

ClientRole::ClientRole() : thread_("agent") {}

Result<std::unique_ptr<ClientRole>> ClientRole::start(const model::AgentConfig& config, const ClientPaths& paths, agent::Settings settings,
                                                      MakeLink make_link, Log log) {
  DROVER_TRY(make_folder(paths.state_dir, 0700));
  DROVER_TRY(make_folder(paths.alloc_dir, 0711));
  DROVER_TRY(make_folder(paths.runtime_dir + "/p", 0700));
  DROVER_TRY(make_folder(paths.state_dir + "/drivers", 0700));
  auto role = std::unique_ptr<ClientRole>(new ClientRole());
  role->leaves_nothing_ = config.dev;
  Loop& loop = role->thread_.loop();
  const Log client_log = log.with("client");
  role->store_thread_ = std::make_unique<ThreadWorkers>(1);
  role->file_threads_ = std::make_unique<ThreadWorkers>(file_threads);
  role->collector_ = std::make_unique<agent::logs::Collector>(
      loop, agent::logs::Collector::Settings{paths.log_collector, paths.runtime_dir + "/logs.sock", [client_log](const std::string& what) { client_log.warn("log collector: {}", what); }});
  role->facts_ = std::make_unique<agent::MachineFacts>(loop, agent::MachinePaths{"", paths.alloc_dir});
  DROVER_LET(agent::DriverSettings drivers, driver_settings(config, paths));
  drivers.node = agent::node_facts(role->thread_.wait<agent::HostReport>([&role] { return role->facts_->read(); }), settings);
  role->drivers_ = std::make_unique<agent::PluginDrivers>(loop, client_log.with("drivers"), std::move(drivers));
  DROVER_LET(role->store_, agent::SqliteStore::open(loop, *role->store_thread_, paths.state_dir));
  role->files_ = std::make_unique<agent::HostFiles>(loop, *role->file_threads_, paths.alloc_dir, pipes_of(*role->collector_));
  role->probe_ = std::make_unique<agent::SocketProbe>(loop);
  role->link_ = make_link(loop);
  settings.alloc_dir = paths.alloc_dir;
  agent::Parts parts{loop, role->random_, *role->drivers_, *role->store_, *role->files_, *role->facts_, *role->probe_, *role->link_, *role->file_threads_, client_log};
  role->agent_ = std::make_unique<agent::Agent>(parts, std::move(settings));
  const Result<void> collecting = role->thread_.wait<Result<void>>([&role] { return role->collector_->start(); });
  if (!collecting.ok()) client_log.error("tasks' output is not collected: {}", collecting.error().message);
  DROVER_TRY(role->thread_.wait<Result<void>>([&role] { return role->agent_->start(); }));
  return role;
}

void ClientRole::rescan_plugins() {
  thread_.wait_void([this] { return drivers_->rescan(); });
}

ClientRole::~ClientRole() {
  if (agent_) thread_.wait_void([this] { return leaves_nothing_ ? agent_->end() : agent_->stop(); });
  if (drivers_) thread_.wait_void([this] { return drivers_->stop(!leaves_nothing_); });
  if (collector_) thread_.wait_void([this] { return leaves_nothing_ ? collector_->end() : collector_->stop(); });
}

}  // namespace drover::cli
