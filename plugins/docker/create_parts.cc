// The parts of a create request that need thought: limits, capabilities, ports, paths.
#include <algorithm>
#include <cctype>
#include <charconv>
#include <filesystem>

#include "plugins/docker/create.h"

namespace drover::docker {
namespace {

constexpr std::int64_t mib = 1024 * 1024;
constexpr std::int64_t shares_min = 2;
constexpr std::uint64_t shares_max = 262'144;

/// What the engine gives a container of itself.
constexpr std::string_view engine_caps[] = {"audit_write", "chown",   "dac_override", "fowner",  "fsetid",  "kill",      "mknod",
                                            "net_bind_service", "net_raw", "setfcap",      "setgid",  "setpcap", "setuid", "sys_chroot"};

std::string cap_name(std::string_view text) {
  std::string name;
  for (const char c : text) {
    if (c != ' ') name += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
  }
  return name.starts_with("cap_") ? name.substr(4) : name;
}

std::set<std::string> cap_set(const std::vector<std::string>& names) {
  std::set<std::string> out;
  for (const std::string& name : names) out.insert(cap_name(name));
  out.erase("");
  return out;
}

Result<std::int64_t> limit_number(const std::string& name, std::string_view text) {
  std::int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) return fail(Code::invalid, "ulimit {}: \"{}\" is no number", name, text);
  return number;
}

bool is_within(const std::filesystem::path& inner, const std::filesystem::path& outer) {
  const auto [left, right] = std::mismatch(outer.begin(), outer.end(), inner.begin(), inner.end());
  static_cast<void>(right);
  return left == outer.end();
}

/// The source of a mount as an absolute path of the host; without `enabled` one of the allocation, links followed.
Result<std::string> host_source(const sdk::TaskConfig& task, const std::string& source, bool enabled) {
  namespace fs = std::filesystem;
  const fs::path given = fs::path(source).is_absolute() ? fs::path(source) : fs::path(task.task_dir()) / source;
  if (enabled) return given.lexically_normal().string();
  std::error_code error;
  const fs::path resolved = fs::weakly_canonical(given, error);
  if (error) return fail(Code::invalid, "mount source '{}' cannot be resolved: {}", source, error.message());
  const fs::path home = fs::weakly_canonical(task.alloc_dir, error);
  if (error || !is_within(resolved, home)) {
    return fail(Code::denied, "volumes are not enabled; cannot mount host paths: '{}' lies outside of the allocation", source);
  }
  return resolved.string();
}

const sdk::Port* find_port(const std::vector<sdk::Port>& ports, const std::string& label) {
  const auto found = std::find_if(ports.begin(), ports.end(), [&label](const sdk::Port& port) { return port.label == label; });
  return found == ports.end() ? nullptr : &*found;
}

void publish_legacy(const sdk::TaskNetwork& network, const std::vector<sdk::Port>& ports, const Options& options, Ports& out) {
  for (const sdk::Port& port : ports) {
    const auto mapped = options.port_map.find(port.label);
    const int inside = mapped == options.port_map.end() ? port.value : mapped->second;
    out.publish.push_back({inside, port.value, network.ip});
    if (mapped != options.port_map.end()) out.env["NOMAD_PORT_" + port.label] = std::to_string(inside);
  }
}

}  // namespace

Result<MemoryLimits> memory_limits(const sdk::Resources& resources, std::int64_t hard_limit_mb) {
  const std::int64_t asked = resources.memory_mb;
  if (resources.memory_max_mb < 0) return MemoryLimits{0, asked * mib};
  const std::int64_t hard = std::max(hard_limit_mb, resources.memory_max_mb);
  if (hard == 0) return MemoryLimits{asked * mib, 0};
  if (asked > hard) {
    return fail(Code::invalid, "memory_hard_limit of {} MB is below the {} MB of memory that the task reserves", hard, asked);
  }
  return MemoryLimits{hard * mib, asked * mib};
}

std::int64_t cpu_shares(std::int64_t mhz, std::uint64_t node_mhz) {
  if (node_mhz < shares_max) return std::max(mhz, shares_min);
  const double share = static_cast<double>(mhz) / static_cast<double>(node_mhz) * static_cast<double>(shares_max);
  return std::max(static_cast<std::int64_t>(share), shares_min);
}

Result<std::vector<Ulimit>> ulimits(const Texts& options) {
  std::vector<Ulimit> out;
  for (const auto& [name, value] : options) {
    if (value.empty()) return fail(Code::invalid, "ulimit {} is empty: write \"soft\" or \"soft:hard\"", name);
    const std::size_t colon = value.find(':');
    DROVER_LET(const std::int64_t soft, limit_number(name, std::string_view(value).substr(0, colon)));
    std::int64_t hard = soft;
    if (colon != std::string::npos) {
      DROVER_LET(hard, limit_number(name, std::string_view(value).substr(colon + 1)));
    }
    out.push_back({name, soft, hard});
  }
  return out;
}

Result<Capabilities> capabilities(const Options& options, const PluginOptions& plugin) {
  const std::set<std::string> allowed = cap_set(plugin.allow_caps);
  const std::set<std::string> add = cap_set(options.cap_add);
  const std::set<std::string> drop = cap_set(options.cap_drop);
  if (!allowed.contains("all")) {
    std::string refused;
    for (const std::string& cap : add) {
      if (!allowed.contains(cap)) refused += (refused.empty() ? "" : ", ") + cap;
    }
    if (!refused.empty()) return fail(Code::denied, "driver does not allow the following capabilities: {}", refused);
  }
  Capabilities out;
  if (add.contains("all")) {
    out.add = {"all"};
  } else {
    out.add.assign(add.begin(), add.end());
  }
  std::set<std::string> without = drop;
  for (const std::string_view cap : engine_caps) {
    if (!allowed.contains("all") && !allowed.contains(std::string(cap))) without.insert(std::string(cap));
  }
  if (drop.contains("all")) {
    out.drop = {"all"};
  } else {
    out.drop.assign(without.begin(), without.end());
  }
  return out;
}

Result<Ports> published_ports(const sdk::TaskConfig& task, const Options& options) {
  Ports out;
  if (!task.resources.ports.empty() && !options.port_map.empty()) {
    return fail(Code::invalid, "'port_map' cannot map group network ports: list their labels in 'ports' and give them 'to' in the group's network");
  }
  for (const std::string& label : options.ports) {
    const sdk::Port* port = find_port(task.resources.ports, label);
    if (port == nullptr) return fail(Code::invalid, "port \"{}\" not found, check network block", label);
    out.publish.push_back({port->to > 0 ? port->to : port->value, port->value, port->host_ip});
  }
  for (const sdk::TaskNetwork& network : task.resources.networks) {
    publish_legacy(network, network.reserved_ports, options, out);
    publish_legacy(network, network.dynamic_ports, options, out);
  }
  return out;
}

Result<std::vector<std::string>> binds(const sdk::TaskConfig& task, const Options& options, const PluginOptions& plugin) {
  const std::string label = plugin.volumes.selinuxlabel;
  const auto own = [&label](const std::string& source, const std::string& target, std::string mode) {
    if (!label.empty()) mode += (mode.empty() ? "" : ",") + label;
    return source + ":" + target + (mode.empty() ? "" : ":" + mode);
  };
  const auto inside = [&task](const char* variable, const char* otherwise) {
    const auto found = task.env.find(variable);
    return found == task.env.end() ? std::string(otherwise) : found->second;
  };
  const std::string shared = inside("NOMAD_ALLOC_DIR", "/alloc");
  std::vector<std::string> out{own(task.shared_dir(), shared, ""), own(task.task_dir() + "/local", inside("NOMAD_TASK_DIR", "/local"), ""),
                               own(task.task_dir() + "/secrets", inside("NOMAD_SECRETS_DIR", "/secrets"), ""),
                               own(task.shared_dir() + "/logs", shared + "/logs", "ro")};
  const bool local_driver = options.volume_driver.empty() || options.volume_driver == "local";
  if (!local_driver && !plugin.volumes.enabled) {
    return fail(Code::denied, "volumes are not enabled; cannot use volume driver '{}'", options.volume_driver);
  }
  for (const std::string& volume : options.volumes) {
    const std::size_t first = volume.find(':');
    if (first == std::string::npos || first == 0 || first + 1 == volume.size()) return fail(Code::invalid, "invalid docker volume: \"{}\": write source:target", volume);
    const std::size_t second = volume.find(':', first + 1);
    std::string source = volume.substr(0, first);
    if (local_driver) {
      DROVER_LET(source, host_source(task, source, plugin.volumes.enabled));
    }
    const std::string target = volume.substr(first + 1, second == std::string::npos ? second : second - first - 1);
    out.push_back(own(source, target, second == std::string::npos ? "" : volume.substr(second + 1)));
  }
  return out;
}

Result<std::string> mount_source(const sdk::TaskConfig& task, const MountOptions& mount, const PluginOptions& plugin) {
  if (mount.type == "bind") return host_source(task, mount.source, plugin.volumes.enabled);
  if (mount.type == "volume" && !plugin.volumes.enabled) return fail(Code::denied, "volumes are not enabled; cannot mount volume '{}'", mount.source);
  return mount.source;
}

}  // namespace drover::docker
