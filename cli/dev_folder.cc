#include "cli/dev_folder.h"

#include <poll.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <sstream>
#include <vector>

namespace drover::cli {
namespace fs = std::filesystem;
namespace {

constexpr const char* name_prefix = "drover-dev-";
constexpr int end_rounds_max = 50;  ///< of 20 ms: how long killed processes may take to go
constexpr std::size_t text_max = 1 << 20;

std::string read_small(const fs::path& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text;
  char buffer[4096];
  while (text.size() < text_max && (file.read(buffer, sizeof buffer) || file.gcount() > 0)) text.append(buffer, static_cast<std::size_t>(file.gcount()));
  return text;
}

struct Process {
  pid_t pid = 0;
  pid_t parent = 0;
  bool belongs = false;  ///< to the folder
};

/// A helper of ours that was started for this folder, or a task of it.
bool is_ours(const fs::path& process, const std::string& folder) {
  const std::string environment = read_small(process / "environ");
  if (environment.find("NOMAD_ALLOC_DIR=" + folder) != std::string::npos) return true;
  std::error_code problem;
  const fs::path program = fs::read_symlink(process / "exe", problem);
  const std::string name = program.filename().string();
  const bool helper = name.starts_with("drover-shim") || name.starts_with("drover-logs") || program.string().find("/drover/plugins/") != std::string::npos;
  return helper && (environment.find(folder) != std::string::npos || read_small(process / "cmdline").find(folder) != std::string::npos);
}

std::vector<Process> processes(const std::string& folder) {
  std::vector<Process> found;
  std::error_code problem;
  for (const auto& entry : fs::directory_iterator("/proc", problem)) {
    const std::string name = entry.path().filename().string();
    if (name.find_first_not_of("0123456789") != std::string::npos) continue;
    const std::string stat = read_small(entry.path() / "stat");
    const auto bracket = stat.rfind(") ");
    if (bracket == std::string::npos || stat[bracket + 2] == 'Z') continue;
    Process process{.pid = std::atoi(name.c_str()), .parent = std::atoi(stat.c_str() + bracket + 4)};
    process.belongs = process.pid != getpid() && is_ours(entry.path(), folder);
    found.push_back(process);
  }
  return found;
}

/// Kills every process that belongs to the folder, and their children.
void end_processes(const std::string& folder) {
  for (int round = 0; round < end_rounds_max; ++round) {
    auto all = processes(folder);
    bool grew = true;
    while (grew) {
      grew = false;
      for (Process& child : all) {
        if (child.belongs || child.pid == getpid()) continue;
        child.belongs = std::ranges::any_of(all, [&child](const Process& p) { return p.belongs && p.pid == child.parent; });
        grew = grew || child.belongs;
      }
    }
    const bool any = std::ranges::any_of(all, &Process::belongs);
    for (const Process& process : all) {
      if (process.belongs) kill(process.pid, SIGKILL);
    }
    if (!any) return;
    poll(nullptr, 0, 20);
  }
}

void remove_folder(const fs::path& folder) {
  std::istringstream mounts(read_small("/proc/self/mounts"));
  std::vector<std::string> points;
  for (std::string line; std::getline(mounts, line);) {
    std::istringstream words(line);
    std::string device, point;
    words >> device >> point;
    if (point.starts_with(folder.string() + "/")) points.push_back(point);
  }
  for (auto point = points.rbegin(); point != points.rend(); ++point) umount2(point->c_str(), MNT_DETACH);
  std::error_code problem;
  fs::remove_all(folder, problem);
}

void clean_up_after_others(const fs::path& parent) {
  std::error_code problem;
  for (const auto& entry : fs::directory_iterator(parent, problem)) {
    if (!entry.path().filename().string().starts_with(name_prefix)) continue;
    struct stat owner {};
    if (lstat(entry.path().c_str(), &owner) != 0 || !S_ISDIR(owner.st_mode) || owner.st_uid != geteuid()) continue;
    auto lock = FileLock::take(entry.path());
    if (!lock.ok()) continue;  // alive
    end_processes(entry.path().string());
    remove_folder(entry.path());
  }
}

}  // namespace

Result<DevFolder> DevFolder::make(const fs::path& parent) {
  clean_up_after_others(parent);
  std::string name = (parent / (std::string(name_prefix) + "XXXXXX")).string();
  if (!mkdtemp(name.data())) return fail(Code::denied, "make a temporary folder in {}: {}", parent.string(), std::strerror(errno));
  DROVER_LET(FileLock lock, FileLock::take(name));
  return DevFolder(name, std::move(lock));
}

DevFolder::~DevFolder() {
  if (path_.empty()) return;
  end_processes(path_.string());
  remove_folder(path_);
}

}  // namespace drover::cli
