#include "server/server.h"

#include <atomic>
#include <utility>

#include "base/log/log.h"
#include "base/loop/call.h"
#include "model/cron.h"
#include "model/proto/agent_view.pb.h"
#include "model/proto/alloc.pb.h"
#include "model/proto/diff.pb.h"
#include "model/proto/evaluation.pb.h"
#include "model/proto/job.pb.h"
#include "model/proto/plan.pb.h"
#include "model/spec.h"
#include "server/broker/scheduling.h"
#include "server/commands/prepare_job.h"
#include "server/commands/scheduler_config.h"
#include "server/commands/turns.h"
#include "server/duties/deployments.h"
#include "server/duties/drains.h"
#include "server/duties/garbage.h"
#include "server/duties/heartbeats.h"
#include "server/duties/periodic.h"
#include "server/scheduler/scheduler.h"
#include "model/proto/session.pb.h"
#include "server/sessions/calls.h"
#include "server/sessions/sessions.h"
#include "server/sessions/tunnel_desk.h"
#include "server/waits.h"

namespace drover::server {
namespace {

bool displaces(const model::PreemptionConfig& config, const std::string& type) {
  if (type == "system") return config.system_scheduler_enabled();
  if (type == "sysbatch") return config.sys_batch_scheduler_enabled();
  return type == "batch" ? config.batch_scheduler_enabled() : config.service_scheduler_enabled();
}

SchedulerSettings settings_of(const model::SchedulerConfiguration& configuration, const std::string& job_type, bool grouped) {
  return {.spread_algorithm = configuration.scheduler_algorithm() == "spread",
          .memory_oversubscription = configuration.memory_oversubscription_enabled(),
          .displaces = displaces(configuration.preemption_config(), job_type),
          .grouped = grouped};
}

/// The scheduler, as passes see it.
PassResult run_pass(const PassRequest& request, const ServerConfig& config) {
  const Snapshot& state = *request.state;
  const model::Evaluation& eval = *request.eval;
  SeededRandom random(request.seed);
  const JobVersionRow* version = state.current(eval.namespace_(), eval.job_id());
  const std::shared_ptr<const model::Job> job = version ? version->spec : nullptr;
  const auto allocs = existing_allocs(state, job.get(), eval.namespace_(), eval.job_id());
  const ScheduleRequest wanted{.eval = eval, .job = job, .nodes = *request.nodes, .allocs = allocs, .snapshot_index = state.index(),
                               .now = request.now, .settings = settings_of(scheduler_configuration(state, config), job ? job->type() : eval.type(), true),
                               .deployments = deployments_of(state, eval.namespace_(), eval.job_id()),
                               .displaceable = [&](NodeAt node) { return displaceable_on(state, request.nodes->ids[node], {eval.namespace_(), eval.job_id()}); }};
  Scheduled scheduled = schedule(wanted, random);
  PassResult result;
  result.plan_is_empty = scheduled.plan_is_empty();
  result.plan = std::make_shared<const model::Plan>(std::move(scheduled.plan));
  scheduled.eval.set_snapshot_index(state.index());
  result.eval = std::make_shared<const model::Evaluation>(std::move(scheduled.eval));
  for (model::Evaluation& made : scheduled.new_evals) {
    made.set_snapshot_index(state.index());
    result.new_evals.push_back(std::make_shared<const model::Evaluation>(std::move(made)));
  }
  return result;
}

/// What registering a prepared job would do, worked out on a copy of the state.
JobPlanned dry_run(const SnapshotPtr& state, const PreparedJob& prepared, const ServerConfig& config, Instant now, std::uint64_t seed) {
  SeededRandom random(seed);
  const JobRow* row = state->job(prepared.job.namespace_(), prepared.job.id());
  const JobVersionRow* old = row ? state->current(*row) : nullptr;
  State after(*state);
  if (!old || !model::same_spec(*old->spec, prepared.job)) {
    after.begin(state->index() + 1, to_ns(now));
    after.put_job(prepared.job, config.job_versions_max);
  }
  const JobVersionRow* planned = after.current(prepared.job.namespace_(), prepared.job.id());

  model::Evaluation eval;
  eval.set_id(to_text(random.uuid()));
  eval.set_namespace_(prepared.job.namespace_());
  eval.set_priority(prepared.job.priority());
  eval.set_type(prepared.job.type());
  eval.set_triggered_by("job-register");
  eval.set_job_id(prepared.job.id());
  eval.set_status("pending");
  eval.set_annotate_plan(true);
  Scheduled scheduled = schedule(after, eval, settings_of(scheduler_configuration(*state, config), planned->spec->type(), false), now, random);

  auto response = std::make_shared<model::JobPlanResponse>();
  *response->mutable_annotations() =
      scheduled.plan.has_annotations() ? std::move(*scheduled.plan.mutable_annotations()) : scheduled.eval.plan_annotations();
  for (const auto& evicted : scheduled.plan.preemptions()) {
    const AllocRow* leaving = state->alloc(parse_uuid(evicted.id()));
    if (leaving) *response->mutable_annotations()->add_preempted_allocs() = state->stub(*leaving, false, false);
  }
  *response->mutable_failed_tg_allocs() = scheduled.eval.failed_tg_allocs();
  if (model::is_launched(*planned->spec)) {
    const auto schedule = model::Schedule::of(planned->spec->periodic());
    if (const auto next = schedule ? schedule->next(now) : std::nullopt) response->set_next_periodic_launch(to_ns(*next));
  }
  response->set_job_modify_index(row ? row->job_modify_index : 0);
  response->set_index(response->job_modify_index());  // what a plan is checked against when the job is registered
  for (model::Evaluation& made : scheduled.new_evals) *response->add_created_evals() = std::move(made);
  response->set_warnings(prepared.warnings);
  return JobPlanned{.response = response, .old_job = old ? old->spec : nullptr, .new_job = planned->spec};
}

}  // namespace

struct Server::Impl {
  Impl(Parts its_parts, ServerConfig its_config)
      : parts(its_parts),
        config(std::move(its_config)),
        log(parts.log),
        turns(Turns::Parts{parts.loop, parts.random, parts.journal, parts.snapshots, config, log.with("journal")}),
        heartbeats(parts.loop, parts.random, turns, config, log.with("heartbeats")),
        scheduling(Scheduling::Parts{parts.loop, parts.random, parts.workers, turns, log.with("scheduling"),
                                     [this](const PassRequest& request) { return run_pass(request, config); },
                                     [this] { return scheduler_configuration(*turns.published(), config).pause_eval_broker(); }}),
        sessions(Sessions::Parts{parts.loop, turns, config, log.with("sessions"), [this](const Uuid& node) { return heartbeats.promise(node); },
                                 [this](const Uuid& node) { heartbeats.heard(node); }}),
        tunnels(parts.loop, parts.random, sessions),
        deployments(parts.loop, turns, log.with("deployments")),
        drains(parts.loop, turns, log.with("drains")),
        garbage(parts.loop, turns, config, log.with("garbage")),
        periodic(parts.loop, turns, log.with("periodic")),
        waits(parts.loop),
        scope(parts.loop) {
    turns.listen([this](const SnapshotPtr& state, const Effects& effects, bool anew) {
      published.store(state);
      waits.published(state, effects, anew);
    });
  }

  Parts parts;
  ServerConfig config;
  Log log;
  std::atomic<SnapshotPtr> published{std::make_shared<const Snapshot>()};
  std::atomic<bool> serving{false};
  Turns turns;
  Heartbeats heartbeats;
  Scheduling scheduling;
  Sessions sessions;
  TunnelDesk tunnels;
  Deployments deployments;
  Drains drains;
  Garbage garbage;
  Periodic periodic;
  Waits waits;
  Scope scope;

  /// Puts a request with a decide() of its own to the turns, from whatever loop the caller runs on.
  template <class Answer, class Request>
  Async<Result<Answer>> ask(Request request) {
    std::function<void(Done<Answer>, std::weak_ptr<const void>)> put = [this, request = std::move(request)](Done<Answer> done, std::weak_ptr<const void>) {
      turns.ask(request, std::move(done));
    };
    co_return co_await call<Answer>(parts.loop, std::move(put));
  }

  Async<void> collect_now(Done<char> done) {
    const Result<void> collected = co_await garbage.collect(true);
    done(collected ? Result<char>(0) : Result<char>(collected.error()));
  }
};

Server::Server(Parts parts, ServerConfig config) : impl_(std::make_unique<Impl>(std::move(parts), std::move(config))) {}
Server::~Server() = default;

Async<Result<void>> Server::start() {
  const Result<void> started = co_await impl_->turns.start();
  if (!started) co_return started.error();
  impl_->scheduling.start();
  impl_->heartbeats.start();
  impl_->deployments.start();
  impl_->drains.start();
  impl_->garbage.start();
  impl_->periodic.start();
  impl_->waits.start();
  impl_->serving = true;
  co_return Result<void>();
}

Async<void> Server::stop() {
  impl_->serving = false;
  co_await impl_->garbage.stop();
  co_await impl_->periodic.stop();
  co_await impl_->drains.stop();
  co_await impl_->deployments.stop();
  co_await impl_->heartbeats.stop();
  co_await impl_->scheduling.stop();
  co_await impl_->turns.stop();
  co_await impl_->waits.stop();
  co_await impl_->tunnels.stop();
  co_await impl_->sessions.stop();
  co_await impl_->scope.stop();
}

const ServerConfig& Server::config() const { return impl_->config; }
SnapshotPtr Server::snapshot() const { return impl_->published.load(); }
bool Server::leading() const { return impl_->serving.load(); }

Async<Result<SnapshotPtr>> Server::wait(std::vector<WaitFor> what, Index after, Duration limit) {
  std::function<void(Done<SnapshotPtr>, std::weak_ptr<const void>)> ask = [this, what = std::move(what), after, limit](
                                                                             Done<SnapshotPtr> done, std::weak_ptr<const void> wanted) {
    impl_->waits.add(what, after, limit, impl_->turns.published(), std::move(done), std::move(wanted));
  };
  co_return co_await call<SnapshotPtr>(impl_->parts.loop, std::move(ask));
}

Async<Result<SnapshotPtr>> Server::wait_for_index(Index index, Duration limit) {
  std::function<void(Done<SnapshotPtr>, std::weak_ptr<const void>)> ask = [this, index, limit](Done<SnapshotPtr> done, std::weak_ptr<const void>) {
    impl_->waits.add_for_index(index, limit, impl_->turns.published(), std::move(done));
  };
  co_return co_await call<SnapshotPtr>(impl_->parts.loop, std::move(ask));
}

Async<Result<JobRegistered>> Server::register_job(RegisterJob request) { return impl_->ask<JobRegistered>(std::move(request)); }
Async<Result<JobRegistered>> Server::evaluate_job(EvaluateJob request) { return impl_->ask<JobRegistered>(std::move(request)); }
Async<Result<SchedulerConfigurationSet>> Server::set_scheduler_configuration(SetSchedulerConfiguration request) {
  return impl_->ask<SchedulerConfigurationSet>(std::move(request));
}
Async<Result<JobDeregistered>> Server::deregister_job(DeregisterJob request) { return impl_->ask<JobDeregistered>(std::move(request)); }
Async<Result<AllocStopped>> Server::stop_alloc(StopAlloc request) { return impl_->ask<AllocStopped>(request); }
Async<Result<ServiceRemoved>> Server::remove_service(RemoveService request) { return impl_->ask<ServiceRemoved>(std::move(request)); }
Async<Result<NodeUpdated>> Server::set_eligibility(SetEligibility request) { return impl_->ask<NodeUpdated>(std::move(request)); }
Async<Result<NodeUpdated>> Server::evaluate_node(Uuid node) { return impl_->ask<NodeUpdated>(EvaluateNode{node}); }
Async<Result<NodeUpdated>> Server::purge_node(Uuid node) { return impl_->ask<NodeUpdated>(PurgeNode{node}); }

Async<Result<NodeUpdated>> Server::drain_node(DrainNode request) { return impl_->ask<NodeUpdated>(std::move(request)); }
Async<Result<JobRegistered>> Server::revert_job(RevertJob request) { return impl_->ask<JobRegistered>(std::move(request)); }
Async<Result<VersionTagged>> Server::tag_version(TagVersion request) { return impl_->ask<VersionTagged>(std::move(request)); }
Async<Result<StabilitySet>> Server::set_stability(SetStability request) { return impl_->ask<StabilitySet>(std::move(request)); }
Async<Result<JobRegistered>> Server::scale_job(ScaleJob request) { return impl_->ask<JobRegistered>(std::move(request)); }
Async<Result<JobDispatched>> Server::dispatch_job(DispatchJob request) { return impl_->ask<JobDispatched>(std::move(request)); }
Async<Result<PeriodicForced>> Server::force_periodic(ForcePeriodic request) { return impl_->ask<PeriodicForced>(std::move(request)); }

Async<Result<DeploymentUpdated>> Server::fail_deployment(FailDeployment request) { return impl_->ask<DeploymentUpdated>(request); }
Async<Result<DeploymentUpdated>> Server::pause_deployment(PauseDeployment request) { return impl_->ask<DeploymentUpdated>(request); }
Async<Result<DeploymentUpdated>> Server::promote_deployment(PromoteDeployment request) { return impl_->ask<DeploymentUpdated>(std::move(request)); }
Async<Result<DeploymentUpdated>> Server::unblock_deployment(UnblockDeployment request) { return impl_->ask<DeploymentUpdated>(request); }
Async<Result<DeploymentUpdated>> Server::set_deployment_health(SetDeploymentHealth request) { return impl_->ask<DeploymentUpdated>(std::move(request)); }

void Server::listen(Listener listener) {
  auto before = std::make_shared<SnapshotPtr>(std::make_shared<const Snapshot>());
  impl_->turns.listen([before, listener = std::move(listener)](const SnapshotPtr& state, const Effects& effects, bool anew) {
    listener(Published{.before = *before, .after = state, .effects = effects, .anew = anew});
    *before = state;
  });
}

Async<Result<void>> Server::collect_garbage() {
  std::function<void(Done<char>, std::weak_ptr<const void>)> ask = [this](Done<char> done, std::weak_ptr<const void>) {
    impl_->scope.spawn(impl_->collect_now(std::move(done)));
  };
  const Result<char> collected = co_await call<char>(impl_->parts.loop, std::move(ask));
  if (!collected) co_return collected.error();
  co_return Result<void>();
}

Async<Result<JobPlanned>> Server::plan_job(PlanJob request) {
  Result<PreparedJob> prepared = prepare_job(*request.job, impl_->config, *snapshot());
  if (!prepared) co_return prepared.error();
  auto job = std::make_shared<const PreparedJob>(std::move(*prepared));
  std::function<void(Done<JobPlanned>, std::weak_ptr<const void>)> ask = [this, job](Done<JobPlanned> done, std::weak_ptr<const void>) {
    const SnapshotPtr state = impl_->turns.published();
    std::function<void()> work = [state, job, done, config = impl_->config, now = impl_->parts.loop.now(), seed = impl_->parts.random.next()] {
      done(dry_run(state, *job, config, now, seed));
    };
    const Result<void> taken = impl_->parts.workers.submit(std::move(work));
    if (!taken) done(taken.error());
  };
  co_return co_await call<JobPlanned>(impl_->parts.loop, std::move(ask));
}

void Server::accept(std::unique_ptr<AgentLink> link) { impl_->sessions.accept(std::move(link)); }
model::CallResponse Server::answer(const model::CallRequest& request) const { return answer_call(*snapshot(), request); }
Tunnels& Server::tunnels() { return impl_->tunnels; }

}  // namespace drover::server
