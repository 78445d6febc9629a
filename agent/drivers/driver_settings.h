#pragma once

#include <drover/task_config.h>

#include <map>
#include <string>
#include <vector>

#include "base/value/value.h"

namespace drover::agent {

using NodeFacts = sdk::NodeFacts;

/// A `plugin "name" { … }` block.
struct PluginSettings {
  std::vector<std::string> args;
  Value config = Value::map();
  bool auto_tls = false;  ///< certificates between agent and plugin; such a plugin ends with the agent
};

/// How the drivers of this agent are found and set up.
struct DriverSettings {
  std::vector<std::string> plugin_folders;  ///< absolute; the first with a name wins
  std::string state_folder;    ///< of the agent, 0700: what finds running drivers again
  std::string runtime_folder;  ///< absolute, 0700 and short (sockets: 107 bytes): one folder a plugin is made in it
  std::map<std::string, PluginSettings> plugins;  ///< by the name of the file or of the driver
  std::vector<std::string> allowed;  ///< driver names; empty = all
  std::vector<std::string> denied;
  std::vector<std::string> env;      ///< "NAME=value", for the plugins
  NodeFacts node;
};

}  // namespace drover::agent
