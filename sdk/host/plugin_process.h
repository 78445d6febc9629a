#pragma once

#include <drover/result.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "base/loop/async.h"
#include "base/loop/loop.h"
#include "base/loop/scope.h"
#include "base/loop/signal.h"
#include "base/process/launch.h"
#include "base/rpc/client.h"
#include "sdk/host/handshake_line.h"
#include "sdk/host/line_pipe.h"
#include "sdk/host/plugin_log.h"

namespace drover::host {

inline constexpr Duration handshake_max = std::chrono::seconds(60);
inline constexpr Duration exit_grace = std::chrono::seconds(2);  ///< after the controller's Shutdown, before SIGKILL

/// What to launch. The folder is ours alone (0700) and short: the socket and the pipes are made in it.
struct LaunchPlugin {
  std::string program;            ///< absolute path
  std::vector<std::string> args;
  std::vector<std::string> env;   ///< "NAME=value"; the handshake's variables are added
  std::string folder;
  bool auto_tls = false;          ///< certificates for both ends; such a plugin cannot be reattached
  Duration handshake_limit = handshake_max;
};

/// Enough to find a plugin again after a restart of the agent.
struct Reattach {
  ProcessId process;
  std::string target;  ///< of rpc::Channel

  friend bool operator==(const Reattach&, const Reattach&) = default;
};

/// A running plugin: its process, its connection, and its log. On one loop; end it with shut_down() or detach().
class PluginProcess {
 public:
  using LogSink = std::function<void(const PluginLogLine&)>;

  /// Starts the program and shakes hands. An error says in one sentence why this is no usable plugin; its process, if
  /// any, has been killed then.
  static Async<Result<std::unique_ptr<PluginProcess>>> launch(Loop& loop, LaunchPlugin what, LogSink log);
  /// Finds a plugin that an earlier agent left running.
  static Async<Result<std::unique_ptr<PluginProcess>>> reattach(Loop& loop, LaunchPlugin what, Reattach saved, LogSink log);
  PluginProcess(const PluginProcess&) = delete;
  PluginProcess& operator=(const PluginProcess&) = delete;
  ~PluginProcess();

  rpc::Channel& channel() { return *channel_; }
  Reattach reattach_data() const;
  int pid() const { return process_->id().pid; }
  bool has_exited() const { return process_->has_ended(); }
  /// Until the process has ended: how, and its last words.
  Async<Result<std::string>> exited();

  /// Asks the plugin to end, kills it after exit_grace, and lets go of it.
  Async<void> shut_down();
  /// Lets go; the plugin lives on.
  Async<void> detach();

 private:
  PluginProcess(Loop& loop, LaunchPlugin what, LogSink log);

  Result<void> open_pipes();
  Result<void> start(const std::vector<std::string>& extra_env);
  Async<Result<HandshakeLine>> shake_hands();
  void watch_streams();
  void heard(std::string line);
  void said(std::string line);
  std::string last_words() const;
  Async<void> kill();
  Async<void> stay_in_touch(std::string method);

  Loop& loop_;
  LaunchPlugin what_;
  LogSink log_;
  PluginLogReader log_reader_;
  std::string last_stderr_;
  std::string first_line_;
  bool has_first_line_ = false;
  std::string target_;

  std::unique_ptr<LinePipe> stdout_;
  std::unique_ptr<LinePipe> stderr_;
  std::unique_ptr<WatchedProcess> process_;
  std::unique_ptr<rpc::Channel> channel_;
  Signal changed_;
  Scope scope_;
};

}  // namespace drover::host
