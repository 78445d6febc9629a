#include "model/old_resources.h"

#include "model/proto/alloc.pb.h"

namespace drover::model {
namespace {

/// All members set, as the old form has no way to leave one out.
Resources nothing() {
  Resources resources;
  resources.set_cpu(0);
  resources.set_cores(0);
  resources.set_memory_mb(0);
  resources.set_memory_max_mb(0);
  resources.set_disk_mb(0);
  resources.set_secrets_mb(0);
  resources.set_iops(0);
  return resources;
}

}  // namespace

void add_old_resources(Allocation& alloc) {
  if (!alloc.has_allocated_resources()) return;
  const auto& given = alloc.allocated_resources();
  Resources total = nothing();
  for (const auto& [name, task] : given.tasks()) {  // sums and a map: the order does not matter
    Resources& own = (*alloc.mutable_task_resources())[name];
    own = nothing();
    own.set_cpu(task.cpu().cpu_shares());
    own.set_cores(task.cpu().reserved_cores_size());
    own.set_memory_mb(task.memory().memory_mb());
    own.set_memory_max_mb(task.memory().memory_max_mb());
    *own.mutable_networks() = task.networks();
    const bool limited = task.memory().memory_max_mb() > 0;
    total.set_cpu(total.cpu() + own.cpu());
    total.set_cores(total.cores() + own.cores());
    total.set_memory_mb(total.memory_mb() + own.memory_mb());
    total.set_memory_max_mb(total.memory_max_mb() + (limited ? own.memory_max_mb() : own.memory_mb()));
  }
  Resources shared = nothing();
  shared.set_disk_mb(given.shared().disk_mb());
  *shared.mutable_networks() = given.shared().networks();
  total.set_disk_mb(given.shared().disk_mb());
  *total.mutable_networks() = given.shared().networks();
  *alloc.mutable_shared_resources() = shared;
  *alloc.mutable_resources() = total;
}

}  // namespace drover::model
