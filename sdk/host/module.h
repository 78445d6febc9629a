#pragma once

#include <string>
#include <vector>

namespace drover::host {

/// How a file of a plugin folder is started.
struct PluginCommand {
  std::string program;
  std::vector<std::string> args;
  friend bool operator==(const PluginCommand&, const PluginCommand&) = default;
};

/// Whether the file is a shared module rather than a program: it is named NAME.so.
bool is_module(const std::string& path);

/// A module is served by drover-plugin-host of this installation, in a process of its own; anything else starts by itself.
/// `own_folder` is that of the program that asks (bin).
PluginCommand plugin_command(const std::string& path, const std::string& own_folder);

}  // namespace drover::host
