#include "sdk/shim/remains.h"

#include <csignal>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>
#include <thread>

namespace drover::sdk::shim {

namespace {

using Clock = std::chrono::steady_clock;

constexpr auto remove_limit = std::chrono::seconds(5);
constexpr auto poll_pause = std::chrono::milliseconds(2);

std::string read_text(const std::string& path) {
  std::ifstream file(path);
  std::ostringstream content;
  if (file) content << file.rdbuf();
  return content.str();
}

std::set<int> children(int pid) {
  std::set<int> found;
  std::error_code error;
  const std::filesystem::path tasks = text("/proc/{}/task", pid);
  for (std::filesystem::directory_iterator at(tasks, error), end; !error && at != end; at.increment(error)) {
    std::istringstream pids(read_text(at->path() / "children"));
    for (int child = 0; pids >> child;) found.insert(child);
  }
  return found;
}

/// Field 6 of /proc/PID/stat; 0 when there is none.
int session_of(int pid) {
  const std::string stat = read_text(text("/proc/{}/stat", pid));
  const auto name_end = stat.rfind(')');
  if (name_end == std::string::npos) return 0;
  std::istringstream rest(stat.substr(name_end + 1));
  std::string state;
  int parent = 0, group = 0, session = 0;
  rest >> state >> parent >> group >> session;
  return session;
}

std::set<int> session_members(int session) {
  std::set<int> members;
  std::error_code error;
  for (std::filesystem::directory_iterator at("/proc", error), end; !error && at != end; at.increment(error)) {
    const int pid = std::atoi(at->path().filename().c_str());
    if (pid > 1 && session_of(pid) == session) members.insert(pid);
  }
  return members;
}

/// Named so that a pid that is given out again meanwhile is not touched.
std::vector<ProcessId> identify_all(const std::set<int>& pids) {
  std::vector<ProcessId> ids;
  for (const int pid : pids)
    if (const auto id = identify(pid); id.ok()) ids.push_back(*id);
  return ids;
}

}  // namespace

std::set<int> descendants(int pid) {
  std::set<int> all;
  std::vector<int> open{pid};
  while (!open.empty()) {
    const int next = open.back();
    open.pop_back();
    for (const int child : children(next))
      if (all.insert(child).second) open.push_back(child);
  }
  return all;
}

Result<void> kill_remains(const ProcessId& main, const Placement& placement, std::chrono::milliseconds limit) {
  const auto deadline = Clock::now() + limit;
  // Only while the main process is there do its pid and session surely mean this tree.
  if (const auto pinned = open_pidfd(main); pinned.ok()) {
    std::set<int> pids = descendants(main.pid);
    pids.merge(session_members(main.pid));
    pids.insert(main.pid);
    for (const ProcessId& id : identify_all(pids)) static_cast<void>(send_signal(id, SIGKILL));
  }
  if (placement.owned) DROVER_TRY(cgroup::kill_all(placement.group, limit));
  while (is_running(main)) {
    if (Clock::now() >= deadline) return fail(Code::timeout, "process {} does not die", main.pid);
    std::this_thread::sleep_for(poll_pause);
  }
  return {};
}

Result<void> remove_group(const Placement& placement) {
  DROVER_TRY(cgroup::remove(placement.group, remove_limit));
  cgroup::remove_parents(placement.group, placement.path);
  return {};
}

}  // namespace drover::sdk::shim
