#include "plugins/docker/create.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <sstream>

#include "plugins/docker/glob.h"
#include "plugins/docker/json.h"

namespace drover::docker {
namespace {

constexpr std::streamsize seccomp_bytes_max = 1 << 20;
constexpr std::string_view mac_per_endpoint_since = "1.44";

bool matches_any(const std::vector<std::string>& patterns, const std::string& value) {
  return std::any_of(patterns.begin(), patterns.end(), [&value](const std::string& pattern) { return matches(pattern, value); });
}

Result<void> check_mode(std::string_view option, const std::string& mode, const std::vector<std::string>& allowed, const PluginOptions& plugin) {
  if (mode.empty() || plugin.allow_privileged || matches_any(allowed, mode)) return {};
  return fail(Code::denied, "{}_mode \"{}\" is not allowed: add it to allowed_modes {} {} = […] {} in the plugin's configuration", option, mode, "{", option, "}");
}

/// The runtime a container runs with; empty for the engine's own choice.
Result<std::string> runtime_of(const CreateInput& in) {
  const bool wants_gpu = in.task.device_env.contains("NVIDIA_VISIBLE_DEVICES");
  const std::string& asked = in.options.runtime;
  if (wants_gpu && !asked.empty() && asked != in.plugin.nvidia_runtime) {
    return fail(Code::invalid, "conflicting runtime requests: gpu runtime \"{}\" conflicts with task runtime \"{}\"", in.plugin.nvidia_runtime, asked);
  }
  const std::string runtime = wants_gpu ? in.plugin.nvidia_runtime : asked;
  const auto& allowed = in.plugin.allow_runtimes;
  if (!runtime.empty() && std::find(allowed.begin(), allowed.end(), runtime) == allowed.end()) {
    return fail(Code::denied, "requested runtime \"{}\" is not allowed", runtime);
  }
  return runtime;
}

/// "name=value" whichever way it was written; the profile of seccomp is read here, where the file is.
Result<std::string> security_option(const std::string& option) {
  if (option == "no-new-privileges") return option;
  const std::size_t end = option.find_first_of("=:");
  if (end == std::string::npos) return fail(Code::invalid, "invalid security_opt: \"{}\"", option);
  const std::string name = option.substr(0, end);
  const std::string value = option.substr(end + 1);
  if (name != "seccomp" || value == "unconfined" || value == "builtin") return name + "=" + value;
  std::ifstream file(value, std::ios::binary);
  std::string bytes(static_cast<std::size_t>(seccomp_bytes_max), '\0');
  file.read(bytes.data(), seccomp_bytes_max);
  bytes.resize(static_cast<std::size_t>(std::max<std::streamsize>(file.gcount(), 0)));
  if (bytes.empty() || !file.eof()) return fail(Code::invalid, "opening seccomp profile ({}) failed, or it is longer than 1 MiB", value);
  DROVER_LET(const json::value profile, parse_json(bytes, "seccomp profile " + value));
  return "seccomp=" + json::serialize(profile);
}

json::object labels_of(const CreateInput& in) {
  const sdk::TaskConfig& task = in.task;
  json::object labels = to_json(in.options.labels);
  const std::pair<const char*, const std::string&> known[] = {{"job_name", task.job_name},        {"job_id", task.job_id},
                                                              {"parent_job_id", task.parent_job_id}, {"task_group_name", task.group_name},
                                                              {"task_name", task.name},           {"namespace", task.namespace_name},
                                                              {"node_name", task.node_name},      {"node_id", task.node_id}};
  for (const auto& [name, value] : known) {
    if (!value.empty() && matches_any(in.plugin.extra_labels, name)) labels["com.hashicorp.nomad." + std::string(name)] = value;
  }
  labels[json::string_view(alloc_label.data(), alloc_label.size())] = task.alloc_id;
  labels[json::string_view(task_label.data(), task_label.size())] = task.id;
  labels[json::string_view(node_label.data(), node_label.size())] = task.node_id;
  return labels;
}

json::array env_of(const sdk::TaskConfig& task, const Texts& changed) {
  Texts env = task.env;
  for (const auto& [name, value] : changed) env[name] = value;
  json::array out;
  for (const auto& [name, value] : env) out.emplace_back(name + "=" + value);
  return out;
}

json::object mount_json(const MountOptions& mount, const std::string& source) {
  json::object out{{"Type", mount.type}, {"Target", mount.target}, {"ReadOnly", mount.readonly}};
  if (mount.type != "tmpfs") out["Source"] = source;
  if (mount.type == "bind" && mount.bind_options) out["BindOptions"] = json::object{{"Propagation", mount.bind_options->propagation}};
  if (mount.type == "tmpfs" && mount.tmpfs_options) {
    out["TmpfsOptions"] = json::object{{"SizeBytes", mount.tmpfs_options->size}, {"Mode", mount.tmpfs_options->mode}};
  }
  if (mount.type == "volume" && mount.volume_options) {
    json::object options{{"NoCopy", mount.volume_options->no_copy}, {"Labels", to_json(mount.volume_options->labels)}};
    if (const auto& driver = mount.volume_options->driver_config) {
      options["DriverConfig"] = json::object{{"Name", driver->name}, {"Options", to_json(driver->options)}};
    }
    out["VolumeOptions"] = std::move(options);
  }
  return out;
}

std::string propagation_of(const std::string& mode) {
  if (mode == "host-to-task") return "rslave";
  return mode == "bidirectional" ? "rshared" : "rprivate";
}

Result<json::array> mounts_of(const CreateInput& in) {
  json::array out;
  for (const auto* list : {&in.options.mounts, &in.options.mounts_plural}) {
    for (const MountOptions& mount : *list) {
      DROVER_LET(const std::string source, mount_source(in.task, mount, in.plugin));
      out.push_back(mount_json(mount, source));
    }
  }
  for (const sdk::Mount& mount : in.task.mounts) {
    out.push_back(json::object{{"Type", "bind"},
                               {"Target", mount.task_path},
                               {"Source", mount.host_path},
                               {"ReadOnly", mount.readonly},
                               {"BindOptions", json::object{{"Propagation", propagation_of(mount.propagation_mode)}}}});
  }
  return out;
}

json::array devices_of(const CreateInput& in) {
  json::array out;
  const auto add = [&out](const std::string& host, const std::string& inside, const std::string& permissions) {
    out.push_back(json::object{{"PathOnHost", host},
                               {"PathInContainer", inside.empty() ? host : inside},
                               {"CgroupPermissions", permissions.empty() ? "rwm" : permissions}});
  };
  for (const DeviceOptions& device : in.options.devices) add(device.host_path, device.container_path, device.cgroup_permissions);
  for (const sdk::Device& device : in.task.devices) add(device.host_path, device.task_path, device.cgroup_permissions);
  return out;
}

Result<void> add_limits(const CreateInput& in, json::object& host) {
  DROVER_LET(const MemoryLimits memory, memory_limits(in.task.resources, in.options.memory_hard_limit));
  host["Memory"] = memory.limit;
  host["MemorySwap"] = memory.limit;  // equal: no swap
  if (memory.reservation != 0) host["MemoryReservation"] = memory.reservation;
  const auto swap = in.engine.limits.find("SwapLimit");
  if (in.engine.cgroup_version == "1" && swap != in.engine.limits.end() && !swap->second) host["MemorySwappiness"] = 0;
  host["CpuShares"] = cpu_shares(in.task.resources.cpu_mhz, in.node_mhz);
  if (in.options.cpu_hard_limit && in.options.cpu_cfs_period > 0) {
    const double quota = in.task.resources.cpu_fraction * static_cast<double>(in.options.cpu_cfs_period) * in.cpus;
    host["CpuPeriod"] = in.options.cpu_cfs_period;
    host["CpuQuota"] = static_cast<std::int64_t>(std::lround(quota));
  }
  if (!in.task.resources.cpuset_cpus.empty()) host["CpusetCpus"] = in.task.resources.cpuset_cpus;
  const std::int64_t pids_most = in.plugin.pids_limit;
  if (pids_most > 0 && in.options.pids_limit > pids_most) {
    return fail(Code::invalid, "pids_limit of {} is above the {} that the plugin's configuration allows", in.options.pids_limit, pids_most);
  }
  const std::int64_t pids = in.options.pids_limit != 0 ? in.options.pids_limit : pids_most;
  host["PidsLimit"] = pids > 0 ? pids : -1;
  const int oom = in.options.oom_score_adj != 0 ? in.options.oom_score_adj : in.plugin.oom_score_adj;
  if (oom != 0) host["OomScoreAdj"] = oom;
  if (in.options.shm_size > 0) host["ShmSize"] = in.options.shm_size;
  DROVER_LET(const std::vector<Ulimit> limits, ulimits(in.options.ulimit));
  json::array list;
  for (const Ulimit& limit : limits) list.push_back(json::object{{"Name", limit.name}, {"Soft", limit.soft}, {"Hard", limit.hard}});
  if (!list.empty()) host["Ulimits"] = std::move(list);
  return {};
}

Result<void> add_security(const CreateInput& in, json::object& host) {
  DROVER_LET(const Capabilities caps, capabilities(in.options, in.plugin));
  if (!caps.add.empty()) host["CapAdd"] = to_json(caps.add);
  if (!caps.drop.empty()) host["CapDrop"] = to_json(caps.drop);
  json::array security;
  for (const std::string& option : in.options.security_opt) {
    DROVER_LET(const std::string written, security_option(option));
    security.emplace_back(written);
  }
  if (!security.empty()) host["SecurityOpt"] = std::move(security);
  host["Privileged"] = in.options.privileged;
  host["ReadonlyRootfs"] = in.options.readonly_rootfs;
  const std::pair<const char*, const std::string&> modes[] = {{"PidMode", in.options.pid_mode}, {"IpcMode", in.options.ipc_mode},
                                                              {"UTSMode", in.options.uts_mode}, {"UsernsMode", in.options.userns_mode},
                                                              {"CgroupnsMode", in.options.cgroupns}};
  for (const auto& [name, mode] : modes) {
    if (!mode.empty()) host[name] = mode;
  }
  DROVER_LET(const std::string runtime, runtime_of(in));
  if (!runtime.empty()) host["Runtime"] = runtime;
  return {};
}

json::object logging_of(const CreateInput& in) {
  // Large enough that a burst of output does not rotate away what is not passed on yet: engines do not wait for readers.
  static const LoggingOptions bounded{"json-file", {}, {{"max-file", "2"}, {"max-size", "50m"}}};
  const LoggingOptions& of_plugin = in.plugin.logging ? *in.plugin.logging : bounded;
  const auto& own = in.options.logging;
  const LoggingOptions& chosen = own && (!own->kind().empty() || !own->config.empty()) ? *own : of_plugin;
  return json::object{{"Type", chosen.kind()}, {"Config", to_json(chosen.config)}};
}

void add_dns(const CreateInput& in, json::object& host) {
  const sdk::Dns& group = in.task.dns;
  const bool own = group.empty();
  const std::pair<const char*, const std::vector<std::string>&> parts[] = {{"Dns", own ? in.options.dns_servers : group.servers},
                                                                           {"DnsSearch", own ? in.options.dns_search_domains : group.searches},
                                                                           {"DnsOptions", own ? in.options.dns_options : group.options}};
  for (const auto& [name, list] : parts) {
    if (!list.empty()) host[name] = to_json(list);
  }
  if (!in.options.extra_hosts.empty()) host["ExtraHosts"] = to_json(in.options.extra_hosts);
}

void add_ports(const Ports& ports, json::object& body, json::object& host) {
  json::object exposed;
  json::object bindings;
  for (const Publish& port : ports.publish) {
    for (const char* protocol : {"/tcp", "/udp"}) {
      const std::string key = std::to_string(port.container_port) + protocol;
      exposed[key] = json::object();
      if (!bindings.contains(key)) bindings[key] = json::array();
      bindings[key].as_array().push_back(json::object{{"HostIp", port.host_ip}, {"HostPort", std::to_string(port.host_port)}});
    }
  }
  if (exposed.empty()) return;
  body["ExposedPorts"] = std::move(exposed);
  host["PortBindings"] = std::move(bindings);
}

Result<void> add_network(const CreateInput& in, json::object& body, json::object& host) {
  const std::string mode = in.options.network_mode.empty() ? "default" : in.options.network_mode;
  host["NetworkMode"] = mode;
  DROVER_LET(const Ports ports, published_ports(in.task, in.options));
  if (!mode.starts_with("container:")) add_ports(ports, body, host);
  body["Env"] = env_of(in.task, ports.env);
  add_dns(in, host);

  json::object endpoint;
  if (!in.options.network_aliases.empty()) endpoint["Aliases"] = to_json(in.options.network_aliases);
  json::object addresses;
  if (!in.options.ipv4_address.empty()) addresses["IPv4Address"] = in.options.ipv4_address;
  if (!in.options.ipv6_address.empty()) addresses["IPv6Address"] = in.options.ipv6_address;
  if (!addresses.empty()) endpoint["IPAMConfig"] = std::move(addresses);
  if (!in.options.mac_address.empty()) {
    json::object& place = compare_versions(in.engine.api_version, mac_per_endpoint_since) < 0 ? body : endpoint;
    place["MacAddress"] = in.options.mac_address;
  }
  if (!endpoint.empty()) body["NetworkingConfig"] = json::object{{"EndpointsConfig", json::object{{mode, std::move(endpoint)}}}};
  return {};
}

Result<json::object> host_config(const CreateInput& in) {
  json::object host;
  DROVER_LET(const std::vector<std::string> bind_list, binds(in.task, in.options, in.plugin));
  host["Binds"] = to_json(bind_list);
  DROVER_LET(json::array mounts, mounts_of(in));
  if (!mounts.empty()) host["Mounts"] = std::move(mounts);
  json::array devices = devices_of(in);
  if (!devices.empty()) host["Devices"] = std::move(devices);
  DROVER_TRY(add_limits(in, host));
  DROVER_TRY(add_security(in, host));
  host["LogConfig"] = logging_of(in);
  if (in.options.init) host["Init"] = true;
  if (!in.options.volume_driver.empty()) host["VolumeDriver"] = in.options.volume_driver;
  if (!in.options.storage_opt.empty()) host["StorageOpt"] = to_json(in.options.storage_opt);
  if (!in.options.sysctl.empty()) host["Sysctls"] = to_json(in.options.sysctl);
  if (!in.options.group_add.empty()) host["GroupAdd"] = to_json(in.options.group_add);
  return host;
}

}  // namespace

std::string container_name(const sdk::TaskConfig& task) {
  std::string name = task.name;
  std::replace(name.begin(), name.end(), '/', '_');
  return name + "-" + task.alloc_id;
}

Result<void> check_allowed(const sdk::TaskConfig& task, const Options& options, const PluginOptions& plugin) {
  if (options.privileged && !plugin.allow_privileged) {
    return fail(Code::denied, "docker privileged mode is disabled on this agent: set allow_privileged = true in the plugin's configuration");
  }
  DROVER_TRY(check_mode("pid", options.pid_mode, plugin.allowed_modes.pid, plugin));
  DROVER_TRY(check_mode("ipc", options.ipc_mode, plugin.allowed_modes.ipc, plugin));
  DROVER_TRY(check_mode("uts", options.uts_mode, plugin.allowed_modes.uts, plugin));
  DROVER_TRY(check_mode("userns", options.userns_mode, plugin.allowed_modes.userns, plugin));
  if (!task.network.path.empty() && options.network_mode.empty()) {
    return fail(Code::unsupported, "a group network of mode bridge, none or cni is not supported yet for docker tasks: leave the mode out and publish ports");
  }
  DROVER_TRY(capabilities(options, plugin));
  DROVER_TRY(published_ports(task, options));
  DROVER_TRY(memory_limits(task.resources, options.memory_hard_limit));
  DROVER_TRY(ulimits(options.ulimit));
  return {};
}

Result<std::string> create_body(const CreateInput& in) {
  json::object body;
  body["Image"] = in.image;
  if (!in.options.entrypoint.empty()) body["Entrypoint"] = to_json(in.options.entrypoint);
  std::vector<std::string> command = in.options.args;
  if (!in.options.command.empty()) command.insert(command.begin(), in.options.command);
  if (!command.empty()) body["Cmd"] = to_json(command);
  const std::pair<const char*, const std::string&> names[] = {{"Hostname", in.options.hostname}, {"User", in.task.user}, {"WorkingDir", in.options.work_dir}};
  for (const auto& [name, value] : names) {
    if (!value.empty()) body[name] = value;
  }
  body["Tty"] = in.options.tty;
  body["OpenStdin"] = in.options.interactive;
  body["Labels"] = labels_of(in);
  if (in.options.healthchecks && in.options.healthchecks->disable) body["Healthcheck"] = json::object{{"Test", json::array{"NONE"}}};
  DROVER_LET(json::object host, host_config(in));
  DROVER_TRY(add_network(in, body, host));
  body["HostConfig"] = std::move(host);
  return json::serialize(body);
}

}  // namespace drover::docker
