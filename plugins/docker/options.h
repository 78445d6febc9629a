#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include <drover/config.h>
#include <drover/result.h>

namespace drover::docker {

using Texts = std::map<std::string, std::string>;

struct AuthOptions {
  std::string username;
  std::string password;
  std::string email;
  std::string server_address;

  bool given() const { return !username.empty() || !password.empty() || !server_address.empty(); }
  static void describe(sdk::Fields<AuthOptions>& fields);
};

struct LoggingOptions {
  std::string type;
  std::string driver;  ///< another name of type
  Texts config;

  const std::string& kind() const { return type.empty() ? driver : type; }
  static void describe(sdk::Fields<LoggingOptions>& fields);
};

struct DeviceOptions {
  std::string host_path;
  std::string container_path;
  std::string cgroup_permissions;

  static void describe(sdk::Fields<DeviceOptions>& fields);
  Result<void> check() const;
};

struct BindOptions {
  std::string propagation;

  static void describe(sdk::Fields<BindOptions>& fields);
};

struct TmpfsOptions {
  std::int64_t size = 0;  ///< bytes
  int mode = 0;

  static void describe(sdk::Fields<TmpfsOptions>& fields);
};

struct VolumeDriverOptions {
  std::string name;
  Texts options;

  static void describe(sdk::Fields<VolumeDriverOptions>& fields);
};

struct VolumeOptions {
  bool no_copy = false;
  Texts labels;
  std::optional<VolumeDriverOptions> driver_config;

  static void describe(sdk::Fields<VolumeOptions>& fields);
};

struct MountOptions {
  std::string type = "volume";
  std::string target;
  std::string source;
  bool readonly = false;
  std::optional<BindOptions> bind_options;
  std::optional<TmpfsOptions> tmpfs_options;
  std::optional<VolumeOptions> volume_options;

  static void describe(sdk::Fields<MountOptions>& fields);
  Result<void> check() const;
};

struct HealthchecksOptions {
  bool disable = false;

  static void describe(sdk::Fields<HealthchecksOptions>& fields);
};

/// The `config` block of a task.
struct Options {
  std::string image;
  std::string command;
  std::vector<std::string> args;
  std::vector<std::string> entrypoint;
  std::string work_dir;
  std::string hostname;
  bool init = false;
  bool tty = false;
  bool interactive = false;

  bool force_pull = false;
  std::string load;
  std::string image_pull_timeout;
  std::optional<AuthOptions> auth;
  bool auth_soft_fail = false;

  bool privileged = false;
  std::vector<std::string> cap_add;
  std::vector<std::string> cap_drop;
  std::vector<std::string> security_opt;
  bool readonly_rootfs = false;
  std::vector<std::string> group_add;
  std::string pid_mode;
  std::string ipc_mode;
  std::string uts_mode;
  std::string userns_mode;
  std::string cgroupns;
  std::string runtime;
  std::string isolation;

  bool cpu_hard_limit = false;
  std::int64_t cpu_cfs_period = 100000;
  std::string cpuset_cpus;
  std::int64_t memory_hard_limit = 0;  ///< MiB
  std::int64_t pids_limit = 0;
  int oom_score_adj = 0;
  std::int64_t shm_size = 0;  ///< bytes
  Texts storage_opt;
  Texts sysctl;
  Texts ulimit;
  std::vector<DeviceOptions> devices;

  std::vector<std::string> volumes;
  std::string volume_driver;
  std::vector<MountOptions> mounts;  ///< `mount` and `mounts` together
  std::vector<MountOptions> mounts_plural;

  std::string network_mode;
  std::vector<std::string> network_aliases;
  std::string ipv4_address;
  std::string ipv6_address;
  std::string mac_address;
  std::vector<std::string> ports;
  std::map<std::string, int> port_map;
  bool advertise_ipv6_address = false;
  std::vector<std::string> dns_servers;
  std::vector<std::string> dns_search_domains;
  std::vector<std::string> dns_options;
  std::vector<std::string> extra_hosts;

  Texts labels;
  std::optional<LoggingOptions> logging;
  std::optional<HealthchecksOptions> healthchecks;
  int container_exists_attempts = 0;

  static void describe(sdk::Fields<Options>& fields);
  Result<void> check() const;
};

struct DanglingOptions {
  bool enabled = true;
  bool dry_run = false;
  std::string period = "5m";
  std::string creation_grace = "5m";

  static void describe(sdk::Fields<DanglingOptions>& fields);
};

struct GcOptions {
  bool image = true;
  std::string image_delay = "3m";
  bool container = true;
  DanglingOptions dangling_containers;

  static void describe(sdk::Fields<GcOptions>& fields);
};

struct RegistryOptions {
  std::string config;
  std::string helper;

  static void describe(sdk::Fields<RegistryOptions>& fields);
};

struct TlsOptions {
  std::string cert;
  std::string key;
  std::string ca;

  static void describe(sdk::Fields<TlsOptions>& fields);
};

struct VolumesOptions {
  bool enabled = false;
  std::string selinuxlabel;

  static void describe(sdk::Fields<VolumesOptions>& fields);
};

struct AllowedModes {
  std::vector<std::string> pid;
  std::vector<std::string> ipc;
  std::vector<std::string> uts;
  std::vector<std::string> userns;

  static void describe(sdk::Fields<AllowedModes>& fields);
};

/// The `config` block of the plugin.
struct PluginOptions {
  std::string endpoint;
  std::optional<RegistryOptions> auth;
  std::optional<TlsOptions> tls;
  std::vector<std::string> extra_labels;
  std::optional<LoggingOptions> logging;
  GcOptions gc;
  VolumesOptions volumes;
  bool allow_privileged = false;
  std::vector<std::string> allow_caps{"audit_write", "chown", "dac_override", "fowner", "fsetid", "kill", "mknod",
                                      "net_bind_service", "setfcap", "setgid", "setpcap", "setuid", "sys_chroot"};
  std::vector<std::string> allow_runtimes{"runc", "nvidia"};
  std::string nvidia_runtime = "nvidia";
  std::string infra_image;
  std::string infra_image_pull_timeout = "5m";
  std::string image_pull_timeout = "5m";
  std::string pull_activity_timeout = "2m";
  int container_exists_attempts = 5;
  std::int64_t pids_limit = 0;
  int oom_score_adj = 0;
  bool disable_log_collection = false;
  AllowedModes allowed_modes;
  bool windows_allow_insecure_container_admin = false;

  static void describe(sdk::Fields<PluginOptions>& fields);
  Result<void> check() const;
};

/// "1m30s" as Go writes it; `invalid` names the option.
Result<std::chrono::nanoseconds> parse_duration(std::string_view option, std::string_view text);

}  // namespace drover::docker
