#include <algorithm>
#include <map>
#include <set>

#include "model/constraint.h"
#include "model/json/text.h"
#include "model/proto/job.pb.h"
#include "model/validate_parts.h"

namespace drover::model {
namespace {

constexpr std::int64_t cpu_min = 1;
constexpr std::int64_t memory_mb_min = 10;
constexpr std::size_t name_max = 128;

template <class List>
bool is_one_of(const List& list, std::string_view text) {
  return std::ranges::find(list, text) != std::end(list);
}

bool is_name(std::string_view name, bool dashes) {
  return !name.empty() && name.size() <= name_max && std::ranges::all_of(name, [dashes](unsigned char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || (dashes && c == '-');
  });
}

Problems problems_of(const Resources& resources) {
  Problems problems;
  if (resources.cores() > 0 && resources.cpu() > 0) problems.add("Task can only ask for 'cpu' or 'cores' resource, not both.");
  if (resources.cores() < 0) problems.add("minimum Cores value is 0; got {}", resources.cores());
  Problems minima;
  if (resources.cores() == 0 && resources.cpu() < cpu_min) minima.add("minimum CPU value is {}; got {}", cpu_min, resources.cpu());
  if (resources.memory_mb() < memory_mb_min) minima.add("minimum MemoryMB value is {}; got {}", memory_mb_min, resources.memory_mb());
  if (!minima.empty()) problems.add("{}", minima.text());
  const std::int64_t most = resources.memory_max_mb();
  if (most != 0 && most != -1 && most < resources.memory_mb()) {
    problems.add("MemoryMaxMB value ({}) should be larger than MemoryMB value ({})", most, resources.memory_mb());
  }
  if (resources.secrets_mb() < 0) problems.add("SecretsMB value ({}) cannot be negative", resources.secrets_mb());
  if (resources.secrets_mb() > resources.memory_mb()) {
    problems.add("SecretsMB value ({}) cannot be larger than MemoryMB value ({})", resources.secrets_mb(), resources.memory_mb());
  }
  for (int i = 0; i < resources.devices_size(); ++i) {
    if (!resources.devices(i).name().empty()) continue;
    Problems inner;
    inner.add("device name must be given as one of the following: type, vendor/type, or vendor/type/name");
    problems.add_within(text("device {} failed validation", i + 1), inner);
  }
  return problems;
}

Problems problems_of_logs(const LogConfig& logs, std::int64_t disk_mb) {
  Problems problems;
  if (logs.disabled()) return problems;
  if (logs.max_files() < 1) problems.add("minimum number of files is 1; got {}", logs.max_files());
  if (logs.max_file_size_mb() < 1) problems.add("minimum file size is 1MB; got {}", logs.max_file_size_mb());
  if (logs.max_files() < 1 || logs.max_file_size_mb() < 1) return problems;
  if (logs.max_file_size_mb() > disk_mb / logs.max_files() || logs.max_files() * logs.max_file_size_mb() >= disk_mb) {
    problems.add("log storage ({} MB) must be less than requested disk capacity ({} MB)", logs.max_files() * logs.max_file_size_mb(), disk_mb);
  }
  return problems;
}

/// "md5:0123…" with as many digits as its kind has.
void check_checksum(const std::string& checksum, Problems& problems) {
  if (checksum.find("${") != std::string::npos) return;
  static const std::map<std::string, std::size_t> sizes = {{"md5", 32}, {"sha1", 40}, {"sha256", 64}, {"sha512", 128}};
  const auto colon = checksum.find(':');
  if (colon == std::string::npos) return problems.add("checksum must be given as \"type:value\"; got \"{}\"", checksum);
  const auto kind = sizes.find(checksum.substr(0, colon));
  const std::string value = checksum.substr(colon + 1);
  if (kind == sizes.end()) return problems.add("unsupported checksum type: {}", checksum.substr(0, colon));
  const auto bad = std::ranges::find_if_not(value, [](unsigned char c) { return std::isxdigit(c) != 0; });
  if (bad != value.end()) {
    constexpr char hex[] = "0123456789ABCDEF";
    const auto byte = static_cast<unsigned char>(*bad);
    return problems.add("invalid checksum: encoding/hex: invalid byte: U+00{}{} '{}'", hex[byte >> 4], hex[byte & 15], *bad);
  }
  if (value.size() != kind->second) problems.add("invalid {} checksum: {}", kind->first, value);
}

Problems problems_of(const TaskArtifact& artifact) {
  Problems problems;
  if (artifact.getter_source().empty()) problems.add("source must be specified");
  static constexpr std::string_view modes[] = {"any", "file", "dir"};
  if (!is_one_of(modes, artifact.getter_mode())) {
    problems.add("invalid artifact mode \"{}\"; must be one of: any, file, dir", artifact.getter_mode());
  }
  if (escapes(artifact.relative_dest())) problems.add("destination escapes allocation directory");
  const auto checksum = artifact.getter_options().find("checksum");
  if (checksum != artifact.getter_options().end()) check_checksum(checksum->second, problems);
  return problems;
}

Problems problems_of(const Template& tmpl) {
  Problems problems;
  if (tmpl.source_path().empty() && tmpl.embedded_tmpl().empty()) problems.add("Must specify a source path or have an embedded template");
  if (tmpl.dest_path().empty()) problems.add("Must specify a destination for the template");
  if (escapes(tmpl.dest_path())) problems.add("destination escapes allocation directory");
  static constexpr std::string_view modes[] = {"noop", "restart", "signal", "script"};
  if (!is_one_of(modes, tmpl.change_mode())) {
    problems.add("Invalid change mode. Must be one of the following: noop, signal, script, restart");
  }
  if (tmpl.change_mode() == "signal" && tmpl.change_signal().empty()) problems.add("Must specify signal value when change mode is signal");
  if (tmpl.change_mode() == "signal" && tmpl.envvars()) problems.add("cannot use signals with env var templates");
  if (tmpl.change_mode() == "script" && !tmpl.has_change_script()) {
    problems.add("must specify change script configuration value when change mode is script");
  }
  if (tmpl.has_change_script() && tmpl.change_script().command().empty()) {
    problems.add("must specify script path value when change mode is script");
  }
  if (tmpl.splay() < 0) problems.add("Must specify positive splay value");
  const bool octal = !tmpl.perms().empty() && std::ranges::all_of(tmpl.perms(), [](char c) { return c >= '0' && c <= '7'; });
  if (!tmpl.perms().empty() && !octal) {
    problems.add("Failed to parse \"{}\" as octal: strconv.ParseUint: parsing \"{}\": invalid syntax", tmpl.perms(), tmpl.perms());
  }
  if (tmpl.has_wait() && tmpl.wait().has_min() && tmpl.wait().has_max() && tmpl.wait().min() > tmpl.wait().max()) {
    problems.add("wait min {} is greater than max {}", duration_text(tmpl.wait().min()), duration_text(tmpl.wait().max()));
  }
  return problems;
}

void check_templates(const Task& task, Problems& problems) {
  std::map<std::string, int> destinations;
  for (int i = 0; i < task.templates_size(); ++i) {
    problems.add_within(text("Template {} validation failed", i + 1), problems_of(task.templates(i)));
    if (task.templates(i).dest_path().empty()) continue;
    const auto [at, is_new] = destinations.try_emplace(task.templates(i).dest_path(), i + 1);
    if (!is_new) problems.add("Template {} has same destination as {}", i + 1, at->second);
  }
}

Problems problems_of(const WorkloadIdentity& identity) {
  Problems problems;
  if (!identity.name().empty() && !is_name(identity.name(), true)) {
    problems.add("invalid name \"{}\". Must match regex ^[a-zA-Z0-9-_]{1,128}$", identity.name());
  }
  static constexpr std::string_view modes[] = {"", "noop", "restart", "signal"};
  if (!is_one_of(modes, identity.change_mode())) problems.add("invalid change_mode: {}", identity.change_mode());
  if (identity.change_mode() == "signal" && identity.change_signal().empty()) {
    problems.add("change_signal must be specified when using change_mode=signal");
  }
  if (!identity.filepath().empty() && !identity.file()) problems.add("file must be true when filepath is set");
  if (escapes(identity.filepath())) problems.add("filepath escapes the task's directory");
  if (identity.ttl() < 0) problems.add("ttl must be >= 0");
  return problems;
}

void check_identities(const Task& task, Problems& problems) {
  for (const auto& identity : task.identities()) {
    problems.add_within("Identity \"" + identity.name() + "\" is invalid", problems_of(identity));
  }
}

void check_secrets(const Task& task, Problems& problems) {
  std::set<std::string> names;
  for (const auto& secret : task.secrets()) {
    Problems inner;
    if (secret.name().empty()) {
      inner.add("secret name cannot be empty");
    } else if (!is_name(secret.name(), false)) {
      inner.add("secret name must match regex ^[a-zA-Z0-9_]{1,128}$");
    }
    if (secret.provider().empty()) inner.add("secret provider cannot be empty");
    if (secret.path().empty()) inner.add("secret path cannot be empty");
    const bool built_in = secret.provider() == "nomad" || secret.provider() == "vault";
    if (!secret.config().empty() && !built_in && !secret.provider().empty()) {
      inner.add("custom plugin provider {} cannot use config block", secret.provider());
    }
    if (secret.env_size() > 0 && built_in) inner.add("{} provider cannot use the env block", secret.provider());
    problems.add_within("Secret \"" + secret.name() + "\" is invalid", inner);
    if (!names.insert(secret.name()).second) problems.add("Secret \"{}\" is specified more than once", secret.name());
    if (secret.provider() == "vault" && !task.has_vault()) problems.add("Secret \"{}\" has provider \"vault\" but no vault block", secret.name());
  }
}

void check_mounts(const Task& task, const TaskGroup& group, Problems& problems) {
  static constexpr std::string_view modes[] = {"private", "host-to-task", "bidirectional"};
  static constexpr std::string_view labels[] = {"", "z", "Z"};
  for (int i = 0; i < task.volume_mounts_size(); ++i) {
    const auto& mount = task.volume_mounts(i);
    if (mount.volume().empty()) {
      problems.add("Volume Mount ({}) references an empty volume", i);
    } else if (!group.volumes().contains(mount.volume())) {
      problems.add("Volume Mount ({}) references undefined volume {}", i, mount.volume());
    }
    if (!is_one_of(modes, mount.propagation_mode())) {
      problems.add("Volume Mount ({}) has an invalid propagation mode: \"{}\"", i, mount.propagation_mode());
    }
    if (!is_one_of(labels, mount.se_linux_label())) {
      problems.add("Volume Mount ({}) has an invalid SELinux label: \"{}\"", i, mount.se_linux_label());
    }
  }
}

void check_vault(const Vault& vault, Problems& problems) {
  Problems inner;
  static constexpr std::string_view modes[] = {"noop", "restart", "signal"};
  if (!is_one_of(modes, vault.change_mode())) inner.add("Unknown change mode \"{}\"", vault.change_mode());
  if (vault.change_mode() == "signal" && vault.change_signal().empty()) inner.add("Signal must be specified when using change mode \"signal\"");
  problems.add_within("Vault validation failed", inner);
}

void check_actions(const Task& task, Problems& problems) {
  std::set<std::string> names;
  for (const auto& action : task.actions()) {
    if (!names.insert(action.name()).second) problems.add("Action {} defined multiple times", action.name());
    Problems inner;
    if (action.command().empty()) inner.add("command cannot be empty");
    if (action.name().empty() || action.name().size() > name_max || action.name().find_first_of(std::string_view(" \0", 2)) != std::string::npos) {
      inner.add("invalid name '{}'", action.name());
    }
    problems.add_within("Action " + action.name() + " validation failed", inner);
  }
}

void check_constraints(const Task& task, Problems& problems) {
  add_constraint_problems(task.constraints(), problems);
  for (int i = 0; i < task.constraints_size(); ++i) {
    if (kind_of(task.constraints(i)) != ConstraintKind::node) {
      problems.add("Constraint {} has disallowed Operand at task level: {}", i + 1, task.constraints(i).operand());
    }
  }
  add_affinity_problems(task.affinities(), problems);
}

void check_life(const Task& task, const TaskGroup& group, const Job& job, Problems& problems) {
  if (task.kill_timeout() < 0) problems.add("KillTimeout must be a positive value");
  const std::int64_t deadline = group.update().progress_deadline();
  if (job.type() == "service" && group.has_update() && deadline > 0 && task.kill_timeout() > deadline) {
    problems.add("KillTimout ({}) longer than the group's ProgressDeadline ({})", duration_text(task.kill_timeout()), duration_text(deadline));
  }
  if (task.shutdown_delay() < 0) problems.add("ShutdownDelay must be a positive value");
  static constexpr std::string_view hooks[] = {"prestart", "poststart", "poststop"};
  if (!task.has_lifecycle()) return;
  if (task.lifecycle().hook().empty()) {
    problems.add("Lifecycle validation failed: no lifecycle hook provided");
  } else if (!is_one_of(hooks, task.lifecycle().hook())) {
    problems.add("Lifecycle validation failed: invalid hook: {}", task.lifecycle().hook());
  }
}

}  // namespace

bool escapes(std::string_view path) {
  if (path.find("${") != std::string_view::npos) return false;  // decided on the node
  int depth = 0;
  while (!path.empty()) {
    const auto slash = path.find('/');
    const auto part = path.substr(0, slash);
    if (part == "..") --depth;
    if (!part.empty() && part != "." && part != "..") ++depth;
    if (depth < -1) return true;  // one up is the allocation's folder, which is fine
    if (slash == std::string_view::npos) break;
    path.remove_prefix(slash + 1);
  }
  return false;
}

Problems problems_of(const Task& task, const TaskGroup& group, const Job& job) {
  Problems problems;
  if (task.name().empty()) problems.add("Missing task name");
  if (task.name() == "alloc") problems.add("Task cannot be named \"alloc\"");
  if (task.name().find_first_of("/\\") != std::string::npos) problems.add("Task name cannot include slashes");
  if (task.name().find('\0') != std::string::npos) problems.add("Task name cannot include null characters");
  if (task.driver().empty()) problems.add("Missing task driver");
  check_life(task, group, job, problems);
  if (const auto inner = problems_of(task.resources()); !inner.empty()) problems.add("{}", inner.text());
  if (const auto inner = problems_of_logs(task.log_config(), group.ephemeral_disk().size_mb()); !inner.empty()) problems.add("{}", inner.text());
  check_constraints(task, problems);
  if (job.type() == "system" && task.affinities_size() > 0) problems.add("System jobs may not have an affinity block");
  if (const auto inner = problems_of_services(task, group); !inner.empty()) problems.add("{}", inner.text());
  if (task.has_vault()) check_vault(task.vault(), problems);
  for (int i = 0; i < task.artifacts_size(); ++i) {
    problems.add_within(text("Artifact {} validation failed", i + 1), problems_of(task.artifacts(i)));
  }
  check_templates(task, problems);
  check_identities(task, problems);
  check_secrets(task, problems);
  check_mounts(task, group, problems);
  check_actions(task, problems);
  static constexpr std::string_view csi_types[] = {"node", "controller", "monolith"};
  if (task.has_csi_plugin_config() && !is_one_of(csi_types, task.csi_plugin_config().type())) {
    problems.add("CSIPluginConfig PluginType must be one of 'node', 'controller', or 'monolith', got: \"{}\"", task.csi_plugin_config().type());
  }
  if (task.has_schedule()) problems.add("task schedules are not supported");
  if (task.resources().has_numa() && task.resources().numa().affinity() != "none") problems.add("numa scheduling is not supported");
  return problems;
}

}  // namespace drover::model
