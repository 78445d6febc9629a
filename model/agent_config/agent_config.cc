#include "model/agent_config/agent_config.h"

#include <algorithm>
#include <utility>

#include "base/hcl/unicode.h"

namespace drover::model {
namespace {

constexpr std::int64_t port_max = 65535;
/// Streams may use all but this many connections of a client: the rest is for control.
constexpr std::int64_t rpc_conns_min = 25;

std::vector<std::string> split_blanks(std::string_view text) {
  std::vector<std::string> out;
  while (!(text = hcl::unicode::trim(text)).empty()) {
    const std::size_t end = std::min(text.find(' '), text.size());
    out.emplace_back(text.substr(0, end));
    text.remove_prefix(end);
  }
  return out;
}

/// Collects what is wrong, each with the place that set the key.
class Checks {
 public:
  explicit Checks(const AgentConfig& config) : config_(config) {}

  void require(bool good, const std::string& key, std::string detail) {
    if (good) return;
    const auto place = config_.places.find(key);
    const auto set_by = config_.set_by.find(key);
    const bool from_flag = place == config_.places.end() && set_by != config_.set_by.end();
    hcl::add_error(out_, place == config_.places.end() ? hcl::Range{} : place->second, "Invalid configuration",
                   from_flag ? text("{} (set by {})", detail, set_by->second) : std::move(detail));
  }

  void between(const std::string& key, std::int64_t value, std::int64_t from, std::int64_t to) {
    require(value >= from && value <= to, key, text("{} is {}; it must be from {} to {}.", key, value, from, to));
  }

  void absolute(const std::string& key, const std::string& path) {
    require(path.empty() || path[0] == '/', key, text("{} is \"{}\"; it must be an absolute path, beginning with \"/\".", key, path));
  }

  void positive(const std::string& key, Duration value) { require(value > Duration(0), key, text("{} must be longer than nothing.", key)); }

  hcl::Diagnostics take() { return std::move(out_); }

 private:
  const AgentConfig& config_;
  hcl::Diagnostics out_;
};

void check_names(const AgentConfig& c, Checks& checks) {
  checks.require(!c.region.empty() && c.region.find('\0') == std::string::npos, "region", "region must not be empty.");
  checks.require(!c.datacenter.empty() && c.datacenter.find('*') == std::string::npos, "datacenter", text("datacenter is \"{}\"; it must be a name, and must not hold \"*\".", c.datacenter));
  checks.require(c.client.node_pool != "all", "client.node_pool", "client.node_pool cannot be \"all\": that pool holds every node already.");
  static constexpr std::string_view levels[] = {"TRACE", "DEBUG", "INFO", "WARN", "ERROR", "OFF"};
  const std::string level = hcl::unicode::to_upper(c.log_level);
  checks.require(std::find(std::begin(levels), std::end(levels), level) != std::end(levels), "log_level", text("log_level is \"{}\"; it must be one of TRACE, DEBUG, INFO, WARN, ERROR, OFF.", c.log_level));
  for (const auto& [key, value] : c.client.meta)
    checks.require(!key.empty() && key.find_first_of(" ${}\"") == std::string::npos, "client.meta", text("client.meta has the key \"{}\", which cannot be referred to as ${meta.…}: use letters, digits, dots, dashes and underscores.", key));
}

void check_folders(const AgentConfig& c, Checks& checks) {
  for (const auto& [key, path] : {std::pair<std::string, std::string>{"data_dir", c.data_dir}, {"plugin_dir", c.plugin_dir}, {"client.state_dir", c.client.state_dir},
                                  {"client.alloc_dir", c.client.alloc_dir}, {"client.alloc_mounts_dir", c.client.alloc_mounts_dir}})
    checks.absolute(key, path);
  if (!c.data_dir.empty() || c.dev) return;
  if (c.server.enabled) {
    checks.require(false, "data_dir", "a server needs data_dir, the folder that it keeps its state in.");
  } else {
    checks.require(!c.client.state_dir.empty() && !c.client.alloc_dir.empty() && !c.plugin_dir.empty(), "data_dir", "data_dir is not set: set it, or all of client.state_dir, client.alloc_dir and plugin_dir.");
  }
}

void check_ports(const AgentConfig& c, Checks& checks) {
  checks.between("ports.http", c.http_port, 0, port_max);
  checks.between("ports.rpc", c.rpc_port, 0, port_max);
  checks.between("ports.serf", c.serf_port, 0, port_max);
  checks.require(c.http_port != c.rpc_port || c.http_port == 0 || !c.server.enabled, "ports.rpc", text("ports.http and ports.rpc are both {}.", c.http_port));
  checks.between("client.min_dynamic_port", c.client.min_dynamic_port, 1, port_max);
  checks.between("client.max_dynamic_port", c.client.max_dynamic_port, 1, port_max);
  checks.require(c.client.min_dynamic_port <= c.client.max_dynamic_port, "client.min_dynamic_port", text("client.min_dynamic_port ({}) is above client.max_dynamic_port ({}).", c.client.min_dynamic_port, c.client.max_dynamic_port));
}

bool is_template(const std::string& text) { return text.find("{{") != std::string::npos; }

/// An address that others can reach needs encryption, or the operator's word that it may do without.
void check_doors(const AgentConfig& c, Checks& checks) {
  for (const auto& [key, value] : {std::pair<std::string, std::string>{"bind_addr", c.bind_addr}, {"addresses.http", c.addresses.http}, {"addresses.rpc", c.addresses.rpc},
                                   {"advertise.http", c.advertise.http}, {"advertise.rpc", c.advertise.rpc}})
    checks.require(!is_template(value), key, text("{} is \"{}\": address templates are not supported yet; write the address itself.", key, value));
  const auto open = [&](const std::string& host, const std::string& key, const char* what, const char* setting) {
    if (is_template(host) || is_loopback_host(host) || c.allow_insecure_bind) return;
    checks.require(false, key, text("{} would listen on {} without encryption, where others can reach it. Give it a certificate with tls { {} = true … }, keep it on 127.0.0.1, or allow this with allow_insecure_bind = true.", what, host, setting));
  };
  if (!c.tls.http)
    for (const std::string& host : c.http_hosts()) open(host, c.addresses.http.empty() ? "bind_addr" : "addresses.http", "the HTTP API", "http");
  if (c.server.enabled && !c.tls.rpc) open(c.rpc_host(), c.addresses.rpc.empty() ? "bind_addr" : "addresses.rpc", "the RPC port of agents", "rpc");
}

void check_tls(const AgentConfig& c, Checks& checks) {
  const bool on = c.tls.http || c.tls.rpc;
  checks.require(!on || (!c.tls.cert_file.empty() && !c.tls.key_file.empty()), "tls.http", "tls is on, but tls.cert_file or tls.key_file is not set.");
  checks.require(!c.tls.rpc || !c.tls.ca_file.empty(), "tls.rpc", "tls.rpc is on, but tls.ca_file is not set: agents and servers check each other by it.");
  checks.require(!c.tls.verify_https_client || !c.tls.ca_file.empty(), "tls.verify_https_client", "tls.verify_https_client needs tls.ca_file, to check clients by.");
  static constexpr std::string_view versions[] = {"tls10", "tls11", "tls12", "tls13"};
  checks.require(std::find(std::begin(versions), std::end(versions), c.tls.min_version) != std::end(versions), "tls.tls_min_version", text("tls.tls_min_version is \"{}\"; it must be one of tls10, tls11, tls12, tls13.", c.tls.min_version));
}

void check_roles(const AgentConfig& c, Checks& checks) {
  checks.require(c.server.enabled || c.client.enabled, "server.enabled", "neither role is on: set server { enabled = true } or client { enabled = true }, or start with -dev.");
  if (c.server.enabled) {
    checks.require(c.server.bootstrap_expect >= 0, "server.bootstrap_expect", "server.bootstrap_expect must not be negative.");
    checks.require(c.server.bootstrap_expect <= 1, "server.bootstrap_expect", text("server.bootstrap_expect is {}: more than one server is not supported yet.", c.server.bootstrap_expect));
    checks.positive("server.heartbeat_grace", c.server.heartbeat_grace);
    checks.positive("server.min_heartbeat_ttl", c.server.min_heartbeat_ttl);
    checks.require(c.server.max_heartbeats_per_second > 0, "server.max_heartbeats_per_second", "server.max_heartbeats_per_second must be above 0.");
    checks.between("server.job_max_priority", c.server.job_max_priority, 100, 32766);
    checks.between("server.job_default_priority", c.server.job_default_priority, 1, c.server.job_max_priority);
    checks.between("server.job_tracked_versions", c.server.job_tracked_versions, 1, 1000);
    checks.between("server.job_max_count", c.server.job_max_count, 0, 10'000'000);
    const std::string& algorithm = c.server.scheduler.algorithm;
    checks.require(algorithm.empty() || algorithm == "binpack" || algorithm == "spread", "server.default_scheduler_config.scheduler_algorithm",
                   text("server.default_scheduler_config.scheduler_algorithm is \"{}\"; it must be binpack or spread.", algorithm));
  }
  if (c.client.enabled) {
    checks.require(c.server.enabled || !c.client.servers.empty() || !c.client.join.retry_join.empty(), "client.servers", "a client without a server of its own needs client.servers, such as [\"10.0.0.1:4647\"].");
    checks.positive("client.max_kill_timeout", c.client.max_kill_timeout);
    checks.positive("client.gc_interval", c.client.gc_interval);
    for (const auto& [name, volume] : c.client.host_volumes) {
      checks.require(!volume.path.empty(), "client.host_volume." + name + ".path", text("the host volume \"{}\" has no path.", name));
      checks.absolute("client.host_volume." + name + ".path", volume.path);
    }
  }
  const std::int64_t conns = c.limits.rpc_max_conns_per_client;
  checks.require(conns == 0 || conns > rpc_conns_min, "limits.rpc_max_conns_per_client", text("limits.rpc_max_conns_per_client is {}; it must be above {}, or 0 for no limit.", conns, rpc_conns_min));
  checks.require(c.limits.http_max_conns_per_client >= 0, "limits.http_max_conns_per_client", "limits.http_max_conns_per_client must not be negative.");
}

}  // namespace

bool is_loopback_host(std::string_view host) {
  if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
  if (host == "localhost" || host == "::1") return true;
  if (!host.starts_with("127.")) return false;
  return host.find_first_not_of("0123456789.") == std::string_view::npos && std::count(host.begin(), host.end(), '.') == 3;
}

std::vector<std::string> AgentConfig::http_hosts() const { return split_blanks(addresses.http.empty() ? bind_addr : addresses.http); }

std::string AgentConfig::rpc_host() const { return addresses.rpc.empty() ? bind_addr : addresses.rpc; }

AgentConfig default_agent_config(bool dev) {
  AgentConfig config;
  if (!dev) return config;
  config.dev = true;
  config.server.enabled = config.client.enabled = true;
  config.server.bootstrap_expect = 1;
  config.log_level = "DEBUG";
  config.enable_debug = true;
  config.client.network_interface = "lo";
  config.client.gc_interval = 10min;
  config.client.gc_disk_usage_threshold = config.client.gc_inode_usage_threshold = 99;
  config.client.options = {{"driver.raw_exec.enable", "true"}, {"driver.docker.volumes", "true"}};
  config.plugins["raw_exec"].config = R"({"enabled":true})";
  config.telemetry.prometheus_metrics = config.telemetry.publish_allocation_metrics = config.telemetry.publish_node_metrics = true;
  config.client.join.retry_interval = config.server.join.retry_interval = 1s;
  return config;
}

std::vector<std::string> agent_config_files(std::vector<std::string> names) {
  std::erase_if(names, [](const std::string& name) {
    const bool wanted = name.ends_with(".hcl") || name.ends_with(".json");
    const bool leftover = name.ends_with('~') || name.starts_with(".#") || (name.starts_with('#') && name.ends_with('#'));
    return !wanted || leftover;
  });
  std::sort(names.begin(), names.end());
  return names;
}

void complete_agent_config(AgentConfig& c) {
  if (c.data_dir.empty()) return;
  std::string data = c.data_dir;
  while (data.size() > 1 && data.ends_with('/')) data.pop_back();
  const auto below = [&](std::string& path, const char* name) {
    if (path.empty()) path = data + "/" + name;
  };
  below(c.plugin_dir, "plugins");
  below(c.client.state_dir, "client");
  below(c.client.alloc_dir, "alloc");
  below(c.client.host_volumes_dir, "host_volumes");
  if (c.client.alloc_mounts_dir.empty()) {
    const std::string parent = data.substr(0, data.rfind('/'));
    c.client.alloc_mounts_dir = parent + "/alloc_mounts";
  }
}

hcl::Diagnostics validate_agent_config(const AgentConfig& config) {
  Checks checks(config);
  check_roles(config, checks);
  check_names(config, checks);
  check_folders(config, checks);
  check_ports(config, checks);
  check_tls(config, checks);
  check_doors(config, checks);
  return checks.take();
}

}  // namespace drover::model
