#include "tests/sim/checks.h"

#include <algorithm>
#include <utility>

#include "model/deployment.h"
#include "model/fit.h"
#include "model/proto/alloc.pb.h"
#include "model/proto/deployment.pb.h"
#include "model/proto/evaluation.pb.h"
#include "model/proto/job.pb.h"
#include "model/proto/metric.pb.h"
#include "model/proto/node.pb.h"
#include "tests/sim/cluster_lives.h"

namespace drover::sim {

namespace {

std::string short_id(const Uuid& id) { return to_text(id).substr(0, 8); }

/// What runs of one job on all machines, by allocation.
struct Running {
  std::map<std::string, std::string> hosts;  ///< allocation id → host
};

std::map<std::string, Running> running_by_job(const Cluster& cluster) {
  std::map<std::string, Running> result;
  for (const auto& host : cluster.hosts) {
    for (const auto& [id, task] : host->machine.tasks) {
      if (task.runs(host->machine.now())) result[task.config.job_id].hosts[task.config.alloc_id] = host->name;
    }
  }
  return result;
}

struct Use {
  model::Capacity capacity;
  std::map<std::uint16_t, Uuid> ports;
};

/// The allocations of a job that the state wants to run, and whether each has ended by itself.
struct Wanted {
  std::size_t live = 0;
  std::size_t complete = 0;
  std::vector<std::string> live_ids;
};

Wanted wanted_of(const server::Snapshot& state, const std::string& job) {
  Wanted wanted;
  state.each_alloc_of_job("default", job, [&wanted](const server::AllocRow& row) {
    if (!row.terminal()) {
      ++wanted.live;
      wanted.live_ids.push_back(to_text(row.id));
    } else if (row.client == server::ClientStatus::complete && !row.server_terminal()) {
      ++wanted.complete;
    }
    return true;
  });
  return wanted;
}

std::optional<std::string> unsettled_service(const server::JobVersionRow& current, const std::string& id, std::size_t expected,
                                             const Wanted& wanted, const Running& running) {
  if (wanted.live != expected) return text("{} has {} live allocations, not {}", id, wanted.live, expected);
  for (const std::string& alloc : wanted.live_ids) {
    if (!running.hosts.contains(alloc)) return text("{}: allocation {} does not run anywhere", id, alloc.substr(0, 8));
  }
  for (const auto& [alloc, host] : running.hosts) {
    if (std::ranges::find(wanted.live_ids, alloc) == wanted.live_ids.end()) {
      return text("{} runs {} times, not {}: allocation {} runs on {} as well", id, running.hosts.size(), expected, alloc.substr(0, 8), host);
    }
  }
  if (current.status != server::JobStatus::running) return text("{} is {}, not running", id, server::to_text(current.status));
  return std::nullopt;
}

/// A deployment that went back to an older version has made a version of the job that no client has asked for.
bool was_rolled_back(const server::Snapshot& state, const std::string& job) {
  bool found = false;
  state.each_deployment_of_job("default", job, [&found](const model::Deployment& one) {
    found |= one.status_description().find(" - rolling back to job version ") != std::string::npos;
    return !found;
  });
  return found;
}

std::optional<std::string> goes_on(const server::Snapshot& state, const std::string& job) {
  std::optional<std::string> found;
  state.each_deployment_of_job("default", job, [&found, &job](const model::Deployment& one) {
    if (model::is_active(one)) found = text("{}: deployment {} of version {} goes on: {}", job, one.id().substr(0, 8), one.job_version(), one.status_description());
    return true;
  });
  return found;
}

std::optional<std::string> unsettled_job(const Cluster& cluster, const server::Snapshot& state, const std::string& id, JobKind kind,
                                         const Running& running) {
  const server::JobVersionRow* current = state.current("default", id);
  const Wanted wanted = wanted_of(state, id);
  if (!current || current->spec->stop()) {
    if (!running.hosts.empty()) return text("{} is stopped, but runs {} times", id, running.hosts.size());
    if (wanted.live > 0) return text("{} is stopped, but {} allocations are live", id, wanted.live);
    return std::nullopt;
  }
  if (kind == JobKind::flaky) return std::nullopt;  // it never settles
  if (auto deployment = goes_on(state, id)) return deployment;
  if (kind == JobKind::risky) return std::nullopt;  // what is left of a version that never worked is anybody's guess
  if (kind == JobKind::batch) {
    if (wanted.live > 0 || !running.hosts.empty()) return text("{} has not ended: {} live, {} run", id, wanted.live, running.hosts.size());
    return std::nullopt;
  }
  const auto count = static_cast<std::size_t>(current->spec->task_groups(0).count());
  return unsettled_service(*current, id, kind == JobKind::system ? cluster.hosts.size() : count, wanted, running);
}

}  // namespace

void Checks::look() {
  std::size_t starts = 0;
  for (const auto& host : cluster_.hosts) starts += host->machine.starts.size();
  if (std::exchange(starts_, starts) != starts) no_task_twice();  // only a start can make it two
  const server::Server* server = cluster_.server();
  if (!server) return;
  const server::SnapshotPtr state = server->snapshot();
  if (server == looked_server_ && state->index() == looked_at_) return;
  looked_server_ = server;
  looked_at_ = state->index();
  published_is_durable(*state);
  acknowledged_jobs_are_there(*state);
  nodes_are_not_overbooked(*state);
  updates_keep_to_their_pace(*state);
  drained_nodes_are_empty(*state);
}

/// One allocation's task runs at most once in the whole cluster, also across crashes and cuts.
void Checks::no_task_twice() {
  std::map<std::pair<std::string, std::string>, std::string> where;
  for (const auto& host : cluster_.hosts) {
    for (const auto& [id, task] : host->machine.tasks) {
      if (!task.runs(host->machine.now())) continue;
      const auto [other, first] = where.emplace(std::pair(task.config.alloc_id, task.config.name), host->name);
      if (!first) {
        cluster_.violate(text("task {} of allocation {} of {} runs on {} and on {}", task.config.name, task.config.alloc_id.substr(0, 8),
                              task.config.job_id, other->second, host->name));
        return;
      }
    }
  }
}

void Checks::published_is_durable(const server::Snapshot& state) {
  if (state.index() > cluster_.disk.head()) {
    cluster_.violate(text("state {} is published, but the journal ends at {}", state.index(), cluster_.disk.head()));
  }
}

void Checks::acknowledged_jobs_are_there(const server::Snapshot& state) {
  for (const auto& [id, kind] : simulated_jobs()) {
    const server::JobVersionRow* current = state.current("default", id);
    Ledger::Wish found;
    if (current) found = {revision_of(*current->spec), current->spec->stop()};
    if (cluster_.ledger.allows(id, found)) continue;
    if (was_rolled_back(state, id)) rolled_back_.insert(id);
    if (current && rolled_back_.contains(id) && cluster_.ledger.allows_any_revision(id, found.stopped)) continue;
    const bool ends = kind == JobKind::batch || cluster_.ledger.may_be_stopped(id);
    if (!current && ends && cluster_.garbage_was_asked()) continue;  // dead, and collected as asked
    cluster_.violate(text("job {}: found revision {}{}, expected {}", id, found.revision, found.stopped ? " stopped" : "", cluster_.ledger.expected(id)));
    return;
  }
}

void Checks::nodes_are_not_overbooked(const server::Snapshot& state) {
  state.each_node({}, [this, &state](const model::Node& node) {
    Use use;
    const Uuid id = parse_uuid(node.id());
    state.each_alloc_on_node(id, [this, &use, &node](const server::AllocRow& row) {
      if (row.terminal()) return true;
      if (row.shape) use.capacity += row.shape->capacity;
      for (const std::uint16_t port : server::ports_of(row)) {
        const auto [other, first] = use.ports.emplace(port, row.id);
        if (!first) cluster_.violate(text("port {} of {} is given to {} and to {}", port, node.name(), short_id(other->second), short_id(row.id)));
      }
      return true;
    });
    if (use.capacity.cpu > 4000) cluster_.violate(text("{} has 4000 MHz, {} are given away", node.name(), use.capacity.cpu));
    if (use.capacity.memory_mb > 4096) cluster_.violate(text("{} has 4096 MB, {} are given away", node.name(), use.capacity.memory_mb));
    return cluster_.violations.empty();
  });
}

/// Of what a deployment has replaced, never more than max_parallel is not yet known to be healthy.
void Checks::updates_keep_to_their_pace(const server::Snapshot& state) {
  state.each_deployment({}, [this, &state](const model::Deployment& deployment) {
    if (!model::is_active(deployment)) return true;
    const server::JobVersionRow* version = state.job_version(deployment.namespace_(), deployment.job_id(), deployment.job_version());
    if (!version) return true;
    std::int64_t unproven = 0;
    const Uuid id = parse_uuid(deployment.id());
    state.each_alloc_of_job(deployment.namespace_(), deployment.job_id(), [&](const server::AllocRow& row) {
      if (state.deployment_of(row) != id || row.terminal() || row.health == server::Health::healthy || row.create_index < deployment.create_index()) return true;
      const server::AllocRow* previous = state.alloc(row.previous());
      if (previous && state.message(*previous).desired_description() == "alloc is being updated due to job update") ++unproven;
      return true;
    });
    const std::int64_t most = version->spec->task_groups(0).update().max_parallel();
    if (unproven > most) cluster_.violate(text("{}: {} of the new allocations of deployment {} are unproven at once, its pace is {}", deployment.job_id(), unproven, short_id(id), most));
    return cluster_.violations.empty();
  });
}

/// A drain that is over has left nothing behind.
void Checks::drained_nodes_are_empty(const server::Snapshot& state) {
  state.each_node({}, [this, &state](const model::Node& node) {
    const bool drained = !node.has_drain_strategy() && node.events_size() > 0 && node.events(node.events_size() - 1).message() == "Node drain complete" &&
                         node.scheduling_eligibility() == "ineligible";
    if (!drained) return true;
    state.each_alloc_on_node(parse_uuid(node.id()), [this, &node, &state](const server::AllocRow& row) {
      const std::string& type = state.version_of(row).spec->type();
      if (!row.terminal() && type != "system") cluster_.violate(text("{} is drained, but allocation {} is there", node.name(), short_id(row.id)));
      return true;
    });
    return cluster_.violations.empty();
  });
}

std::optional<std::string> what_is_unsettled(const Cluster& cluster) {
  const server::Server* server = cluster.server();
  if (!server) return "the server is not up";
  for (const auto& host : cluster.hosts) {
    if (!host->life || !host->life->agent.connected()) return host->name + " is not connected";
  }
  const server::SnapshotPtr state = server->snapshot();
  const std::map<std::string, Running> running = running_by_job(cluster);
  for (const auto& [id, kind] : simulated_jobs()) {
    const auto found = running.find(id);
    auto unsettled = unsettled_job(cluster, *state, id, kind, found == running.end() ? Running{} : found->second);
    if (unsettled) return unsettled;
  }
  return std::nullopt;
}

std::vector<std::string> describe_job(const server::Snapshot& state, const std::string& id) {
  std::vector<std::string> lines;
  if (const server::JobVersionRow* current = state.current("default", id)) {
    lines.push_back(text("version {}{}, {}", current->spec->version(), current->spec->stop() ? ", stopped" : "", server::to_text(current->status)));
  }
  state.each_deployment_of_job("default", id, [&lines](const model::Deployment& one) {
    lines.push_back(text("deployment {} of version {}: {} {}, changed at {}", one.id().substr(0, 8), one.job_version(), one.status(), one.status_description(), one.modify_index()));
    for (const auto& [name, group] : one.task_groups()) lines.push_back("  " + name + ": " + group.ShortDebugString());
    return true;
  });
  state.each_eval_of_job("default", id, [&lines](const model::Evaluation& eval) {
    lines.push_back(text("evaluation {} by {}: {} {}, created at {}, changed at {}, wait until {}, blocked {}", eval.id().substr(0, 8), eval.triggered_by(),
                         eval.status(), eval.status_description(), eval.create_index(), eval.modify_index(), eval.wait_until(),
                         eval.blocked_eval().substr(0, 8)));
    for (const auto& [group, metric] : eval.failed_tg_allocs()) lines.push_back("  no place for " + group + ": " + metric.ShortDebugString());
    return true;
  });
  state.each_alloc_of_job("default", id, [&lines, &state](const server::AllocRow& row) {
    const char* health = row.health == server::Health::healthy ? ", healthy" : row.health == server::Health::unhealthy ? ", unhealthy" : "";
    lines.push_back(text("allocation {} {} of version {} on {}: {} {}{}{}, created at {}, changed at {}", short_id(row.id), state.name_of(row),
                         state.version_of(row).version, short_id(state.node_of(row)), server::to_text(row.desired), server::to_text(row.client),
                         row.canary ? ", canary" : "", health, row.create_index, row.modify_index));
    return true;
  });
  return lines;
}

}  // namespace drover::sim
