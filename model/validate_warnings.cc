#include <string>

#include "model/proto/job.pb.h"
#include "model/validate_parts.h"

namespace drover::model {
namespace {

/// Tokens that anyone may use, and for ever.
Problems warnings_of(const WorkloadIdentity& identity) {
  Problems warnings;
  if (identity.audience().empty()) warnings.add("Identity[{}] identities without an audience are insecure", identity.name());
  if (identity.ttl() == 0) warnings.add("Identity[{}] identities without an expiration are insecure", identity.name());
  return warnings;
}

Problems warnings_of(const Task& task) {
  Problems warnings;
  for (const WorkloadIdentity& identity : task.identities()) {
    if (const Problems inner = warnings_of(identity); !inner.empty()) warnings.add("{}", inner.text());
  }
  if (task.resources().iops() != 0) warnings.add("IOPS has been deprecated as of Nomad 0.9.0. Please remove IOPS from resource block.");
  if (!task.resources().networks().empty()) {
    warnings.add("task network resources have been deprecated as of Nomad 0.12.0. Please configure networking via group network block.");
  }
  for (int i = 0; i < task.templates_size(); ++i) {
    if (task.templates(i).vault_grace() == 0) continue;
    warnings.add("Template[{}] VaultGrace has been deprecated as of Nomad 0.11 and ignored since Vault 0.5. Please remove VaultGrace / vault_grace from template block.", i);
  }
  return warnings;
}

Problems warnings_of(const TaskGroup& group) {
  Problems warnings;
  for (const NetworkResource& network : group.networks()) {
    if (network.m_bits() != 0) warnings.add("mbits has been deprecated as of Nomad 0.12.0. Please remove mbits from the network block");
  }
  for (const Task& task : group.tasks()) warnings.add_within("Task \"" + task.name() + "\" has warnings", warnings_of(task));
  return warnings;
}

}  // namespace

Problems warnings_within_groups(const Job& job) {
  Problems warnings;
  for (const TaskGroup& group : job.task_groups()) warnings.add_within("Group \"" + group.name() + "\" has warnings", warnings_of(group));
  return warnings;
}

}  // namespace drover::model
