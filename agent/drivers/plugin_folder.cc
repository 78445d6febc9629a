#include "agent/drivers/plugin_folder.h"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <map>

namespace drover::agent {
namespace {

namespace fs = std::filesystem;

Result<void> check_owner(const std::string& path, const std::string& what, bool sticky_is_fine) {
  struct stat status {};
  if (stat(path.c_str(), &status) != 0) return fail(Code::unavailable, "{} cannot be read: {}", what, std::strerror(errno));
  if (status.st_uid != 0 && status.st_uid != geteuid()) {
    return fail(Code::denied, "{} belongs to user {}: it must belong to root or to the agent's user", what, status.st_uid);
  }
  const bool others_write = (status.st_mode & (S_IWGRP | S_IWOTH)) != 0;
  if (others_write && !(sticky_is_fine && (status.st_mode & S_ISVTX) != 0)) {
    return fail(Code::denied, "{} is writable by others: chmod go-w {}", what, path);
  }
  return {};
}

void scan(const std::string& folder, std::map<std::string, PluginFile>& files) {
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename().string();
    std::error_code ignored;
    if (name.starts_with('.') || entry->is_directory(ignored)) continue;
    const Result<void> checked = check_plugin_file(entry->path().string());
    files.emplace(name, PluginFile{name, entry->path().string(), checked ? "" : checked.error().message});
  }
}

}  // namespace

Result<void> check_plugin_file(const std::string& path) {
  DROVER_TRY(check_owner(path, "its file", false));
  return check_owner(fs::path(path).parent_path().string(), "its folder", true);
}

std::vector<PluginFile> scan_plugin_folders(const std::vector<std::string>& folders) {
  std::map<std::string, PluginFile> files;
  for (const std::string& folder : folders) scan(folder, files);
  std::vector<PluginFile> sorted;
  for (auto& [name, file] : files) sorted.push_back(std::move(file));
  return sorted;
}

}  // namespace drover::agent
