#include <algorithm>
#include <cctype>
#include <string>
#include <string_view>

#include "model/canonicalize_parts.h"
#include "model/json/given_empty.h"
#include "model/proto/constraint.pb.h"
#include "model/proto/policy.pb.h"
#include "model/proto/service.pb.h"
#include "model/proto/task.pb.h"

namespace drover::model {
namespace {

constexpr std::int64_t second = 1'000'000'000;

std::string upper(std::string text) {
  std::ranges::transform(text, text.begin(), [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

void canonicalize_logs(LogConfig& logs) {
  if (!logs.has_max_files()) logs.set_max_files(10);
  if (!logs.has_max_file_size_mb()) logs.set_max_file_size_mb(10);
  if (!logs.has_disabled()) logs.set_disabled(false);
}

void canonicalize_artifact(TaskArtifact& artifact) {
  if (!artifact.has_getter_mode()) artifact.set_getter_mode("any");
  if (!artifact.has_getter_insecure()) artifact.set_getter_insecure(false);
  if (!artifact.has_getter_source()) artifact.set_getter_source("");
  if (artifact.has_relative_dest()) return;
  const std::string_view source = artifact.getter_source();
  const auto name = source.substr(source.rfind('/') == std::string_view::npos ? 0 : source.rfind('/') + 1);
  artifact.set_relative_dest(artifact.getter_mode() == "file" ? "local/" + std::string(name) : "local/");
}

void canonicalize_script(ChangeScript& script) {
  if (!script.has_command()) script.set_command("");
  if (script.args().empty()) mark_given_empty(script, *ChangeScript::descriptor()->FindFieldByNumber(ChangeScript::kArgsFieldNumber));
  if (!script.has_timeout()) script.set_timeout(5 * second);
  if (!script.has_fail_on_error()) script.set_fail_on_error(false);
  if (!script.has_run_on_first_render()) script.set_run_on_first_render(false);
}

void canonicalize_template(Template& tmpl) {
  if (!tmpl.has_source_path()) tmpl.set_source_path("");
  if (!tmpl.has_dest_path()) tmpl.set_dest_path("");
  if (!tmpl.has_embedded_tmpl()) tmpl.set_embedded_tmpl("");
  if (!tmpl.has_change_mode()) tmpl.set_change_mode("restart");
  if (!tmpl.has_change_signal()) tmpl.set_change_signal(tmpl.change_mode() == "signal" ? "SIGHUP" : "");
  tmpl.set_change_signal(upper(tmpl.change_signal()));
  if (tmpl.has_change_script()) canonicalize_script(*tmpl.mutable_change_script());
  if (!tmpl.has_once()) tmpl.set_once(false);
  if (!tmpl.has_splay()) tmpl.set_splay(5 * second);
  if (!tmpl.has_perms()) tmpl.set_perms("0644");
  if (!tmpl.has_left_delim()) tmpl.set_left_delim("{{");
  if (!tmpl.has_right_delim()) tmpl.set_right_delim("}}");
  if (!tmpl.has_envvars()) tmpl.set_envvars(false);
  if (!tmpl.has_err_missing_key()) tmpl.set_err_missing_key(false);
  if (!tmpl.has_vault_grace()) tmpl.set_vault_grace(0);
}

void canonicalize_vault(Vault& vault) {
  if (!vault.has_namespace_()) vault.set_namespace_("");
  if (vault.cluster().empty()) vault.set_cluster("default");
  if (!vault.has_env()) vault.set_env(true);
  if (!vault.has_disable_file()) vault.set_disable_file(false);
  if (!vault.has_change_mode()) vault.set_change_mode("restart");
  if (!vault.has_change_signal()) vault.set_change_signal("SIGHUP");
  if (!vault.has_allow_token_expiration()) vault.set_allow_token_expiration(false);
}

void canonicalize_mount(VolumeMount& mount) {
  if (!mount.has_propagation_mode()) mount.set_propagation_mode("private");
  if (!mount.has_read_only()) mount.set_read_only(false);
  if (!mount.has_se_linux_label()) mount.set_se_linux_label("");
}

void canonicalize_csi(TaskCSIPluginConfig& plugin) {
  if (plugin.mount_dir().empty()) plugin.set_mount_dir("/csi");
  if (plugin.stage_publish_base_dir().empty()) plugin.set_stage_publish_base_dir("/local/csi");
  if (plugin.health_timeout() == 0) plugin.set_health_timeout(30 * second);
}

/// What the service says about restarts under what the check says.
void merge_check_restart(ServiceCheck& check, const Service& service) {
  if (service.has_check_restart()) {
    CheckRestart merged = service.check_restart();
    merged.MergeFrom(check.check_restart());
    *check.mutable_check_restart() = merged;
  }
  if (check.has_check_restart() && !check.check_restart().has_grace()) check.mutable_check_restart()->set_grace(second);
}

void canonicalize_sidecar_task(SidecarTask& task) {
  canonicalize_resources(*task.mutable_resources());
  canonicalize_logs(*task.mutable_log_config());
  if (!task.has_kill_timeout()) task.set_kill_timeout(5 * second);
  if (!task.has_shutdown_delay()) task.set_shutdown_delay(0);
}

void canonicalize_connect(ConsulConnect& connect) {
  if (connect.has_sidecar_task()) canonicalize_sidecar_task(*connect.mutable_sidecar_task());
  if (!connect.has_gateway() || !connect.gateway().has_proxy()) return;
  auto& proxy = *connect.mutable_gateway()->mutable_proxy();
  if (!proxy.has_connect_timeout()) proxy.set_connect_timeout(5 * second);
}

}  // namespace

void canonicalize_affinity(Affinity& affinity) {
  if (!affinity.has_weight()) affinity.set_weight(50);
}

void canonicalize_resources(Resources& resources) {
  if (!resources.has_cores()) resources.set_cores(0);
  if (!resources.has_cpu()) resources.set_cpu(resources.cores() > 0 ? 0 : 100);
  if (!resources.has_memory_mb()) resources.set_memory_mb(300);
  for (auto& device : *resources.mutable_devices()) {
    if (!device.has_count()) device.set_count(1);
    for (auto& affinity : *device.mutable_affinities()) canonicalize_affinity(affinity);
  }
  if (resources.has_numa() && resources.numa().affinity().empty()) resources.mutable_numa()->set_affinity("none");
}

void canonicalize_task(Task& task, const TaskContext& context) {
  canonicalize_resources(*task.mutable_resources());
  canonicalize_logs(*task.mutable_log_config());
  if (!task.has_kill_timeout()) task.set_kill_timeout(5 * second);
  RestartPolicy restart = context.restart;
  restart.MergeFrom(task.restart_policy());
  *task.mutable_restart_policy() = restart;
  if (task.has_vault()) canonicalize_vault(*task.mutable_vault());
  if (task.has_consul() && task.consul().cluster().empty()) task.mutable_consul()->set_cluster("default");
  if (task.has_csi_plugin_config()) canonicalize_csi(*task.mutable_csi_plugin_config());
  for (auto& artifact : *task.mutable_artifacts()) canonicalize_artifact(artifact);
  for (auto& tmpl : *task.mutable_templates()) canonicalize_template(tmpl);
  for (auto& mount : *task.mutable_volume_mounts()) canonicalize_mount(mount);
  for (auto& affinity : *task.mutable_affinities()) canonicalize_affinity(affinity);
  for (auto& service : *task.mutable_services()) canonicalize_service(service, context.job, context.group, task.name());
}

void canonicalize_service(Service& service, const std::string& job, const std::string& group, const std::string& task) {
  if (service.name().empty()) service.set_name(task.empty() ? job + '-' + group : job + '-' + group + '-' + task);
  if (service.address_mode().empty()) service.set_address_mode("auto");
  if (service.on_update().empty()) service.set_on_update("require_healthy");
  if (service.provider().empty()) service.set_provider("consul");
  if (service.cluster().empty()) service.set_cluster("default");
  if (service.has_connect()) canonicalize_connect(*service.mutable_connect());
  for (auto& check : *service.mutable_checks()) {
    if (check.on_update().empty()) check.set_on_update(service.on_update());
    merge_check_restart(check, service);
  }
}

}  // namespace drover::model
