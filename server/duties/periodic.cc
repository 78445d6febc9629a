#include "server/duties/periodic.h"

#include <algorithm>
#include <utility>

#include "base/loop/call.h"
#include "model/cron.h"
#include "model/proto/job.pb.h"
#include "model/spec.h"

namespace drover::server {
namespace {

constexpr Duration look_again = 10s;

}  // namespace

Periodic::Periodic(Loop& loop, Turns& turns, Log log) : loop_(loop), turns_(turns), log_(std::move(log)), changed_(loop), scope_(loop) {
  turns_.listen([this](const SnapshotPtr& state, const Effects& effects, bool anew) { published(state, effects, anew); });
}

void Periodic::published(const SnapshotPtr& state, const Effects& effects, bool anew) {
  if (anew) {
    launches_.clear();
    by_time_.clear();
    state->each_job(JobKey{}, [this, &state](const JobRow& row) { return take(*state, state->name_of(row)), true; });
  }
  for (const Effect& effect : effects) {
    if (effect.topic == Topic::jobs) take(*state, effect.job);
  }
  changed_.notify();
}

/// The launches of a job count from the last one that is dealt with: one that has come due since is due now.
void Periodic::take(const Snapshot& state, const JobKey& job) {
  const JobRow* row = state.job(job.ns, job.id);
  const model::Job* spec = row ? state.current(*row)->spec.get() : nullptr;
  if (!spec || !model::is_launched(*spec)) return plan(job, std::nullopt);
  const auto schedule = model::Schedule::of(spec->periodic());
  if (!schedule) {
    log_.error("a periodic job cannot be launched, register it again: job={} error=\"{}\"", job.id, schedule.error().message);
    return plan(job, std::nullopt);
  }
  plan(job, schedule->next(from_ns(row->last_launch)));
}

void Periodic::plan(const JobKey& job, std::optional<Instant> launch) {
  if (const auto known = launches_.find(job); known != launches_.end()) {
    by_time_.erase({known->second, job});
    launches_.erase(known);
  }
  if (!launch) return;
  launches_.emplace(job, *launch);
  by_time_.emplace(*launch, job);
}

Async<void> Periodic::run() {
  for (;;) {
    bool woken = true;
    const Instant now = loop_.now();
    if (by_time_.empty()) {
      woken = co_await changed_.wait();
    } else if (by_time_.begin()->first > now) {
      // Looked at again now and then, for the clock of the wall may jump.
      const Duration left = std::min<Duration>(by_time_.begin()->first - now, look_again);
      woken = co_await changed_.wait_for(left);
    } else {
      const auto [due, job] = *by_time_.begin();
      plan(job, std::nullopt);
      scope_.spawn(launch(job, due));
    }
    if (!woken) co_return;
  }
}

/// One launch for all times that have passed.
Async<void> Periodic::launch(JobKey job, Instant due) {
  const JobVersionRow* row = turns_.published()->current(job.ns, job.id);
  if (!row) co_return;
  const auto schedule = model::Schedule::of(row->spec->periodic());
  if (!schedule) co_return;
  const Instant now = loop_.now();
  if (const auto next = schedule->next(due); next && *next <= now) due = std::chrono::floor<std::chrono::seconds>(now);

  const LaunchPeriodic request{.job = job, .at = due};
  std::function<void(Done<PeriodicLaunched>, std::weak_ptr<const void>)> ask = [this, request](Done<PeriodicLaunched> done, std::weak_ptr<const void>) {
    turns_.ask(request, std::move(done));
  };
  const Result<PeriodicLaunched> launched = co_await call<PeriodicLaunched>(loop_, std::move(ask));
  if (!launched) {
    if (launched.error().code == Code::cancelled) co_return;
    log_.warn("a periodic job could not be launched, it is tried again: job={} error=\"{}\"", job.id, launched.error().message);
    const bool slept = co_await loop_.sleep(launch_retry_delay);
    if (slept) take(*turns_.published(), job);
    changed_.notify();
    co_return;
  }
  if (!launched->job_id.empty()) log_.info("a periodic job was launched: job={} child={}", job.id, launched->job_id);
  if (launched->overlaps) log_.info("a periodic job was not launched, its last child still runs: job={}", job.id);
  take(*turns_.published(), job);
  changed_.notify();
}

}  // namespace drover::server
