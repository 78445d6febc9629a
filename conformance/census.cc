#include "conformance/census.h"

#include <signal.h>
#include <sys/mount.h>
#include <unistd.h>

#include <cctype>
#include <cerrno>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <thread>

namespace drover::conformance {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr auto look_every = std::chrono::milliseconds(5);

std::size_t entries_of(const std::string& folder) {
  std::error_code error;
  std::size_t count = 0;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) ++count;
  return count;
}

std::string contents(const std::string& path) {
  std::ifstream file(path);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

std::size_t descriptors_of(int pid) { return entries_of("/proc/" + std::to_string(pid) + "/fd"); }

std::size_t threads_of(int pid) { return entries_of("/proc/" + std::to_string(pid) + "/task"); }

std::size_t memory_kb_of(int pid) {
  const std::string status = contents("/proc/" + std::to_string(pid) + "/status");
  const std::size_t at = status.find("VmRSS:");
  return at == std::string::npos ? 0 : std::stoul("0" + status.substr(status.find_first_of("123456789", at), 12));
}

bool is_alive(int pid) {
  const std::string stat = contents("/proc/" + std::to_string(pid) + "/stat");
  const std::size_t name_end = stat.rfind(") ");
  return name_end != std::string::npos && stat.at(name_end + 2) != 'Z' && stat.at(name_end + 2) != 'X';
}

std::set<int> processes_with(const std::string& text) {
  std::set<int> found;
  std::error_code error;
  for (fs::directory_iterator entry("/proc", error), end; !error && entry != end; entry.increment(error)) {
    const std::string name = entry->path().filename();
    if (!std::isdigit(static_cast<unsigned char>(name.front()))) continue;
    const std::string folder = entry->path();
    const bool holds = contents(folder + "/environ").find(text) != std::string::npos || contents(folder + "/cmdline").find(text) != std::string::npos;
    if (holds && is_alive(std::stoi(name))) found.insert(std::stoi(name));
  }
  return found;
}

std::set<std::string> mounts_below(const std::string& folder) {
  std::set<std::string> found;
  std::ifstream file("/proc/self/mountinfo");
  for (std::string line; std::getline(file, line);) {
    const std::size_t at = line.find(" " + folder);
    if (at != std::string::npos) found.insert(line.substr(at + 1, line.find(' ', at + 1) - at - 1));
  }
  return found;
}

std::set<std::string> cgroups_with(const std::string& text) {
  std::set<std::string> found;
  std::error_code error;
  fs::recursive_directory_iterator entry("/sys/fs/cgroup", fs::directory_options::skip_permission_denied, error), end;
  for (; !error && entry != end; entry.increment(error)) {
    std::error_code ignored;
    if (entry->is_directory(ignored) && entry->path().filename().string().find(text) != std::string::npos) found.insert(entry->path());
  }
  return found;
}

void end_process(int pid) {
  const auto deadline = Clock::now() + removal_max;
  ::kill(pid, SIGKILL);
  while (is_alive(pid) && Clock::now() < deadline) std::this_thread::sleep_for(look_every);
}

void remove_mount(const std::string& path) { ::umount2(path.c_str(), MNT_DETACH); }

void remove_cgroup(const std::string& folder) {
  std::error_code error;
  for (fs::directory_iterator entry(folder, error), end; !error && entry != end; entry.increment(error)) {
    std::error_code ignored;
    if (entry->is_directory(ignored)) remove_cgroup(entry->path());
  }
  const auto deadline = Clock::now() + removal_max;
  // EBUSY: something runs in it, or what has died is still being taken out.
  while (::rmdir(folder.c_str()) != 0 && errno == EBUSY && Clock::now() < deadline) {
    std::ifstream processes(folder + "/cgroup.procs");
    for (int pid = 0; processes >> pid;)
      if (pid > 0) ::kill(pid, SIGKILL);
    std::this_thread::sleep_for(look_every);
  }
}

}  // namespace drover::conformance
