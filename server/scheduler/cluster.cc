#include <algorithm>

#include "model/proto/alloc.pb.h"
#include "model/proto/job.pb.h"
#include "model/proto/node.pb.h"
#include "server/scheduler/scheduler.h"
#include "server/state/alloc/row.h"
#include "server/state/snapshot.h"

// The scheduler's view of a snapshot.
namespace drover::server {
namespace {

/// The whole message is worth its cost only where something in it is looked at.
bool is_looked_into(const AllocRow& row, bool current) { return row.client == ClientStatus::failed || !current; }

ExistingAlloc view_of(const Snapshot& cluster, const AllocRow& row, const model::Job* current) {
  const JobVersionRow& version = cluster.version_of(row);
  ExistingAlloc alloc{.id = row.id,
                      .node = cluster.node_of(row),
                      .group = std::string(cluster.group_of(row)),
                      .index = row.name_index,
                      .desired = row.desired,
                      .client = row.client,
                      .transitions = row.transitions,
                      .deployment = cluster.deployment_of(row),
                      .health = row.health,
                      .canary = row.canary,
                      .next = row.next(),
                      .followup_eval = row.followup_eval(),
                      .current = version.spec.get() == current,
                      .job = nullptr,
                      .takes = {},
                      .ports = ports_of(row),
                      .message = nullptr};
  if (row.shape) alloc.takes = row.shape->capacity;
  if (!alloc.current) alloc.job = version.spec;
  if (is_looked_into(row, alloc.current)) {
    AllocRow seen = row;
    if (alloc.current) seen.metrics = nullptr;  // the bulk of the message; what is updated in place keeps them
    alloc.message = std::make_shared<const model::Allocation>(cluster.message(seen));
  }
  return alloc;
}

}  // namespace

NodeTable node_table(const Snapshot& cluster) {
  NodeTable table;
  cluster.each_node({}, [&](const model::Node& node) {
    table.add(cluster.shared_node(parse_uuid(node.id())));
    return true;
  });
  for (NodeAt at = 0; at < table.size(); ++at) {
    cluster.each_alloc_on_node(table.ids[at], [&](const AllocRow& row) {
      if (!row.client_terminal()) table.take(at, row.shape ? row.shape->capacity : model::Capacity{}, ports_of(row));
      return true;
    });
  }
  return table;
}

std::vector<Displaceable> displaceable_on(const Snapshot& cluster, const Uuid& node, const JobKey& own) {
  std::vector<Displaceable> found;
  cluster.each_alloc_on_node(node, [&](const AllocRow& row) {
    const JobKey& job = cluster.job_of(row);
    if (row.terminal() || job == own) return true;
    const model::Job& spec = *cluster.version_of(row).spec;
    const std::string group = cluster.group_of(row);
    const auto wanted = std::ranges::find(spec.task_groups(), group, &model::TaskGroup::name);
    const std::int64_t parallel_max = wanted != spec.task_groups().end() && wanted->has_migrate() ? wanted->migrate().max_parallel() : 0;
    found.push_back({.id = row.id, .job = job, .group = group, .priority = spec.priority(), .parallel_max = parallel_max,
                     .takes = row.shape ? row.shape->capacity : model::Capacity{}, .ports = ports_of(row)});
    return true;
  });
  return found;
}

std::vector<ExistingAlloc> existing_allocs(const Snapshot& cluster, const model::Job* current, std::string_view ns, std::string_view job) {
  std::vector<ExistingAlloc> allocs;
  cluster.each_alloc_of_job(ns, job, [&](const AllocRow& row) {
    allocs.push_back(view_of(cluster, row, current));
    return true;
  });
  return allocs;
}

std::vector<const model::Deployment*> deployments_of(const Snapshot& cluster, std::string_view ns, std::string_view job) {
  std::vector<const model::Deployment*> deployments;
  cluster.each_deployment_of_job(ns, job, [&deployments](const model::Deployment& deployment) { return deployments.push_back(&deployment), true; });
  return deployments;
}

Scheduled schedule(const Snapshot& cluster, const model::Evaluation& eval, std::shared_ptr<const model::Job> job,
                   const SchedulerSettings& settings, Instant now, Random& random) {
  const NodeTable nodes = node_table(cluster);
  const auto allocs = existing_allocs(cluster, job.get(), eval.namespace_(), eval.job_id());
  const JobKey own{eval.namespace_(), eval.job_id()};
  Displacing::Find displaceable = [&cluster, &nodes, own](NodeAt node) { return displaceable_on(cluster, nodes.ids[node], own); };
  return schedule({.eval = eval, .job = std::move(job), .nodes = nodes, .allocs = allocs, .snapshot_index = cluster.index(), .now = now,
                   .settings = settings, .deployments = deployments_of(cluster, eval.namespace_(), eval.job_id()),
                   .displaceable = std::move(displaceable)},
                  random);
}

Scheduled schedule(const Snapshot& cluster, const model::Evaluation& eval, const SchedulerSettings& settings, Instant now, Random& random) {
  const JobVersionRow* version = cluster.current(eval.namespace_(), eval.job_id());
  return schedule(cluster, eval, version ? version->spec : nullptr, settings, now, random);
}

}  // namespace drover::server
