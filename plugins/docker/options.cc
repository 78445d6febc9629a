#include "plugins/docker/options.h"

#include <charconv>
#include <chrono>

namespace drover::docker {

using namespace std::chrono_literals;

namespace {

constexpr std::int64_t period_max = 1'000'000;
constexpr std::pair<std::string_view, std::chrono::nanoseconds> units[] = {{"ns", 1ns}, {"us", 1us}, {"ms", 1ms}, {"s", 1s}, {"m", 1min}, {"h", 1h}};

Error no_duration(std::string_view option, std::string_view text) {
  return fail(Code::invalid, "{}: \"{}\" is no duration such as \"1m30s\"", option, text);
}

bool has_blank_end(const std::string& text) {
  const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; };
  return !text.empty() && (blank(text.front()) || blank(text.back()));
}

Result<void> check_at_least(std::string_view option, const std::string& text, std::chrono::nanoseconds least) {
  DROVER_LET(const auto duration, parse_duration(option, text));
  if (duration < least) return fail(Code::invalid, "{} must be at least 1m, not \"{}\"", option, text);
  return {};
}

}  // namespace

Result<std::chrono::nanoseconds> parse_duration(std::string_view option, std::string_view text) {
  if (text == "0") return std::chrono::nanoseconds(0);
  if (text.empty()) return no_duration(option, text);
  std::chrono::nanoseconds sum{};
  for (std::string_view rest = text; !rest.empty();) {
    double number = 0;
    const auto [end, error] = std::from_chars(rest.data(), rest.data() + rest.size(), number);
    if (error != std::errc() || !(number >= 0 && number < 1e9)) return no_duration(option, text);
    rest.remove_prefix(static_cast<std::size_t>(end - rest.data()));
    const std::string_view unit = rest.substr(0, rest.find_first_of("0123456789."));
    bool known = false;
    for (const auto& [name, length] : units) {
      if (unit != name) continue;
      sum += std::chrono::nanoseconds(static_cast<std::int64_t>(number * static_cast<double>(length.count())));
      known = true;
    }
    if (!known) return no_duration(option, text);
    rest.remove_prefix(unit.size());
  }
  return sum;
}

void AuthOptions::describe(sdk::Fields<AuthOptions>& fields) {
  fields.field("username", &AuthOptions::username);
  fields.field("password", &AuthOptions::password);
  fields.field("email", &AuthOptions::email).doc("not used");
  fields.field("server_address", &AuthOptions::server_address).doc("registry that these credentials are for");
}

void LoggingOptions::describe(sdk::Fields<LoggingOptions>& fields) {
  fields.field("type", &LoggingOptions::type).doc("log driver of the engine");
  fields.field("driver", &LoggingOptions::driver).doc("another name of type");
  fields.merged_maps("config", &LoggingOptions::config).doc("options of the log driver");
}

void DeviceOptions::describe(sdk::Fields<DeviceOptions>& fields) {
  fields.field("host_path", &DeviceOptions::host_path).doc("of the device on the host");
  fields.field("container_path", &DeviceOptions::container_path).doc("inside; else the same");
  fields.field("cgroup_permissions", &DeviceOptions::cgroup_permissions).doc("of \"rwm\"; else all");
}

Result<void> DeviceOptions::check() const {
  if (host_path.empty()) return fail(Code::invalid, "host path must be set in configuration for devices");
  if (cgroup_permissions.find_first_not_of("rwm") != std::string::npos) {
    return fail(Code::invalid, "devices: cgroup_permissions \"{}\" must be made of the letters r, w and m", cgroup_permissions);
  }
  return {};
}

void BindOptions::describe(sdk::Fields<BindOptions>& fields) { fields.field("propagation", &BindOptions::propagation); }

void TmpfsOptions::describe(sdk::Fields<TmpfsOptions>& fields) {
  fields.field("size", &TmpfsOptions::size).doc("bytes");
  fields.field("mode", &TmpfsOptions::mode);
}

void VolumeDriverOptions::describe(sdk::Fields<VolumeDriverOptions>& fields) {
  fields.field("name", &VolumeDriverOptions::name);
  fields.merged_maps("options", &VolumeDriverOptions::options);
}

void VolumeOptions::describe(sdk::Fields<VolumeOptions>& fields) {
  fields.field("no_copy", &VolumeOptions::no_copy);
  fields.merged_maps("labels", &VolumeOptions::labels);
  fields.block("driver_config", &VolumeOptions::driver_config);
}

void MountOptions::describe(sdk::Fields<MountOptions>& fields) {
  fields.field("type", &MountOptions::type).fallback("volume").doc("volume, bind or tmpfs");
  fields.field("target", &MountOptions::target).doc("path inside");
  fields.field("source", &MountOptions::source).doc("path on the host, or name of the volume");
  fields.field("readonly", &MountOptions::readonly);
  fields.block("bind_options", &MountOptions::bind_options);
  fields.block("tmpfs_options", &MountOptions::tmpfs_options);
  fields.block("volume_options", &MountOptions::volume_options);
}

Result<void> MountOptions::check() const {
  if (type == "volume" || type == "bind" || type == "tmpfs") return {};
  return fail(Code::invalid, "mount: type \"{}\" is neither volume, bind nor tmpfs", type);
}

void HealthchecksOptions::describe(sdk::Fields<HealthchecksOptions>& fields) {
  fields.field("disable", &HealthchecksOptions::disable).doc("switches off the image's own health check");
}

void Options::describe(sdk::Fields<Options>& fields) {
  fields.field("image", &Options::image).required().doc("reference of the image: registry/name:tag");
  fields.field("command", &Options::command);
  fields.field("args", &Options::args);
  fields.field("entrypoint", &Options::entrypoint).doc("instead of the image's");
  fields.field("work_dir", &Options::work_dir);
  fields.field("hostname", &Options::hostname);
  fields.field("init", &Options::init).doc("a small init as the first process");
  fields.field("tty", &Options::tty);
  fields.field("interactive", &Options::interactive).doc("keeps the standard input open");
  fields.field("force_pull", &Options::force_pull).doc("asks the registry even when the image is there");
  fields.field("load", &Options::load).doc("archive in the task's folder to load the image from");
  fields.field("image_pull_timeout", &Options::image_pull_timeout);
  fields.block("auth", &Options::auth);
  fields.field("auth_soft_fail", &Options::auth_soft_fail).doc("pulls without credentials when looking them up fails");
  fields.field("privileged", &Options::privileged);
  fields.field("cap_add", &Options::cap_add);
  fields.field("cap_drop", &Options::cap_drop);
  fields.field("security_opt", &Options::security_opt);
  fields.field("readonly_rootfs", &Options::readonly_rootfs);
  fields.field("group_add", &Options::group_add);
  fields.field("pid_mode", &Options::pid_mode);
  fields.field("ipc_mode", &Options::ipc_mode);
  fields.field("uts_mode", &Options::uts_mode);
  fields.field("userns_mode", &Options::userns_mode);
  fields.field("cgroupns", &Options::cgroupns).doc("host or private");
  fields.field("runtime", &Options::runtime);
  fields.field("isolation", &Options::isolation).doc("Windows only");
  fields.field("cpu_hard_limit", &Options::cpu_hard_limit);
  fields.field("cpu_cfs_period", &Options::cpu_cfs_period).fallback(100000).doc("microseconds");
  fields.field("cpuset_cpus", &Options::cpuset_cpus).doc("not used: reserve cores with resources { cores }");
  fields.field("memory_hard_limit", &Options::memory_hard_limit).doc("MiB; the memory asked for becomes a reservation");
  fields.field("pids_limit", &Options::pids_limit);
  fields.field("oom_score_adj", &Options::oom_score_adj);
  fields.field("shm_size", &Options::shm_size).doc("bytes");
  fields.merged_maps("storage_opt", &Options::storage_opt);
  fields.merged_maps("sysctl", &Options::sysctl);
  fields.merged_maps("ulimit", &Options::ulimit).doc("\"soft\" or \"soft:hard\" by name");
  fields.blocks("devices", &Options::devices);
  fields.field("volumes", &Options::volumes).doc("\"source:target[:mode]\"");
  fields.field("volume_driver", &Options::volume_driver);
  fields.blocks("mount", &Options::mounts);
  fields.blocks("mounts", &Options::mounts_plural);
  fields.field("network_mode", &Options::network_mode);
  fields.field("network_aliases", &Options::network_aliases);
  fields.field("ipv4_address", &Options::ipv4_address);
  fields.field("ipv6_address", &Options::ipv6_address);
  fields.field("mac_address", &Options::mac_address);
  fields.field("ports", &Options::ports).doc("labels of the group's ports to publish");
  fields.merged_maps("port_map", &Options::port_map).doc("deprecated: port inside by label of the task's own network");
  fields.field("advertise_ipv6_address", &Options::advertise_ipv6_address);
  fields.field("dns_servers", &Options::dns_servers);
  fields.field("dns_search_domains", &Options::dns_search_domains);
  fields.field("dns_options", &Options::dns_options);
  fields.field("extra_hosts", &Options::extra_hosts).doc("\"name:address\"");
  fields.merged_maps("labels", &Options::labels);
  fields.block("logging", &Options::logging);
  fields.block("healthchecks", &Options::healthchecks);
  fields.field("container_exists_attempts", &Options::container_exists_attempts);
}

Result<void> Options::check() const {
  if (image.empty()) return fail(Code::invalid, "image name required for docker driver");
  if (has_blank_end(command)) return fail(Code::invalid, "command must not begin or end with a blank: \"{}\"", command);
  if (!isolation.empty()) return fail(Code::invalid, "isolation is for Windows only");
  if (cpu_cfs_period < 0 || cpu_cfs_period > period_max) {
    return fail(Code::invalid, "cpu_cfs_period must be between 0 and {} microseconds, not {}", period_max, cpu_cfs_period);
  }
  if (!image_pull_timeout.empty()) DROVER_TRY(parse_duration("image_pull_timeout", image_pull_timeout));
  if (!load.empty()) return fail(Code::unsupported, "option load is not supported yet: have the image in the engine, or in a registry");
  return {};
}

void DanglingOptions::describe(sdk::Fields<DanglingOptions>& fields) {
  fields.field("enabled", &DanglingOptions::enabled).fallback(true);
  fields.field("period", &DanglingOptions::period).fallback("5m");
  fields.field("creation_grace", &DanglingOptions::creation_grace).fallback("5m");
  fields.field("dry_run", &DanglingOptions::dry_run).fallback(false);
}

void GcOptions::describe(sdk::Fields<GcOptions>& fields) {
  fields.field("image", &GcOptions::image).fallback(true).doc("removes images that drover pulled and no task uses");
  fields.field("image_delay", &GcOptions::image_delay).fallback("3m");
  fields.field("container", &GcOptions::container).fallback(true).doc("removes containers of tasks that are over");
  fields.block("dangling_containers", &GcOptions::dangling_containers);
}

void RegistryOptions::describe(sdk::Fields<RegistryOptions>& fields) {
  fields.field("config", &RegistryOptions::config).doc("path of a docker config.json");
  fields.field("helper", &RegistryOptions::helper).doc("what follows docker-credential- in the name of a credential helper");
}

void TlsOptions::describe(sdk::Fields<TlsOptions>& fields) {
  fields.field("cert", &TlsOptions::cert);
  fields.field("key", &TlsOptions::key);
  fields.field("ca", &TlsOptions::ca);
}

void VolumesOptions::describe(sdk::Fields<VolumesOptions>& fields) {
  fields.field("enabled", &VolumesOptions::enabled).fallback(false).doc("lets tasks mount what is outside of their allocation");
  fields.field("selinuxlabel", &VolumesOptions::selinuxlabel);
}

void AllowedModes::describe(sdk::Fields<AllowedModes>& fields) {
  fields.field("pid", &AllowedModes::pid);
  fields.field("ipc", &AllowedModes::ipc);
  fields.field("uts", &AllowedModes::uts);
  fields.field("userns", &AllowedModes::userns);
}

void PluginOptions::describe(sdk::Fields<PluginOptions>& fields) {
  fields.field("endpoint", &PluginOptions::endpoint).doc("unix:///path or tcp://host:port; else DOCKER_HOST, else the standard socket");
  fields.block("auth", &PluginOptions::auth);
  fields.block("tls", &PluginOptions::tls);
  fields.field("extra_labels", &PluginOptions::extra_labels).doc("which of job_name, job_id, task_group_name, task_name, namespace, node_name, node_id containers are labelled with");
  fields.block("logging", &PluginOptions::logging);
  fields.block("gc", &PluginOptions::gc);
  fields.block("volumes", &PluginOptions::volumes);
  fields.field("allow_privileged", &PluginOptions::allow_privileged).fallback(false);
  fields.field("allow_caps", &PluginOptions::allow_caps).fallback(PluginOptions().allow_caps);
  fields.field("allow_runtimes", &PluginOptions::allow_runtimes).fallback(PluginOptions().allow_runtimes);
  fields.field("nvidia_runtime", &PluginOptions::nvidia_runtime).fallback("nvidia");
  fields.field("infra_image", &PluginOptions::infra_image);
  fields.field("infra_image_pull_timeout", &PluginOptions::infra_image_pull_timeout).fallback("5m");
  fields.field("image_pull_timeout", &PluginOptions::image_pull_timeout).fallback("5m");
  fields.field("pull_activity_timeout", &PluginOptions::pull_activity_timeout).fallback("2m");
  fields.field("container_exists_attempts", &PluginOptions::container_exists_attempts).fallback(5);
  fields.field("pids_limit", &PluginOptions::pids_limit).fallback(0);
  fields.field("oom_score_adj", &PluginOptions::oom_score_adj).fallback(0);
  fields.field("disable_log_collection", &PluginOptions::disable_log_collection).fallback(false);
  fields.block("allowed_modes", &PluginOptions::allowed_modes);
  fields.field("windows_allow_insecure_container_admin", &PluginOptions::windows_allow_insecure_container_admin).fallback(false).doc("Windows only");
}

Result<void> PluginOptions::check() const {
  DROVER_TRY(parse_duration("gc.image_delay", gc.image_delay));
  DROVER_TRY(parse_duration("gc.dangling_containers.period", gc.dangling_containers.period));
  DROVER_TRY(check_at_least("gc.dangling_containers.creation_grace", gc.dangling_containers.creation_grace, 1min));
  DROVER_TRY(parse_duration("image_pull_timeout", image_pull_timeout));
  DROVER_TRY(parse_duration("infra_image_pull_timeout", infra_image_pull_timeout));
  return check_at_least("pull_activity_timeout", pull_activity_timeout, 1min);
}

}  // namespace drover::docker
