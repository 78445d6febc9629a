#include "server/duties/deployments.h"

#include <algorithm>

#include "base/loop/call.h"
#include "model/deployment.h"
#include "model/proto/deployment.pb.h"
#include "server/commands/deployment_step.h"

namespace drover::server {

Deployments::Deployments(Loop& loop, Turns& turns, Log log) : loop_(loop), turns_(turns), log_(std::move(log)), changed_(loop), scope_(loop) {
  turns_.listen([this](const SnapshotPtr& state, const Effects& effects, bool anew) { published(state, effects, anew); });
}

void Deployments::published(const SnapshotPtr& state, const Effects& effects, bool anew) {
  if (anew) {
    active_.clear();
    due_.clear();
    state->each_deployment({}, [this, &state](const model::Deployment& deployment) { return take(*state, parse_uuid(deployment.id())), true; });
  }
  // Health, places and promotions are counted in the deployment itself: what matters changes it, too.
  for (const Effect& effect : effects) {
    if (effect.topic == Topic::deployments) take(*state, effect.id);
  }
  if (!due_.empty()) changed_.notify();
}

void Deployments::take(const Snapshot& state, const Uuid& id) {
  const model::Deployment* deployment = state.deployment(id);
  if (!deployment || !model::is_active(*deployment)) {
    active_.erase(id);
    due_.erase(id);
    return;
  }
  active_.try_emplace(id);
  due_.insert(id);
}

Async<void> Deployments::run() {
  for (;;) {
    if (!due_.empty()) {
      const Uuid id = *due_.begin();
      due_.erase(due_.begin());
      const Result<void> advanced = co_await advance(id);
      if (!advanced && advanced.error().code == Code::cancelled) co_return;
      if (!advanced) {
        log_.warn("a deployment could not go on, it is tried again: deployment={} error=\"{}\"", to_text(id), advanced.error().message);
        const bool slept = co_await loop_.sleep(deployment_retry_delay);
        if (!slept) co_return;
        if (active_.contains(id)) due_.insert(id);
      }
      continue;
    }
    std::optional<Instant> next;
    for (const auto& [id, deadline] : active_) {
      if (deadline && (!next || *deadline < *next)) next = deadline;
    }
    const Duration left = next ? std::max<Duration>(*next - loop_.now(), Duration(0)) : Duration(0);
    const bool woken = next ? co_await changed_.wait_for(left) : co_await changed_.wait();
    if (!woken) co_return;
    for (const auto& [id, deadline] : active_) {
      if (deadline && loop_.now() >= *deadline) due_.insert(id);
    }
  }
}

Async<Result<void>> Deployments::advance(Uuid deployment) {
  for (;;) {
    const AdvanceDeployment request{deployment};
    std::function<void(Done<DeploymentAdvanced>, std::weak_ptr<const void>)> ask = [this, request](Done<DeploymentAdvanced> done, std::weak_ptr<const void>) {
      turns_.ask(request, std::move(done));
    };
    const Result<DeploymentAdvanced> advanced = co_await call<DeploymentAdvanced>(loop_, std::move(ask));
    if (!advanced) co_return advanced.error();
    if (!advanced->outcome.empty()) log_.info("a deployment has come to its end: deployment={} outcome=\"{}\"", to_text(deployment), advanced->outcome);
    if (const auto known = active_.find(deployment); known != active_.end()) known->second = advanced->next;
    if (!advanced->changed) co_return Result<void>();
  }
}

}  // namespace drover::server
