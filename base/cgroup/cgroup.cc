#include "base/cgroup/cgroup.h"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <csignal>
#include <cstring>
#include <filesystem>
#include <system_error>
#include <thread>

#include <sys/stat.h>
#include <unistd.h>

#include "base/cgroup/files.h"

namespace drover::cgroup {

namespace {

using Clock = std::chrono::steady_clock;

constexpr const char* task_controllers_v1[] = {"freezer", "memory", "cpu", "cpuacct", "pids"};
constexpr const char* task_controllers_v2[] = {"cpuset", "cpu", "io", "memory", "pids"};
constexpr const char* known_controllers_v1[] = {"freezer", "memory", "cpu", "cpuacct", "cpuset", "pids", "blkio", "devices"};
constexpr auto poll_pause = std::chrono::milliseconds(2);
constexpr int create_tries_max = 10;
constexpr int depth_max = 32;  // of groups below a task's own

/// All folders of a group, the deepest first.
std::vector<std::string> with_subgroups(const std::string& folder, int depth = 0) {
  std::vector<std::string> all;
  if (folder.empty() || depth > depth_max) return all;
  for (const std::string& name : folders_in(folder)) {
    const auto below = with_subgroups(folder + "/" + name, depth + 1);
    all.insert(all.end(), below.begin(), below.end());
  }
  all.push_back(folder);
  return all;
}

/// The folder whose cgroup.procs lists all of the group: any one of them does.
const std::string& main_folder(const Group& group) {
  static const std::string none;
  if (!group.v2.empty()) return group.v2;
  if (const auto freezer = group.v1.find("freezer"); freezer != group.v1.end()) return freezer->second;
  return group.v1.empty() ? none : group.v1.begin()->second;
}

std::string v1_folder(const Group& group, const char* controller) {
  const auto found = group.v1.find(controller);
  return found == group.v1.end() ? std::string() : found->second;
}

void freeze(const Group& group, bool frozen) {
  if (const std::string folder = v1_folder(group, "freezer"); !folder.empty())
    static_cast<void>(write_text(folder + "/freezer.state", frozen ? "FROZEN" : "THAWED"));
}

bool is_alive(int pid) {
  const std::string stat = read_text(text("/proc/{}/stat", pid));
  const auto name_end = stat.rfind(')');
  return name_end != std::string::npos && name_end + 2 < stat.size() && stat[name_end + 2] != 'Z' && stat[name_end + 2] != 'X';
}

void kill_once(const Group& group) {
  if (!group.v2.empty() && write_text(group.v2 + "/cgroup.kill", "1").ok() && group.v1.empty()) return;
  freeze(group, true);
  for (const int pid : processes(group)) ::kill(pid, SIGKILL);
  freeze(group, false);
}

Code code_of(int error) {
  if (error == ENOENT) return Code::unavailable;
  return error == EACCES || error == EPERM || error == EROFS ? Code::denied : Code::internal;
}

Result<void> make_folders(const std::string& root, const std::string& folder, const auto& prepare_parent) {
  const std::string relative = folder.substr(std::min(folder.size(), root.size() + 1));
  std::string at = root;
  for (std::size_t begin = 0; begin < relative.size();) {
    const std::size_t end = std::min(relative.find('/', begin), relative.size());
    prepare_parent(at);
    at += "/" + relative.substr(begin, end - begin);
    if (::mkdir(at.c_str(), 0755) != 0 && errno != EEXIST)
      return fail(code_of(errno), "create cgroup {}: {}", at, std::strerror(errno));
    begin = end + 1;
  }
  return {};
}

/// A cpuset of v1 takes no process before it has cpus and mems: what its parent has, as long as it has none.
void inherit_cpuset(const std::string& folder) {
  for (const char* name : {"/cpuset.cpus", "/cpuset.mems"}) {
    if (!words_of(read_text(folder + name)).empty()) continue;
    const auto above = words_of(read_text(std::filesystem::path(folder).parent_path().string() + name));
    if (!above.empty()) static_cast<void>(write_text(folder + name, above.front()));
  }
}

}  // namespace

std::string_view to_text(Layout layout) {
  constexpr std::string_view names[] = {"none", "v1", "mixed", "v2"};
  return names[static_cast<std::size_t>(layout)];
}

bool Hierarchy::has(std::string_view controller) const {
  return v1.count(std::string(controller)) > 0 || std::find(v2_controllers.begin(), v2_controllers.end(), controller) != v2_controllers.end();
}

Hierarchy detect(const std::string& root) {
  Hierarchy host;
  if (exists(root + "/cgroup.controllers")) {
    host.layout = Layout::v2;
    host.v2 = root;
    host.v2_controllers = words_of(read_text(root + "/cgroup.controllers"));
    return host;
  }
  for (const char* controller : known_controllers_v1) {
    std::error_code error;
    const auto folder = std::filesystem::canonical(root + "/" + controller, error);  // often a link: cpu → cpu,cpuacct
    if (!error && exists(folder.string() + "/cgroup.procs")) host.v1[controller] = folder.string();
  }
  if (exists(root + "/unified/cgroup.controllers")) {
    host.v2 = root + "/unified";
    host.v2_controllers = words_of(read_text(host.v2 + "/cgroup.controllers"));
  }
  if (!host.v1.empty()) host.layout = host.v2.empty() ? Layout::v1 : Layout::mixed;
  else if (!host.v2.empty()) host.layout = Layout::v2;
  return host;
}

std::uint64_t weight_of_shares(std::uint64_t shares) {
  if (shares == 0) return 0;
  if (shares <= 2) return 1;
  if (shares >= 262'144) return 10'000;
  const double log = std::log2(static_cast<double>(shares));
  return static_cast<std::uint64_t>(std::ceil(std::pow(10, (log * log + 125 * log) / 612.0 - 7.0 / 34.0)));
}

Group locate(const Hierarchy& host, std::string_view path, bool with_cpuset) {
  Group group;
  while (path.starts_with('/')) path.remove_prefix(1);
  if (path.empty()) return group;
  if (!host.v2.empty()) group.v2 = host.v2 + "/" + std::string(path);
  for (const auto& [controller, folder] : host.v1) {
    const bool wanted = std::find(std::begin(task_controllers_v1), std::end(task_controllers_v1), controller) != std::end(task_controllers_v1);
    if (wanted || (with_cpuset && controller == "cpuset")) group.v1[controller] = folder + "/" + std::string(path);
  }
  return group;
}

namespace {

Result<void> create_once(const Hierarchy& host, const Group& group) {
  if (!group.v2.empty()) {
    const auto switch_on = [&host](const std::string& parent) {
      for (const char* controller : task_controllers_v2)
        if (host.has(controller)) static_cast<void>(write_text(parent + "/cgroup.subtree_control", text("+{}", controller)));
    };
    DROVER_TRY(make_folders(host.v2, group.v2, switch_on));
  }
  for (const auto& [controller, folder] : group.v1) {
    const auto root = host.v1.find(controller);
    if (root == host.v1.end()) return fail(Code::not_found, "this host has no cgroup controller {}", controller);
    const bool is_cpuset = controller == "cpuset";
    const std::string& top = root->second;
    const auto prepare = [is_cpuset, &top](const std::string& parent) {
      if (is_cpuset && parent != top) inherit_cpuset(parent);
    };
    DROVER_TRY(make_folders(top, folder, prepare));
    if (is_cpuset) inherit_cpuset(folder);
  }
  return {};
}

}  // namespace

Result<void> create(const Hierarchy& host, const Group& group) {
  // Somebody may remove the parents, empty at that moment, between two of our steps.
  for (int i = 0; i < create_tries_max; ++i)
    if (const auto created = create_once(host, group); created.ok() || created.error().code != Code::unavailable) return created;
  return create_once(host, group);
}

std::vector<int> processes(const Group& group) {
  std::vector<int> pids;
  for (const std::string& folder : with_subgroups(main_folder(group)))
    for (const std::string& word : words_of(read_text(folder + "/cgroup.procs"))) pids.push_back(std::atoi(word.c_str()));
  std::sort(pids.begin(), pids.end());
  pids.erase(std::unique(pids.begin(), pids.end()), pids.end());
  std::erase_if(pids, [](int pid) { return pid <= 0; });  // 0: a process of a pid namespace that we cannot see
  return pids;
}

Result<void> kill_all(const Group& group, std::chrono::milliseconds limit) {
  const auto deadline = Clock::now() + limit;
  for (;;) {
    const auto pids = processes(group);
    if (std::none_of(pids.begin(), pids.end(), is_alive)) return {};
    kill_once(group);
    if (Clock::now() >= deadline) return fail(Code::timeout, "{} processes of cgroup {} do not die", pids.size(), main_folder(group));
    std::this_thread::sleep_for(poll_pause);
  }
}

Result<void> remove(const Group& group, std::chrono::milliseconds limit) {
  std::vector<std::string> folders = with_subgroups(group.v2);
  for (const auto& [controller, folder] : group.v1) {
    const auto below = with_subgroups(folder);
    folders.insert(folders.end(), below.begin(), below.end());
  }
  const auto deadline = Clock::now() + limit;
  for (const std::string& folder : folders)
    while (::rmdir(folder.c_str()) != 0 && errno != ENOENT) {
      const int error = errno;
      // EBUSY: what has died is still being taken out.
      if (error != EBUSY || Clock::now() >= deadline) return fail(Code::unavailable, "remove cgroup {}: {}", folder, std::strerror(error));
      std::this_thread::sleep_for(poll_pause);
    }
  return {};
}

void remove_parents(const Group& group, std::string_view path) {
  std::vector<std::string> folders;
  if (!group.v2.empty()) folders.push_back(group.v2);
  for (const auto& [controller, folder] : group.v1) folders.push_back(folder);
  const auto depth = std::count(path.begin(), path.end(), '/');
  for (const std::string& folder : folders) {
    std::filesystem::path above = folder;
    for (auto level = depth; level > 0; --level) {
      above = above.parent_path();
      if (::rmdir(above.c_str()) != 0 && errno != ENOENT) break;
    }
  }
}

std::uint64_t oom_kills(const Group& group) {
  if (const std::string memory = v1_folder(group, "memory"); !memory.empty())
    return find_number(read_text(memory + "/memory.oom_control"), "oom_kill").value_or(0);
  if (group.v2.empty()) return 0;
  return find_number(read_text(group.v2 + "/memory.events"), "oom_kill").value_or(0);
}

Result<void> add_process(const Group& group, int pid) {
  if (!group.v2.empty()) DROVER_TRY(write_text(group.v2 + "/cgroup.procs", text("{}", pid)));
  for (const auto& [controller, folder] : group.v1) DROVER_TRY(write_text(folder + "/cgroup.procs", text("{}", pid)));
  return {};
}

}  // namespace drover::cgroup
