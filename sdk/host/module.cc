#include "sdk/host/module.h"

#include <filesystem>

namespace drover::host {

bool is_module(const std::string& path) { return path.ends_with(".so"); }

PluginCommand plugin_command(const std::string& path, const std::string& own_folder) {
  if (!is_module(path)) return {path, {}};
  const auto host = std::filesystem::path(own_folder) / ".." / "libexec" / "drover" / "drover-plugin-host";
  return {host.lexically_normal().string(), {path}};
}

}  // namespace drover::host
