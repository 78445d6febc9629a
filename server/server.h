#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include <drover/result.h>

#include "base/log/log.h"
#include "base/loop/async.h"
#include "base/loop/duplex.h"
#include "base/loop/loop.h"
#include "base/loop/random.h"
#include "model/fwd.h"
#include "server/commands/answers.h"
#include "server/commands/config.h"
#include "server/state/snapshot.h"

namespace drover {
class Workers;
}

namespace drover::server {

class Journal;
class SnapshotFiles;
class Tunnels;

/// What a reader waits for: any change of a table, or of one thing in it.
struct WaitFor {
  Topic topic = Topic::jobs;
  Uuid id;     ///< nil: any
  JobKey job;  ///< empty: any
};

using AgentLink = Duplex<model::ToAgent, model::FromAgent>;

/// The server role: journal, state, broker, scheduler workers, sessions and duties behind one door.
///
/// Lives on its loop. Methods marked "any thread" may be awaited on any loop: they post to the server's loop and
/// complete on the caller's. A request is answered when it is durable; `unavailable` when the server is stopping, has
/// lost its journal, or the queue (`requests_max`) is full; `cancelled` when the caller was.
class Server {
 public:
  struct Parts {
    Loop& loop;
    Random& random;
    Journal& journal;
    SnapshotFiles& snapshots;
    Workers& workers;
    Log log = {};
  };

  Server(Parts parts, ServerConfig config);
  Server(const Server&) = delete;
  Server& operator=(const Server&) = delete;
  ~Server();

  /// Restores snapshot and journal, then serves. Failing means that the journal cannot be read. On the loop.
  Async<Result<void>> start();
  /// Ends everything in order: refuses requests, waits for the append in flight, closes sessions. On the loop.
  Async<void> stop();

  const ServerConfig& config() const;

  // Reads, any thread.

  /// The published state: all of it is durable. Never null.
  SnapshotPtr snapshot() const;
  /// True between start() and stop(), while the journal takes appends.
  bool leading() const;
  /// The state, as soon as any of `what` has changed after `after`, or when `limit` has passed (then as it is).
  /// A key that was never changed since counts by its table's last change; look at your own index and wait again.
  Async<Result<SnapshotPtr>> wait(std::vector<WaitFor> what, Index after, Duration limit);
  /// The state as of `index` or later; for reading one's own writes.
  Async<Result<SnapshotPtr>> wait_for_index(Index index, Duration limit);

  /// What a turn has changed. `after` is durable; `before` is what was published before it, for what is gone by now.
  /// An effect names its index and what kind of command it comes from; the payload is looked up in `after`, which may
  /// be newer than that index where one turn has changed a thing twice.
  struct Published {
    const SnapshotPtr& before;
    const SnapshotPtr& after;
    const Effects& effects;
    bool anew;  ///< the state was made from the journal: effects are not known, anything may have changed
  };
  using Listener = std::function<void(const Published& published)>;
  /// Told of every turn, in order, on the server's loop, before its requests are answered. Before start().
  void listen(Listener listener);

  // Writes, any thread.

  Async<Result<JobRegistered>> register_job(RegisterJob request);
  Async<Result<JobRegistered>> evaluate_job(EvaluateJob request);
  Async<Result<SchedulerConfigurationSet>> set_scheduler_configuration(SetSchedulerConfiguration request);
  Async<Result<JobDeregistered>> deregister_job(DeregisterJob request);
  Async<Result<JobRegistered>> revert_job(RevertJob request);
  Async<Result<VersionTagged>> tag_version(TagVersion request);
  Async<Result<StabilitySet>> set_stability(SetStability request);
  Async<Result<JobRegistered>> scale_job(ScaleJob request);
  Async<Result<JobDispatched>> dispatch_job(DispatchJob request);
  Async<Result<PeriodicForced>> force_periodic(ForcePeriodic request);
  Async<Result<DeploymentUpdated>> fail_deployment(FailDeployment request);
  Async<Result<DeploymentUpdated>> pause_deployment(PauseDeployment request);
  Async<Result<DeploymentUpdated>> promote_deployment(PromoteDeployment request);
  Async<Result<DeploymentUpdated>> unblock_deployment(UnblockDeployment request);
  Async<Result<DeploymentUpdated>> set_deployment_health(SetDeploymentHealth request);
  Async<Result<AllocStopped>> stop_alloc(StopAlloc request);
  /// `not_found` when there is no such registration.
  Async<Result<ServiceRemoved>> remove_service(RemoveService request);
  Async<Result<NodeUpdated>> set_eligibility(SetEligibility request);
  Async<Result<NodeUpdated>> drain_node(DrainNode request);
  Async<Result<NodeUpdated>> evaluate_node(Uuid node);
  Async<Result<NodeUpdated>> purge_node(Uuid node);
  /// Removes all that is dead now, whatever its age.
  Async<Result<void>> collect_garbage();
  /// What registering the job would do; changes nothing.
  Async<Result<JobPlanned>> plan_job(PlanJob request);

  // Agents.

  /// Serves one agent until its link ends. On the server's loop.
  void accept(std::unique_ptr<AgentLink> link);
  /// The answer to a unary request of an agent. Any thread.
  model::CallResponse answer(const model::CallRequest& request) const;
  /// A way to put a request to the agent of a node (files, logs, stats, restart, signal).
  Tunnels& tunnels();

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace drover::server
