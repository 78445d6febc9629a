#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/hcl/diagnostic.h"
#include "base/loop/time.h"

/// How an agent is set up: defaults, configuration files (HCL of the first version, or JSON) and flags, later ones winning.
namespace drover::model {

struct AgentAddresses {
  std::string http;  ///< may hold several, separated by blanks
  std::string rpc;
  std::string serf;
};

struct HostVolumeConfig {
  std::string path;
  bool read_only = false;
};

struct HostNetworkConfig {
  std::string cidr;
  std::string interface;
  std::string reserved_ports;
};

struct ServerJoinConfig {
  std::vector<std::string> retry_join;
  std::int64_t retry_max = 0;  ///< 0: for ever
  Duration retry_interval = 30s;
};

struct PluginConfig {
  std::vector<std::string> args;
  std::string config;  ///< JSON text of the `config` block: a nested block is a list of one object; "" where there is none
};

struct TlsConfig {
  bool http = false;
  bool rpc = false;
  bool verify_server_hostname = false;
  bool verify_https_client = false;
  std::string ca_file, cert_file, key_file;
  std::string min_version = "tls12";
};

/// How the scheduler works until an operator says so by the API. Once anything of it is given, all else is off.
struct SchedulerAgentConfig {
  bool given = false;
  std::string algorithm;
  bool memory_oversubscription = false, reject_job_registration = false, pause_eval_broker = false;
  bool preempts_system = false, preempts_sysbatch = false, preempts_batch = false, preempts_service = false;
  SchedulerAgentConfig& now_given() { return given = true, *this; }
};

struct ServerAgentConfig {
  bool enabled = false;
  std::int64_t bootstrap_expect = 0;
  std::int64_t num_schedulers = 0;  ///< 0: one a core
  Duration heartbeat_grace = 10s;
  Duration min_heartbeat_ttl = 10s;
  Duration failover_heartbeat_ttl = 5min;
  double max_heartbeats_per_second = 50;
  Duration job_gc_interval = 5min;
  Duration job_gc_threshold = 4h;
  Duration eval_gc_threshold = 1h;
  Duration batch_eval_gc_threshold = 24h;
  Duration node_gc_threshold = 24h;
  Duration deployment_gc_threshold = 1h;
  std::int64_t event_buffer_size = 100;
  std::int64_t job_max_priority = 100;
  std::int64_t job_default_priority = 50;
  std::int64_t job_max_count = 50000;
  std::int64_t job_tracked_versions = 6;
  std::int64_t job_max_source_bytes = 1'000'000;
  std::string encrypt;
  ServerJoinConfig join;
  SchedulerAgentConfig scheduler;
};

struct ClientAgentConfig {
  bool enabled = false;
  std::string state_dir, alloc_dir, alloc_mounts_dir, host_volumes_dir;  ///< "": below data_dir, see complete()
  std::vector<std::string> servers;
  ServerJoinConfig join;
  std::string node_class;
  std::string node_pool = "default";
  std::map<std::string, std::string> meta, options, chroot_env;
  std::string network_interface;
  std::int64_t network_speed = 0, cpu_total_compute = 0, memory_total_mb = 0, disk_total_mb = 0;
  std::int64_t min_dynamic_port = 20000, max_dynamic_port = 32000;
  std::int64_t reserved_cpu = 0, reserved_memory_mb = 0, reserved_disk_mb = 0;
  std::string reserved_cores, reserved_ports, reservable_cores;
  std::int64_t node_max_allocs = 0;
  Duration max_kill_timeout = 30s;
  Duration gc_interval = 1min;
  std::int64_t gc_parallel_destroys = 2;
  double gc_disk_usage_threshold = 80, gc_inode_usage_threshold = 70;
  std::int64_t gc_max_allocs = 50;
  bool disable_remote_exec = false;
  bool no_host_uuid = true;
  bool default_ineligible = false;
  bool nomad_service_discovery = true;
  bool bind_wildcard_default_host_network = true;
  std::string cni_path = "/opt/cni/bin", cni_config_dir = "/opt/cni/config";
  std::string bridge_network_name = "nomad", bridge_network_subnet = "172.26.64.0/20";
  std::map<std::string, HostVolumeConfig> host_volumes;
  std::map<std::string, HostNetworkConfig> host_networks;
};

struct LimitsConfig {
  std::int64_t http_max_conns_per_client = 100;  ///< 0: no limit
  std::int64_t rpc_max_conns_per_client = 100;
  Duration https_handshake_timeout = 5s;
  Duration rpc_handshake_timeout = 5s;
};

struct TelemetryConfig {
  Duration collection_interval = 1s;
  bool prometheus_metrics = false;
  bool publish_allocation_metrics = false;
  bool publish_node_metrics = false;
  bool disable_hostname = false;
};

struct AclConfig {
  bool enabled = false;
  Duration token_ttl = 30s, policy_ttl = 30s, role_ttl = 30s;
};

struct LogFileConfig {
  std::string path;  ///< "": none
  Duration rotate_duration = 24h;
  std::int64_t rotate_bytes = 0;
  std::int64_t rotate_max_files = 0;
};

struct AgentConfig {
  bool dev = false;
  std::string region = "global";
  std::string datacenter = "dc1";
  std::string name;      ///< "": the host's name
  std::string data_dir;  ///< absolute; "" only with -dev, where main makes a temporary one
  std::string plugin_dir;
  std::string bind_addr = "127.0.0.1";
  AgentAddresses addresses;  ///< "": bind_addr
  AgentAddresses advertise;  ///< host, or host:port; "": derived from the bind address
  std::int64_t http_port = 4646, rpc_port = 4647, serf_port = 4648;
  /// Plain HTTP and RPC on an address that others can reach. Without it such an address needs tls.
  bool allow_insecure_bind = false;
  std::string log_level = "INFO";
  bool log_json = false;
  LogFileConfig log_file;
  bool enable_debug = false;
  bool leave_on_interrupt = false, leave_on_terminate = false;
  std::map<std::string, std::string> http_api_response_headers;
  ServerAgentConfig server;
  ClientAgentConfig client;
  std::map<std::string, PluginConfig> plugins;
  TlsConfig tls;
  LimitsConfig limits;
  TelemetryConfig telemetry;
  AclConfig acl;

  /// Which file and line, or which flag, set a key last: "client.node_class" → "a.hcl:7,3-13".
  std::map<std::string, std::string> set_by;
  /// The same as places, for messages of validate_agent_config. Pointing into sources below.
  std::map<std::string, hcl::Range> places;
  std::vector<std::shared_ptr<const hcl::Source>> sources;

  /// What the HTTP server listens on: one or more hosts.
  std::vector<std::string> http_hosts() const;
  std::string rpc_host() const;
};

/// The built-in defaults, or those of -dev: both roles on loopback, raw_exec enabled, debug logging.
AgentConfig default_agent_config(bool dev);

/// Of the names in a configuration folder, those that are read, in order: *.hcl and *.json without editors' leftovers.
std::vector<std::string> agent_config_files(std::vector<std::string> names);

/// Reads one file over what is there: scalars replace, maps add by key, blocks with a label by their label, `servers`
/// and `retry_join` are appended to. Unknown keys and wrong types are errors with their place.
void merge_agent_config(AgentConfig& config, std::string name, std::string text, hcl::Diagnostics& out);

/// Sets one key as a flag does: ("client.node_class", "big", "-node-class"). Lists take one entry a call, maps "k=v".
void set_agent_config(AgentConfig& config, std::string_view key, std::string_view value, std::string_view flag, hcl::Diagnostics& out);

/// Fills in what follows from other keys: folders below data_dir. Call once, after all files and flags.
void complete_agent_config(AgentConfig& config);

/// Everything that would keep an agent from starting, each as an error that says which key to change.
hcl::Diagnostics validate_agent_config(const AgentConfig& config);

/// Whether only this machine can reach the host: a loopback address, or "localhost".
bool is_loopback_host(std::string_view host);

}  // namespace drover::model
