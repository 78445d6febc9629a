#include "agent/facts/machine_facts.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <sys/statvfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>

namespace drover::agent {
namespace {
namespace fs = std::filesystem;

constexpr std::uint64_t nominal_mhz = 1000;  ///< of a core that does not say; never a current frequency, so that equal machines report equal numbers
constexpr std::size_t file_bytes_max = 4 << 20;
constexpr std::uint32_t cores_max = 4096;

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::string text;
  char buffer[4096];
  while (text.size() < file_bytes_max && (file.read(buffer, sizeof buffer) || file.gcount() > 0))
    text.append(buffer, static_cast<std::size_t>(file.gcount()));
  return text;
}

std::string trimmed(std::string text) {
  text.erase(text.find_last_not_of(" \t\r\n") + 1);
  text.erase(0, std::min(text.size(), text.find_first_not_of(" \t\r\n")));
  return text;
}

std::string read_line(const std::string& path) { return trimmed(read_text(path)); }

std::uint64_t number_in(const std::string& path) { return std::strtoull(read_line(path).c_str(), nullptr, 10); }

/// `key=value` lines as /etc/os-release has them, quotes taken off.
std::string os_release(const std::string& text, const std::string& key) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with(key + "=")) continue;
    std::string value = line.substr(key.size() + 1);
    if (value.size() >= 2 && value.front() == '"' && value.back() == '"') value = value.substr(1, value.size() - 2);
    return value;
  }
  return "";
}

std::string go_arch(const std::string& machine) {
  if (machine == "x86_64") return "amd64";
  if (machine == "aarch64") return "arm64";
  if (machine.starts_with("i") && machine.ends_with("86")) return "386";
  return machine;
}

std::uint64_t nominal(const CpuCoreFacts& core) { return core.mhz_base ? core.mhz_base : core.mhz_max ? core.mhz_max : core.mhz_guess; }

void read_cores(const MachinePaths& paths, HostReport& report) {
  const std::string cpus = paths.root + "/sys/devices/system/cpu";
  std::vector<std::uint32_t> online = parse_id_set(read_line(cpus + "/online"));
  if (online.empty()) {
    report.missing.push_back("processors: /sys/devices/system/cpu/online cannot be read, taking the number that the system gives");
    for (std::uint32_t id = 0; id < static_cast<std::uint32_t>(std::max(1L, sysconf(_SC_NPROCESSORS_ONLN))); ++id) online.push_back(id);
  }
  for (const std::uint32_t id : online) {
    const std::string cpu = cpus + "/cpu" + std::to_string(id);
    CpuCoreFacts core{.id = id};
    core.socket = static_cast<std::uint32_t>(number_in(cpu + "/topology/physical_package_id"));
    core.mhz_base = number_in(cpu + "/cpufreq/base_frequency") / 1000;
    core.mhz_max = number_in(cpu + "/cpufreq/cpuinfo_max_freq") / 1000;
    core.mhz_guess = core.mhz_base == 0 && core.mhz_max == 0 ? nominal_mhz : 0;
    report.cores.push_back(core);
  }
  std::error_code problem;
  std::uint64_t nodes = 0;
  for (const auto& entry : fs::directory_iterator(paths.root + "/sys/devices/system/node", problem)) {
    const std::string name = entry.path().filename().string();
    if (!name.starts_with("node") || name.find_first_not_of("0123456789", 4) != std::string::npos || name.size() == 4) continue;
    const auto node = static_cast<std::uint32_t>(std::strtoul(name.c_str() + 4, nullptr, 10));
    const std::string list = read_line(entry.path().string() + "/cpulist");
    report.attributes["numa.node" + std::to_string(node) + ".cores"] = list;
    ++nodes;
    for (const std::uint32_t id : parse_id_set(list)) {
      for (CpuCoreFacts& core : report.cores) {
        if (core.id == id) core.numa_node = node;
      }
    }
  }
  report.attributes["numa.node.count"] = std::to_string(std::max<std::uint64_t>(1, nodes));
}

void read_cpu_attributes(const MachinePaths& paths, HostReport& report) {
  std::istringstream lines(read_text(paths.root + "/proc/cpuinfo"));
  for (std::string line; std::getline(lines, line);) {
    if (!line.starts_with("model name")) continue;
    report.attributes["cpu.modelname"] = trimmed(line.substr(line.find(':') + 1));
    break;
  }
  std::uint64_t total = 0;
  for (const CpuCoreFacts& core : report.cores) total += nominal(core);
  report.attributes["cpu.numcores"] = std::to_string(report.cores.size());
  report.attributes["cpu.reservablecores"] = std::to_string(report.cores.size());
  report.attributes["cpu.totalcompute"] = std::to_string(total);
  report.attributes["cpu.usablecompute"] = std::to_string(total);
  if (!report.cores.empty()) {
    report.attributes["cpu.frequency"] = std::to_string(nominal(report.cores.front()));
    report.attributes["cpu.compute.source"] = report.cores.front().mhz_base ? "base" : report.cores.front().mhz_max ? "max" : "nominal";
  }
}

void read_host(const MachinePaths& paths, HostReport& report) {
  utsname names{};
  uname(&names);
  report.hostname = names.nodename;
  auto& attributes = report.attributes;
  attributes["cpu.arch"] = go_arch(names.machine);
  attributes["kernel.arch"] = names.machine;
  attributes["kernel.name"] = "linux";
  attributes["kernel.version"] = names.release;
  attributes["unique.hostname"] = names.nodename;
  const std::string release = read_text(paths.root + "/etc/os-release");
  attributes["os.name"] = os_release(release, "ID").empty() ? "linux" : os_release(release, "ID");
  attributes["os.version"] = os_release(release, "VERSION_ID");
  attributes["os.cgroups.version"] = fs::exists(paths.root + "/sys/fs/cgroup/cgroup.controllers") ? "2" : "1";
  if (const std::string id = read_line(paths.root + "/etc/machine-id"); !id.empty()) attributes["unique.host_id"] = id;
  attributes["os.signals"] = "SIGABRT,SIGALRM,SIGBUS,SIGCHLD,SIGCONT,SIGFPE,SIGHUP,SIGILL,SIGINT,SIGIO,SIGIOT,SIGKILL,SIGNULL,SIGPIPE,SIGPROF,"
                             "SIGQUIT,SIGSEGV,SIGSTOP,SIGSYS,SIGTERM,SIGTRAP,SIGTSTP,SIGTTIN,SIGTTOU,SIGURG,SIGUSR1,SIGUSR2,SIGWINCH,SIGXCPU,SIGXFSZ";
}

/// The device of the route to 0.0.0.0, and its gateway, from /proc/net/route.
std::pair<std::string, std::string> default_route(const std::string& text) {
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string device, destination, gateway;
    words >> device >> destination >> gateway;
    if (destination != "00000000") continue;
    in_addr address{};
    address.s_addr = static_cast<in_addr_t>(std::strtoul(gateway.c_str(), nullptr, 16));
    char shown[INET_ADDRSTRLEN] = "";
    inet_ntop(AF_INET, &address, shown, sizeof shown);
    return {device, shown};
  }
  return {};
}

std::string address_text(const sockaddr* address) {
  char shown[INET6_ADDRSTRLEN] = "";
  const void* bytes = address->sa_family == AF_INET ? static_cast<const void*>(&reinterpret_cast<const sockaddr_in*>(address)->sin_addr)
                                                    : static_cast<const void*>(&reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr);
  inet_ntop(address->sa_family, bytes, shown, sizeof shown);
  return shown;
}

bool is_link_local(const std::string& address) { return address.starts_with("169.254.") || address.starts_with("fe80"); }

void read_interfaces(const MachinePaths& paths, HostReport& report) {
  ifaddrs* list = nullptr;
  if (getifaddrs(&list) != 0) {
    report.missing.push_back("network interfaces: the kernel does not list them");
    return;
  }
  const auto [route_device, gateway] = default_route(read_text(paths.root + "/proc/net/route"));
  std::map<std::string, InterfaceFacts> found;
  for (const ifaddrs* entry = list; entry; entry = entry->ifa_next) {
    if (!(entry->ifa_flags & IFF_UP) || !entry->ifa_addr) continue;
    InterfaceFacts& facts = found[entry->ifa_name];
    facts.device = entry->ifa_name;
    facts.loopback = (entry->ifa_flags & IFF_LOOPBACK) != 0;
    if (entry->ifa_addr->sa_family != AF_INET && entry->ifa_addr->sa_family != AF_INET6) continue;
    const bool v4 = entry->ifa_addr->sa_family == AF_INET;
    facts.addresses.push_back({v4 ? "ipv4" : "ipv6", address_text(entry->ifa_addr), facts.device == route_device && v4 ? gateway : ""});
  }
  freeifaddrs(list);
  for (auto& [name, facts] : found) {
    const std::string device = paths.root + "/sys/class/net/" + name;
    facts.mac = read_line(device + "/address");
    const std::string speed = read_line(device + "/speed");
    if (const long value = std::atol(speed.c_str()); value > 0) facts.speed_mbits = value;
    facts.default_route = name == route_device;
    const bool better = std::ranges::any_of(facts.addresses, [](const auto& a) { return !is_link_local(a.address); });
    if (better) std::erase_if(facts.addresses, [](const auto& a) { return is_link_local(a.address); });
    report.interfaces.push_back(facts);
  }
}

/// The nearest ancestor that exists.
std::string existing(std::string path) {
  std::error_code problem;
  while (!path.empty() && path != "/" && !fs::exists(path, problem)) path = fs::path(path).parent_path().string();
  return path.empty() ? "/" : path;
}

/// The device mounted on the longest mount point that holds `path`: (device, mount point).
std::pair<std::string, std::string> mount_of(const std::string& mounts, const std::string& path) {
  std::pair<std::string, std::string> best;
  std::istringstream lines(mounts);
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string device, point;
    words >> device >> point;
    const bool holds = point == "/" || path == point || path.starts_with(point + "/");
    if (holds && point.size() >= best.second.size()) best = {device, point};
  }
  return best;
}

void read_storage(const MachinePaths& paths, HostReport& report) {
  const std::string folder = existing(paths.alloc_dir);
  struct statvfs stats {};
  if (statvfs(folder.c_str(), &stats) != 0) {
    report.missing.push_back("storage: " + folder + " cannot be looked at");
    return;
  }
  report.disk_bytes = static_cast<std::uint64_t>(stats.f_blocks) * stats.f_frsize;
  report.disk_free_bytes = static_cast<std::uint64_t>(stats.f_bavail) * stats.f_frsize;
  report.disk_volume = mount_of(read_text(paths.root + "/proc/mounts"), folder).first;
  report.attributes["unique.storage.volume"] = report.disk_volume;
  report.attributes["unique.storage.bytestotal"] = std::to_string(report.disk_bytes);
}

DiskUse disk_use(const std::string& device, const std::string& point) {
  DiskUse use{.device = device, .mountpoint = point};
  struct statvfs stats {};
  if (statvfs(point.c_str(), &stats) != 0) return use;
  use.size = static_cast<std::uint64_t>(stats.f_blocks) * stats.f_frsize;
  use.available = static_cast<std::uint64_t>(stats.f_bavail) * stats.f_frsize;
  use.used = use.size - static_cast<std::uint64_t>(stats.f_bfree) * stats.f_frsize;
  if (use.used + use.available > 0) use.used_percent = 100.0 * static_cast<double>(use.used) / static_cast<double>(use.used + use.available);
  if (stats.f_files > 0) use.inodes_used_percent = 100.0 * static_cast<double>(stats.f_files - stats.f_ffree) / static_cast<double>(stats.f_files);
  return use;
}

/// Everything that use() reads, before rates are made of it.
struct Sample {
  HostUse use;
  std::map<std::string, CpuTimes> times;
};

Sample take_sample(const MachinePaths& paths) {
  Sample sample;
  auto memory = parse_meminfo(read_text(paths.root + "/proc/meminfo"));
  sample.use.memory_total = memory["MemTotal"];
  sample.use.memory_free = memory["MemFree"];
  sample.use.memory_available = memory["MemAvailable"];
  sample.use.memory_used = sample.use.memory_total - sample.use.memory_available;
  sample.use.uptime_seconds = number_in(paths.root + "/proc/uptime");
  sample.times = parse_cpu_times(read_text(paths.root + "/proc/stat"));
  const std::string mounts = read_text(paths.root + "/proc/mounts");
  std::istringstream lines(mounts);
  std::set<std::string> seen;
  for (std::string line; std::getline(lines, line);) {
    std::istringstream words(line);
    std::string device, point;
    words >> device >> point;
    if (device.starts_with("/dev/") && seen.insert(device).second) sample.use.disks.push_back(disk_use(device, point));
  }
  const std::string folder = existing(paths.alloc_dir);
  sample.use.alloc_disk = disk_use(mount_of(mounts, folder).first, folder);
  return sample;
}

CpuUse rates(const std::string& name, const CpuTimes& before, const CpuTimes& now, double mhz) {
  CpuUse use{.cpu = name};
  const double total = static_cast<double>(now.total - std::min(before.total, now.total));
  if (total <= 0) return use;
  auto percent = [total](std::uint64_t from, std::uint64_t to) { return 100.0 * static_cast<double>(to - std::min(from, to)) / total; };
  use.user = percent(before.user, now.user);
  use.system = percent(before.system, now.system);
  use.idle = percent(before.idle, now.idle);
  use.total_percent = std::max(0.0, 100.0 - use.idle);
  use.total_ticks = use.total_percent / 100.0 * mhz;
  return use;
}

}  // namespace

std::vector<std::uint32_t> parse_id_set(const std::string& text) {
  std::vector<std::uint32_t> ids;
  std::istringstream parts(text);
  for (std::string part; std::getline(parts, part, ',');) {
    const std::size_t dash = part.find('-');
    char* end = nullptr;
    const unsigned long first = std::strtoul(part.c_str(), &end, 10);
    if (end == part.c_str()) continue;
    const unsigned long last = dash == std::string::npos ? first : std::strtoul(part.c_str() + dash + 1, nullptr, 10);
    for (unsigned long id = first; id <= last && ids.size() < cores_max; ++id) ids.push_back(static_cast<std::uint32_t>(id));
  }
  return ids;
}

std::map<std::string, std::uint64_t> parse_meminfo(const std::string& text) {
  std::map<std::string, std::uint64_t> found;
  std::istringstream lines(text);
  for (std::string line; std::getline(lines, line);) {
    const auto colon = line.find(':');
    if (colon != std::string::npos) found[line.substr(0, colon)] = std::strtoull(line.c_str() + colon + 1, nullptr, 10) * 1024;
  }
  return found;
}

std::map<std::string, CpuTimes> parse_cpu_times(const std::string& proc_stat) {
  std::map<std::string, CpuTimes> found;
  std::istringstream lines(proc_stat);
  for (std::string line; std::getline(lines, line) && line.starts_with("cpu");) {
    std::istringstream words(line);
    std::string name;
    std::uint64_t user = 0, nice = 0, system = 0, idle = 0, iowait = 0, irq = 0, softirq = 0, steal = 0;
    words >> name >> user >> nice >> system >> idle >> iowait >> irq >> softirq >> steal;
    found[name] = {.user = user + nice, .system = system, .idle = idle + iowait, .total = user + nice + system + idle + iowait + irq + softirq + steal};
  }
  return found;
}

HostReport read_report(const MachinePaths& paths) {
  HostReport report;
  read_host(paths, report);
  read_cores(paths, report);
  read_cpu_attributes(paths, report);
  report.memory_bytes = parse_meminfo(read_text(paths.root + "/proc/meminfo"))["MemTotal"];
  if (report.memory_bytes == 0) report.missing.push_back("memory: /proc/meminfo cannot be read");
  report.attributes["memory.totalbytes"] = std::to_string(report.memory_bytes);
  read_storage(paths, report);
  read_interfaces(paths, report);
  return report;
}

MachineFacts::MachineFacts(Loop& loop, MachinePaths paths) : loop_(loop), paths_(std::move(paths)), thread_(1) {}

Async<HostReport> MachineFacts::read() {
  std::function<HostReport()> look = [paths = paths_] { return read_report(paths); };
  Result<HostReport> report = co_await run_on_pool<HostReport>(thread_, loop_, std::move(look));
  if (!report.ok()) {
    HostReport none;
    none.missing.push_back(report.error().message);
    co_return none;
  }
  total_mhz_ = 0;
  for (const CpuCoreFacts& core : report->cores) total_mhz_ += static_cast<double>(nominal(core));
  co_return std::move(*report);
}

Async<HostUse> MachineFacts::use() {
  std::function<Sample()> look = [paths = paths_] { return take_sample(paths); };
  Result<Sample> sample = co_await run_on_pool<Sample>(thread_, loop_, std::move(look));
  if (!sample.ok()) co_return HostUse{};
  const double cores = static_cast<double>(std::max<std::size_t>(2, sample->times.size()) - 1);
  for (const auto& [name, now] : sample->times) {
    const bool whole = name == "cpu";
    const CpuUse use = rates(name, last_[name], now, whole ? total_mhz_ : total_mhz_ / cores);
    if (whole) sample->use.cpu_ticks = use.total_ticks;
    else sample->use.cpus.push_back(use);
  }
  last_ = std::move(sample->times);
  co_return std::move(sample->use);
}

}  // namespace drover::agent
