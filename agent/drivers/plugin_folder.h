#pragma once

#include <drover/result.h>

#include <string>
#include <vector>

namespace drover::agent {

/// A file of a plugin folder that is to be a driver.
struct PluginFile {
  std::string name;  ///< of the file
  std::string path;
  std::string refusal;  ///< why it is not launched; empty = launch it

  friend bool operator==(const PluginFile&, const PluginFile&) = default;
};

/// The files of the folders, sorted by name; of two with one name, that of the earlier folder. Folders inside them and
/// hidden files are passed over, a folder that is absent has no files.
std::vector<PluginFile> scan_plugin_folders(const std::vector<std::string>& folders);

/// A plugin runs with our rights: it must belong to root or to us, and nobody else may write it or its folder.
Result<void> check_plugin_file(const std::string& path);

}  // namespace drover::agent
