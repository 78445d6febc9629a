#pragma once

#include <drover/result.h>

#include <functional>
#include <memory>
#include <string>

#include "agent/settings.h"
#include "base/log/log.h"
#include "base/loop/random.h"
#include "base/loop/workers.h"
#include "cli/role_thread.h"
#include "model/agent_config/agent_config.h"

namespace drover::agent {
class Agent;
class HostFiles;
class MachineFacts;
class PluginDrivers;
class ServerLink;
class SocketProbe;
class SqliteStore;
namespace logs {
class Collector;
}
}  // namespace drover::agent

namespace drover::cli {

/// Where the client role keeps its things, and what it runs.
struct ClientPaths {
  std::string state_dir;
  std::string alloc_dir;
  std::string runtime_dir;  ///< absolute, 0700 and short: sockets are made in it
  std::string log_collector;  ///< the drover-logs program
  std::vector<std::string> plugin_dirs;
  std::vector<std::string> plugin_env;  ///< "NAME=value": what drivers get of our environment
};

/// The client role with its thread: drivers, store, files, session. Made and ended by main's thread.
class ClientRole {
 public:
  using MakeLink = std::function<std::unique_ptr<agent::ServerLink>(Loop& loop)>;

  /// Returns when every remembered task has been adopted and the drivers have answered once.
  static Result<std::unique_ptr<ClientRole>> start(const model::AgentConfig& config, const ClientPaths& paths, agent::Settings settings,
                                                   MakeLink make_link, Log log);
  /// Ends the role: tasks go on, unless `ends_tasks` (a dev agent leaves nothing).
  ~ClientRole();

  /// Looks into the plugin folders again. Blocks until new plugins have been launched, not until they have answered.
  void rescan_plugins();

  agent::Agent& agent() { return *agent_; }
  Loop& loop() { return thread_.loop(); }
  RoleThread& thread() { return thread_; }

 private:
  ClientRole();

  RoleThread thread_;  // first made, last ended: its loop outlives what lives on it
  bool leaves_nothing_ = false;
  RealRandom random_;
  std::unique_ptr<ThreadWorkers> store_thread_, file_threads_;
  std::unique_ptr<agent::logs::Collector> collector_;
  std::unique_ptr<agent::PluginDrivers> drivers_;
  std::unique_ptr<agent::SqliteStore> store_;
  std::unique_ptr<agent::HostFiles> files_;
  std::unique_ptr<agent::MachineFacts> facts_;
  std::unique_ptr<agent::SocketProbe> probe_;
  std::unique_ptr<agent::ServerLink> link_;
  std::unique_ptr<agent::Agent> agent_;
};

}  // namespace drover::cli
