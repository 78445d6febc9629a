#include "model/agent_config/keys.h"

#include <map>

namespace drover::model::agent_config {
namespace {

// clang-format off
#define DROVER_KEY(path, Finder, member) Key{path, Finder([](AgentConfig& c, [[maybe_unused]] const std::string& label) -> auto& { return c.member; })}
#define DROVER_TEXT(path, member)     DROVER_KEY(path, TextOf, member)
#define DROVER_BOOL(path, member)     DROVER_KEY(path, BoolOf, member)
#define DROVER_INTEGER(path, member)  DROVER_KEY(path, IntegerOf, member)
#define DROVER_REAL(path, member)     DROVER_KEY(path, RealOf, member)
#define DROVER_DURATION(path, member) DROVER_KEY(path, DurationOf, member)
#define DROVER_LIST(path, member)     DROVER_KEY(path, ListOf, member)
#define DROVER_MAP(path, member)      DROVER_KEY(path, MapOf, member)
#define DROVER_SCHEDULER(name, member) DROVER_KEY("server.default_scheduler_config." name, BoolOf, server.scheduler.now_given().member)

std::vector<Key> top_level() {
  return {
      DROVER_TEXT("region", region), DROVER_TEXT("datacenter", datacenter), DROVER_TEXT("name", name),
      DROVER_TEXT("data_dir", data_dir), DROVER_TEXT("plugin_dir", plugin_dir), DROVER_TEXT("bind_addr", bind_addr),
      DROVER_BOOL("allow_insecure_bind", allow_insecure_bind),
      {"addresses", Block{}}, DROVER_TEXT("addresses.http", addresses.http), DROVER_TEXT("addresses.rpc", addresses.rpc), DROVER_TEXT("addresses.serf", addresses.serf),
      {"advertise", Block{}}, DROVER_TEXT("advertise.http", advertise.http), DROVER_TEXT("advertise.rpc", advertise.rpc), DROVER_TEXT("advertise.serf", advertise.serf),
      {"ports", Block{}}, DROVER_INTEGER("ports.http", http_port), DROVER_INTEGER("ports.rpc", rpc_port), DROVER_INTEGER("ports.serf", serf_port),
      DROVER_TEXT("log_level", log_level), DROVER_BOOL("log_json", log_json), DROVER_TEXT("log_file", log_file.path),
      DROVER_DURATION("log_rotate_duration", log_file.rotate_duration), DROVER_INTEGER("log_rotate_bytes", log_file.rotate_bytes),
      DROVER_INTEGER("log_rotate_max_files", log_file.rotate_max_files),
      DROVER_BOOL("enable_debug", enable_debug), DROVER_BOOL("leave_on_interrupt", leave_on_interrupt), DROVER_BOOL("leave_on_terminate", leave_on_terminate),
      DROVER_MAP("http_api_response_headers", http_api_response_headers),
      {"log_include_location", Accepted{}}, {"enable_syslog", Accepted{}}, {"syslog_facility", Accepted{}}, {"disable_update_check", Accepted{}},
      {"disable_anonymous_signature", Accepted{}}, {"eventlog", Accepted{}}, {"rpc", Accepted{}}, {"consul", Accepted{}}, {"vault", Accepted{}},
      {"ui", Accepted{}}, {"autopilot", Accepted{}}, {"keyring", Accepted{}}, {"reporting", Accepted{}}, {"sentinel", Accepted{}}, {"audit", Accepted{}},
      {"plugin", LabelledBlock{}},
      Key{"plugin.*.args", ReplacedList{[](AgentConfig& c, const std::string& label) -> std::vector<std::string>& { return c.plugins[label].args; }}},
      Key{"plugin.*.config", FreeBlock{[](AgentConfig& c, const std::string& label) -> std::string& { return c.plugins[label].config; }}},
      {"tls", Block{}}, DROVER_BOOL("tls.http", tls.http), DROVER_BOOL("tls.rpc", tls.rpc), DROVER_BOOL("tls.verify_server_hostname", tls.verify_server_hostname),
      DROVER_BOOL("tls.verify_https_client", tls.verify_https_client), DROVER_TEXT("tls.ca_file", tls.ca_file), DROVER_TEXT("tls.cert_file", tls.cert_file),
      DROVER_TEXT("tls.key_file", tls.key_file), DROVER_TEXT("tls.tls_min_version", tls.min_version),
      {"tls.rpc_upgrade_mode", Accepted{}}, {"tls.tls_cipher_suites", Accepted{}}, {"tls.tls_prefer_server_cipher_suites", Accepted{}},
      {"limits", Block{}}, DROVER_INTEGER("limits.http_max_conns_per_client", limits.http_max_conns_per_client),
      DROVER_INTEGER("limits.rpc_max_conns_per_client", limits.rpc_max_conns_per_client),
      DROVER_DURATION("limits.https_handshake_timeout", limits.https_handshake_timeout), DROVER_DURATION("limits.rpc_handshake_timeout", limits.rpc_handshake_timeout),
      {"acl", Block{}}, DROVER_BOOL("acl.enabled", acl.enabled), DROVER_DURATION("acl.token_ttl", acl.token_ttl), DROVER_DURATION("acl.policy_ttl", acl.policy_ttl),
      DROVER_DURATION("acl.role_ttl", acl.role_ttl), {"acl.replication_token", Accepted{}}, {"acl.token_min_expiration_ttl", Accepted{}}, {"acl.token_max_expiration_ttl", Accepted{}},
  };
}

std::vector<Key> telemetry() {
  std::vector<Key> keys = {
      {"telemetry", Block{}}, DROVER_DURATION("telemetry.collection_interval", telemetry.collection_interval),
      DROVER_BOOL("telemetry.prometheus_metrics", telemetry.prometheus_metrics), DROVER_BOOL("telemetry.publish_allocation_metrics", telemetry.publish_allocation_metrics),
      DROVER_BOOL("telemetry.publish_node_metrics", telemetry.publish_node_metrics), DROVER_BOOL("telemetry.disable_hostname", telemetry.disable_hostname),
  };
  for (const char* path : {"telemetry.in_memory_collection_interval", "telemetry.in_memory_retention_period", "telemetry.statsd_address", "telemetry.statsite_address",
                           "telemetry.datadog_address", "telemetry.datadog_tags", "telemetry.use_node_name", "telemetry.include_alloc_metadata_in_metrics",
                           "telemetry.allowed_metadata_keys_in_metrics", "telemetry.prefix_filter", "telemetry.filter_default",
                           "telemetry.disable_dispatched_job_summary_metrics", "telemetry.disable_quota_utilization_metrics", "telemetry.disable_rpc_rate_metrics_labels",
                           "telemetry.disable_allocation_hook_metrics", "telemetry.circonus_api_token", "telemetry.circonus_api_app", "telemetry.circonus_api_url",
                           "telemetry.circonus_submission_interval", "telemetry.circonus_submission_url", "telemetry.circonus_check_id", "telemetry.circonus_broker_id"})
    keys.push_back(Key{path, Accepted{}});
  return keys;
}

std::vector<Key> server() {
  std::vector<Key> keys = {
      {"server", Block{}}, DROVER_BOOL("server.enabled", server.enabled), DROVER_INTEGER("server.bootstrap_expect", server.bootstrap_expect),
      DROVER_INTEGER("server.num_schedulers", server.num_schedulers), DROVER_DURATION("server.heartbeat_grace", server.heartbeat_grace),
      DROVER_DURATION("server.min_heartbeat_ttl", server.min_heartbeat_ttl), DROVER_DURATION("server.failover_heartbeat_ttl", server.failover_heartbeat_ttl),
      DROVER_REAL("server.max_heartbeats_per_second", server.max_heartbeats_per_second), DROVER_DURATION("server.job_gc_interval", server.job_gc_interval),
      DROVER_DURATION("server.job_gc_threshold", server.job_gc_threshold), DROVER_DURATION("server.eval_gc_threshold", server.eval_gc_threshold),
      DROVER_DURATION("server.batch_eval_gc_threshold", server.batch_eval_gc_threshold), DROVER_DURATION("server.node_gc_threshold", server.node_gc_threshold),
      DROVER_DURATION("server.deployment_gc_threshold", server.deployment_gc_threshold), DROVER_INTEGER("server.event_buffer_size", server.event_buffer_size),
      DROVER_INTEGER("server.job_max_priority", server.job_max_priority), DROVER_INTEGER("server.job_default_priority", server.job_default_priority),
      DROVER_INTEGER("server.job_max_count", server.job_max_count), DROVER_INTEGER("server.job_tracked_versions", server.job_tracked_versions),
      Key{"server.job_max_source_size", SizeInBytes{[](AgentConfig& c, const std::string&) -> std::int64_t& { return c.server.job_max_source_bytes; }}},
      DROVER_TEXT("server.encrypt", server.encrypt), DROVER_LIST("server.retry_join", server.join.retry_join), DROVER_LIST("server.start_join", server.join.retry_join),
      {"server.server_join", Block{}},
      Key{"server.server_join.retry_join", ReplacedList{[](AgentConfig& c, const std::string&) -> std::vector<std::string>& { return c.server.join.retry_join; }}},
      DROVER_INTEGER("server.server_join.retry_max", server.join.retry_max), DROVER_DURATION("server.server_join.retry_interval", server.join.retry_interval),
      {"server.server_join.start_join", Accepted{}},
      {"server.default_scheduler_config", Block{}}, {"server.default_scheduler_config.preemption_config", Block{}},
      {"server.default_scheduler_config.node_limit_for_feasibility_checks", Accepted{}},
      DROVER_KEY("server.default_scheduler_config.scheduler_algorithm", TextOf, server.scheduler.now_given().algorithm),
      DROVER_SCHEDULER("memory_oversubscription_enabled", memory_oversubscription), DROVER_SCHEDULER("reject_job_registration", reject_job_registration),
      DROVER_SCHEDULER("pause_eval_broker", pause_eval_broker), DROVER_SCHEDULER("preemption_config.system_scheduler_enabled", preempts_system),
      DROVER_SCHEDULER("preemption_config.sysbatch_scheduler_enabled", preempts_sysbatch), DROVER_SCHEDULER("preemption_config.batch_scheduler_enabled", preempts_batch),
      DROVER_SCHEDULER("preemption_config.service_scheduler_enabled", preempts_service),
  };
  for (const char* path : {"server.authoritative_region", "server.data_dir", "server.raft_protocol", "server.raft_multiplier", "server.raft_trailing_logs",
                           "server.raft_snapshot_threshold", "server.raft_snapshot_interval", "server.raft_boltdb", "server.raft_logstore", "server.csi_volume_claim_gc_interval",
                           "server.csi_volume_claim_gc_threshold", "server.csi_plugin_gc_threshold", "server.acl_token_gc_threshold", "server.root_key_gc_interval",
                           "server.root_key_gc_threshold", "server.root_key_rotation_threshold", "server.enable_event_broker", "server.plan_apply_pipeline",
                           "server.start_timeout", "server.search", "server.plan_rejection_tracker", "server.client_introduction", "server.enabled_schedulers",
                           "server.non_voting_server", "server.redundancy_zone", "server.upgrade_version", "server.rejoin_after_leave", "server.retry_max",
                           "server.retry_interval", "server.license_path", "server.license_env", "server.oidc_issuer", "server.log_file"})
    keys.push_back(Key{path, Accepted{}});
  return keys;
}

std::vector<Key> client() {
  std::vector<Key> keys = {
      {"client", Block{}}, DROVER_BOOL("client.enabled", client.enabled), DROVER_TEXT("client.state_dir", client.state_dir), DROVER_TEXT("client.alloc_dir", client.alloc_dir),
      DROVER_TEXT("client.alloc_mounts_dir", client.alloc_mounts_dir), DROVER_TEXT("client.host_volumes_dir", client.host_volumes_dir), DROVER_LIST("client.servers", client.servers),
      {"client.server_join", Block{}},
      Key{"client.server_join.retry_join", ReplacedList{[](AgentConfig& c, const std::string&) -> std::vector<std::string>& { return c.client.join.retry_join; }}},
      DROVER_INTEGER("client.server_join.retry_max", client.join.retry_max), DROVER_DURATION("client.server_join.retry_interval", client.join.retry_interval),
      DROVER_TEXT("client.node_class", client.node_class), DROVER_TEXT("client.node_pool", client.node_pool), DROVER_MAP("client.meta", client.meta),
      DROVER_MAP("client.options", client.options), DROVER_MAP("client.chroot_env", client.chroot_env), DROVER_TEXT("client.network_interface", client.network_interface),
      DROVER_INTEGER("client.network_speed", client.network_speed), DROVER_INTEGER("client.cpu_total_compute", client.cpu_total_compute),
      DROVER_INTEGER("client.memory_total_mb", client.memory_total_mb), DROVER_INTEGER("client.disk_total_mb", client.disk_total_mb),
      DROVER_TEXT("client.reservable_cores", client.reservable_cores), DROVER_DURATION("client.max_kill_timeout", client.max_kill_timeout),
      DROVER_INTEGER("client.min_dynamic_port", client.min_dynamic_port), DROVER_INTEGER("client.max_dynamic_port", client.max_dynamic_port),
      {"client.reserved", Block{}}, DROVER_INTEGER("client.reserved.cpu", client.reserved_cpu), DROVER_INTEGER("client.reserved.memory", client.reserved_memory_mb),
      DROVER_INTEGER("client.reserved.disk", client.reserved_disk_mb), DROVER_TEXT("client.reserved.cores", client.reserved_cores),
      DROVER_TEXT("client.reserved.reserved_ports", client.reserved_ports), DROVER_INTEGER("client.node_max_allocs", client.node_max_allocs),
      DROVER_DURATION("client.gc_interval", client.gc_interval), DROVER_INTEGER("client.gc_parallel_destroys", client.gc_parallel_destroys),
      DROVER_REAL("client.gc_disk_usage_threshold", client.gc_disk_usage_threshold), DROVER_REAL("client.gc_inode_usage_threshold", client.gc_inode_usage_threshold),
      DROVER_INTEGER("client.gc_max_allocs", client.gc_max_allocs), DROVER_BOOL("client.disable_remote_exec", client.disable_remote_exec),
      DROVER_BOOL("client.no_host_uuid", client.no_host_uuid), DROVER_BOOL("client.default_ineligible", client.default_ineligible),
      DROVER_BOOL("client.nomad_service_discovery", client.nomad_service_discovery),
      DROVER_BOOL("client.bind_wildcard_default_host_network", client.bind_wildcard_default_host_network), DROVER_TEXT("client.cni_path", client.cni_path),
      DROVER_TEXT("client.cni_config_dir", client.cni_config_dir), DROVER_TEXT("client.bridge_network_name", client.bridge_network_name),
      DROVER_TEXT("client.bridge_network_subnet", client.bridge_network_subnet),
      {"client.host_volume", LabelledBlock{}}, DROVER_TEXT("client.host_volume.*.path", client.host_volumes[label].path),
      DROVER_BOOL("client.host_volume.*.read_only", client.host_volumes[label].read_only),
      {"client.host_network", LabelledBlock{}}, DROVER_TEXT("client.host_network.*.cidr", client.host_networks[label].cidr),
      DROVER_TEXT("client.host_network.*.interface", client.host_networks[label].interface),
      DROVER_TEXT("client.host_network.*.reserved_ports", client.host_networks[label].reserved_ports),
  };
  for (const char* path : {"client.host_volume_plugin_dir", "client.common_plugin_dir", "client.preferred_address_family", "client.cpu_disable_dmidecode", "client.client_min_port",
                           "client.client_max_port", "client.gc_volumes_on_node_gc", "client.template", "client.artifact", "client.fingerprint", "client.drain_on_shutdown",
                           "client.users", "client.bridge_network_subnet_ipv6", "client.bridge_network_hairpin_mode", "client.cgroup_parent", "client.disk_free_mb",
                           "client.stats", "client.log_file", "client.server_join.start_join", "client.intro_token"})
    keys.push_back(Key{path, Accepted{}});
  return keys;
}

#undef DROVER_KEY
#undef DROVER_TEXT
#undef DROVER_BOOL
#undef DROVER_INTEGER
#undef DROVER_REAL
#undef DROVER_DURATION
#undef DROVER_LIST
#undef DROVER_MAP
// clang-format on

}  // namespace

const std::vector<Key>& all_keys() {
  static const std::vector<Key> keys = [] {
    std::vector<Key> out;
    for (const auto& part : {top_level(), telemetry(), server(), client()}) out.insert(out.end(), part.begin(), part.end());
    return out;
  }();
  return keys;
}

const Key* find_key(std::string_view path) {
  static const std::map<std::string_view, const Key*> index = [] {
    std::map<std::string_view, const Key*> out;
    for (const Key& key : all_keys()) out.emplace(key.path, &key);
    return out;
  }();
  const auto at = index.find(path);
  return at == index.end() ? nullptr : at->second;
}

std::vector<std::string_view> names_in(std::string_view block) {
  std::vector<std::string_view> out;
  for (const Key& key : all_keys()) {
    std::string_view path = key.path;
    if (!block.empty()) {
      if (!path.starts_with(block) || path.size() <= block.size() || path[block.size()] != '.') continue;
      path.remove_prefix(block.size() + 1);
    }
    if (path.find('.') == std::string_view::npos) out.push_back(path);
  }
  return out;
}

}  // namespace drover::model::agent_config
