#include "model/jobspec/job_decoder.h"

#include <algorithm>
#include <utility>

#include "base/hcl/convert.h"
#include "base/hcl/unicode.h"
#include "model/json/given_empty.h"
#include "model/proto/job.pb.h"

namespace drover::model::jobspec {

using hcl::Datum;

namespace {

const std::int64_t second = 1'000'000'000;

/// The text of a shorthand argument; nothing where it is absent, empty or wrong.
std::string shorthand(const DecodedBlock& decoded, std::string_view name, hcl::Diagnostics& out) {
  const hcl::FoundAttribute* found = decoded.content.find(name);
  if (!found) return {};
  const Datum value = found->evaluate(out);
  if (!value.is_known()) return {};
  const Result<Datum> text = hcl::convert(value, hcl::Kind::string);
  if (!text) {
    hcl::add_error(out, found->value->range, "Unsuitable value type", "Unsuitable value: " + text.error().message + ".");
    return {};
  }
  return text->text();
}

/// What each policy has when its file does not say.
void set_defaults(Vault& vault) {
  if (!vault.has_env()) vault.set_env(true);
  if (!vault.has_disable_file()) vault.set_disable_file(false);
  if (!vault.has_change_mode()) vault.set_change_mode("restart");
}

void set_defaults(Template& t) {
  if (!t.has_change_mode()) t.set_change_mode("restart");
  if (!t.has_perms()) t.set_perms("0644");
  if (!t.has_splay()) t.set_splay(5 * second);
  if (!t.has_err_missing_key()) t.set_err_missing_key(false);
}

void set_defaults(ChangeScript& script) {
  if (!script.has_timeout()) script.set_timeout(5 * second);
  if (!script.has_fail_on_error()) script.set_fail_on_error(false);
  if (!script.has_run_on_first_render()) script.set_run_on_first_render(false);
  mark_given_empty(script, *ChangeScript::descriptor()->FindFieldByNumber(ChangeScript::kArgsFieldNumber));
}

/// Ports with a number of their own are reserved ones.
void split_ports(NetworkResource& network) {
  google::protobuf::RepeatedPtrField<Port> dynamic;
  network.clear_reserved_ports();
  for (Port& port : *network.mutable_dynamic_ports()) (port.value() > 0 ? network.add_reserved_ports() : dynamic.Add())->Swap(&port);
  network.mutable_dynamic_ports()->Swap(&dynamic);
}

/// The identity without a name, or named "default", is the task's own.
void split_identities(Task& task) {
  google::protobuf::RepeatedPtrField<WorkloadIdentity> named;
  for (WorkloadIdentity& identity : *task.mutable_identities()) {
    const bool own = identity.name().empty() || identity.name() == "default";
    (own ? task.mutable_identity() : named.Add())->Swap(&identity);
  }
  const bool took_all = named.empty() && !task.identities().empty();
  task.mutable_identities()->Swap(&named);
  if (took_all) mark_given_empty(task, *Task::descriptor()->FindFieldByNumber(Task::kIdentitiesFieldNumber));
}

}  // namespace

void JobDecoder::refuse(const DecodedBlock& decoded, const char* argument, std::string summary, std::string detail) {
  const hcl::FoundAttribute* found = decoded.content.find(argument);
  hcl::add_error(refusals(), found ? found->value->range : decoded.block.header, std::move(summary), std::move(detail));
}

void JobDecoder::finish(const DecodedBlock& decoded) {
  Message& message = decoded.message;
  const std::string_view kind = decoded.kind;
  if (kind == "job") return job(decoded);
  if (kind == "group") return group(decoded);
  if (kind == "task") return task(decoded);
  if (kind == "constraint") return constraint(decoded);
  if (kind == "affinity") return affinity(decoded);
  if (kind == "scaling") return group_scaling(decoded);
  if (kind == "vault") return set_defaults(static_cast<Vault&>(message));
  if (kind == "template") return set_defaults(static_cast<Template&>(message));
  if (kind == "change_script") return set_defaults(static_cast<ChangeScript&>(message));
  if (kind == "network") return split_ports(static_cast<NetworkResource&>(message));
  if (kind == "periodic") {
    auto& periodic = static_cast<PeriodicConfig&>(message);
    if (periodic.has_spec() || periodic.specs_size() > 0) periodic.set_spec_type("cron");
  }
}

void JobDecoder::job(const DecodedBlock& decoded) {
  auto& job = static_cast<Job&>(decoded.message);
  if (!job.has_name()) job.set_name(decoded.block.labels.empty() ? job.id() : decoded.block.labels[0].text);

  // Tasks directly in the job are groups of their own, before the others.
  google::protobuf::RepeatedPtrField<TaskGroup> groups;
  Vault vault;
  const hcl::FoundBlock* vault_at = nullptr;
  std::vector<Secret> secrets;
  for (const hcl::FoundBlock& block : decoded.content.blocks) {
    if (block.type == "task") {
      TaskGroup& group = *groups.Add();
      decode("task", block, *group.add_tasks());
      group.set_name(group.tasks(0).name());
    } else if (block.type == "secret") {
      decode("secret", block, secrets.emplace_back());
    } else if (block.type == "vault") {
      if (vault_at)
        hcl::add_error(errors(), block.header, "Duplicate vault block", text("Only one vault block is allowed. Another was defined at {}.", hcl::to_text(vault_at->header)));
      vault_at = &block;
      decode("vault", block, vault);
    }
  }
  for (TaskGroup& group : *job.mutable_task_groups()) groups.Add()->Swap(&group);
  job.mutable_task_groups()->Swap(&groups);

  for (TaskGroup& group : *job.mutable_task_groups()) {
    for (Task& task : *group.mutable_tasks()) {
      if (vault_at && !task.has_vault()) *task.mutable_vault() = vault;
      for (const Secret& secret : secrets) *task.add_secrets() = secret;
    }
  }
}

void JobDecoder::group(const DecodedBlock& decoded) {
  auto& group = static_cast<TaskGroup&>(decoded.message);
  if (group.count() < 0) refuse(decoded, "count", "Negative count", text("The count of a group must not be negative: {} instances cannot run.", group.count()));
  for (const hcl::FoundBlock& block : decoded.content.blocks) {
    if (block.type == "vault") {
      Vault vault;
      decode("vault", block, vault);
      for (Task& task : *group.mutable_tasks())
        if (!task.has_vault()) *task.mutable_vault() = vault;
    } else if (block.type == "secret") {
      Secret secret;
      decode("secret", block, secret);
      for (Task& task : *group.mutable_tasks()) *task.add_secrets() = secret;
    }
  }
}

void JobDecoder::task(const DecodedBlock& decoded) {
  auto& task = static_cast<Task&>(decoded.message);
  split_identities(task);
  task_scaling_labels(decoded);
  if (task.driver().empty()) refuse(decoded, "driver", "Missing driver", text("The task \"{}\" has no driver. Say what runs it, such as driver = \"raw_exec\".", task.name()));
}

void JobDecoder::task_scaling_labels(const DecodedBlock& decoded) {
  auto& task = static_cast<Task&>(decoded.message);
  int index = 0;
  std::map<std::string, hcl::Range> seen;
  for (const hcl::FoundBlock& block : decoded.content.blocks) {
    if (block.type != "scaling") continue;
    ScalingPolicy& policy = *task.mutable_scaling_policies(index++);
    const std::string label = hcl::unicode::to_lower(block.labels[0].text);
    if (label != "cpu" && label != "mem") {
      hcl::add_error(errors(), block.labels[0].range, "Invalid scaling policy name", "A task's scaling policy must be named \"cpu\" or \"mem\".");
      continue;
    }
    const std::string type = "vertical_" + label;
    if (!policy.type().empty() && policy.type() != type)
      hcl::add_error(errors(), block.header, "Invalid scaling policy type", text("The policy's type is \"{}\", but \"{}\" is what its name means.", policy.type(), type));
    policy.set_type(type);
    const auto [at, is_new] = seen.emplace(label, block.header);
    if (!is_new)
      hcl::add_error(errors(), block.header, text("Duplicate scaling \"{}\" block", label), text("Only one scaling {} block is allowed. Another was defined at {}.", label, hcl::to_text(at->second)));
  }
}

void JobDecoder::group_scaling(const DecodedBlock& decoded) {
  auto& policy = static_cast<ScalingPolicy&>(decoded.message);
  if (policy.type().empty()) policy.set_type("horizontal");
  if (policy.type() != "horizontal")
    hcl::add_error(errors(), decoded.content.find("type")->value->range, "Invalid group scaling type", text("A group's scaling policy must have the type \"horizontal\", not \"{}\".", policy.type()));
  if (!policy.has_max() && !decoded.content.find("max"))
    hcl::add_error(errors(), decoded.block.header, "Missing required argument", "A group's scaling policy needs \"max\", the most instances that may run.");
}

void JobDecoder::constraint(const DecodedBlock& decoded) {
  auto& constraint = static_cast<Constraint&>(decoded.message);
  for (const char* name : {"version", "semver", "regexp", "set_contains"}) {
    const std::string value = shorthand(decoded, name, errors());
    if (value.empty()) continue;
    constraint.set_operand(name);
    constraint.set_r_target(value);
  }
  if (const hcl::FoundAttribute* distinct = decoded.content.find("distinct_hosts")) {
    const Datum value = distinct->evaluate(errors());
    const Result<Datum> boolean = hcl::convert(value, hcl::Kind::boolean);
    if (!boolean) {
      hcl::add_error(errors(), distinct->value->range, "Unsuitable value type", "Unsuitable value: " + boolean.error().message + ".");
    } else if (boolean->is_known()) {
      constraint.set_operand("distinct_hosts");
      constraint.set_r_target(boolean->boolean() ? "true" : "false");
    }
  }
  if (const std::string property = shorthand(decoded, "distinct_property", errors()); !property.empty()) {
    constraint.set_operand("distinct_property");
    constraint.set_l_target(property);
  }
  if (constraint.operand().empty()) constraint.set_operand("=");
}

void JobDecoder::affinity(const DecodedBlock& decoded) {
  auto& affinity = static_cast<Affinity&>(decoded.message);
  for (const char* name : {"version", "semver", "regexp", "set_contains", "set_contains_all", "set_contains_any"}) {
    const std::string value = shorthand(decoded, name, errors());
    if (value.empty()) continue;
    affinity.set_operand(name);
    affinity.set_r_target(value);
  }
  if (affinity.operand().empty()) affinity.set_operand("=");
}

}  // namespace drover::model::jobspec
