#include "server/scheduler/reconcile.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "model/deployment.h"
#include "model/policy.h"
#include "model/proto/alloc.pb.h"
#include "model/proto/deployment.pb.h"
#include "model/proto/job.pb.h"
#include "model/spec.h"

namespace drover::server {
namespace {

/// A reschedule that is due this soon happens now.
constexpr Duration now_window = 1s;

const model::TaskGroup* find_group(const model::Job* job, std::string_view name) {
  if (!job || job->stop()) return nullptr;
  const auto& groups = job->task_groups();
  const auto at = std::ranges::find(groups, name, [](const model::TaskGroup& group) -> std::string_view { return group.name(); });
  return at == groups.end() ? nullptr : &*at;
}

const model::TaskGroup* own_group(const ExistingAlloc& alloc) {
  const auto& groups = alloc.job->task_groups();
  const auto at = std::ranges::find(groups, alloc.group, &model::TaskGroup::name);
  return at == groups.end() ? nullptr : &*at;
}

/// Of two with the same number the newer version comes first: it is the one that stays.
bool by_index(const ExistingAlloc* a, const ExistingAlloc* b) {
  return std::tuple(a->index, !a->current, a->id) < std::tuple(b->index, !b->current, b->id);
}

/// The allocations of a group, each in the one list that says what happens to it.
struct Sorted {
  std::vector<const ExistingAlloc*> kept;     ///< live, done (batch), or failed for good: they count
  std::vector<const ExistingAlloc*> canaries;  ///< of the deployment that goes on, not promoted: they do not count yet
  std::vector<const ExistingAlloc*> migrate;
  std::vector<const ExistingAlloc*> lost;
  std::vector<Missing> reschedule_now;        ///< index is filled in later
  std::vector<Later> reschedule_later;        ///< they count, too
};

class GroupReconciler {
 public:
  GroupReconciler(const ReconcileRequest& request, const model::TaskGroup& group)
      : request_(request), group_(group), batch_(request.job->type() == "batch") {
    if (request.job->type() == "service" && group.has_update() && group.update().max_parallel() > 0) strategy_ = &group.update();
    if (strategy_) {
      rollout_.set_auto_revert(strategy_->auto_revert());
      rollout_.set_auto_promote(strategy_->auto_promote());
      rollout_.set_progress_deadline(strategy_->progress_deadline());
    }
    if (!request.deployment) return;
    deployment_ = parse_uuid(request.deployment->id());
    failed_ = request.deployment->status() == "failed";
    paused_ = request.deployment->status() == "paused";
    const auto known = request.deployment->task_groups().find(group.name());
    takes_part_ = known != request.deployment->task_groups().end();
    if (takes_part_) rollout_ = known->second;
  }

  GroupChanges run() {
    for (const ExistingAlloc* alloc : request_.allocs) sort(*alloc);
    stop_surplus();
    for (const ExistingAlloc* alloc : sorted_.kept) update(*alloc);
    want_canaries();
    limit_ = changes_allowed();
    replace();
    update_destructively();
    roll_out();
    changes_.later = sorted_.reschedule_later;
    std::ranges::stable_sort(changes_.missing, {}, [](const Missing& missing) { return !missing.destructive; });
    changes_.tally.stop = changes_.stops.size() - replaced_stops_;
    changes_.tally.reschedule_later = changes_.later.size();
    return std::move(changes_);
  }

 private:
  std::size_t count() const { return static_cast<std::size_t>(std::max<std::int64_t>(group_.count(), 0)); }

  bool canarying() const { return model::awaits_promotion(rollout_); }
  /// Whether the new version may take the place of the old one.
  bool ready() const { return !paused_ && !failed_ && !canarying(); }
  bool is_deployed(const ExistingAlloc& alloc) const { return request_.deployment && alloc.deployment == deployment_; }
  void keep(const ExistingAlloc& alloc) { (alloc.canary ? sorted_.canaries : sorted_.kept).push_back(&alloc); }

  /// A canary that nobody promoted goes with its deployment, its place and its node. True when that is all there is to say.
  bool sort_canary(const ExistingAlloc& alloc) {
    const bool waits = is_deployed(alloc) && !failed_;
    if (alloc.client_terminal()) return !waits || alloc.client != ClientStatus::failed;
    const NodeState node = request_.node_state(alloc);
    if (waits && node != NodeState::down && alloc.transitions.migrate != Wish::yes) {
      sorted_.canaries.push_back(&alloc);
    } else if (node == NodeState::down) {
      changes_.stops.push_back({.alloc = &alloc, .text = text_lost, .client_status = "lost"});
    } else {
      stop(alloc);
    }
    return true;
  }

  /// Which list an allocation belongs to; none when it is history.
  void sort(const ExistingAlloc& alloc) {
    if (alloc.canary && !alloc.server_terminal() && sort_canary(alloc)) return;
    if (alloc.server_terminal()) {
      // A batch allocation that was stopped after it had done its work has still done it.
      if ((batch_ && alloc.client == ClientStatus::complete && alloc.current) || is_given_up(alloc)) sorted_.kept.push_back(&alloc);
      return;
    }
    if (batch_ && alloc.client_terminal() && !alloc.current) return;
    if (alloc.client_terminal()) return sort_ended(alloc);
    const NodeState node = request_.node_state(alloc);
    if (node == NodeState::down) {
      sorted_.lost.push_back(&alloc);
    } else if (node == NodeState::disconnected && group_.disconnect().lost_after() == 0) {
      sorted_.lost.push_back(&alloc);
    } else if (alloc.transitions.migrate == Wish::yes) {
      sorted_.migrate.push_back(&alloc);
    } else {
      sorted_.kept.push_back(&alloc);
    }
  }

  /// Batch work that the deadline of a drain has ended: it is not done elsewhere, until the job changes.
  bool is_given_up(const ExistingAlloc& alloc) const {
    return batch_ && alloc.current && alloc.transitions.migrate_disable_placement == Wish::yes;
  }

  void sort_ended(const ExistingAlloc& alloc) {
    if (!alloc.next.is_nil()) return;
    if (alloc.client == ClientStatus::complete && batch_) sorted_.kept.push_back(&alloc);
    if (alloc.client == ClientStatus::failed) sort_failed(alloc);
  }

  void sort_failed(const ExistingAlloc& alloc) {
    const bool forced = alloc.transitions.force_reschedule == Wish::yes;
    const auto next = model::next_reschedule(group_.reschedule_policy(), alloc.message->reschedule_tracker(), model::failed_at(*alloc.message));
    // While a deployment goes on, it says which of those that do not work may be replaced.
    const bool held_back = is_deployed(alloc) && !failed_ && alloc.health == Health::unhealthy && alloc.transitions.reschedule != Wish::yes;
    if (!forced && (!next || held_back)) return keep(alloc);
    const bool followed_up = !alloc.followup_eval.is_nil();
    const bool ours = followed_up && alloc.followup_eval == request_.eval;
    if (forced || ours || next->at <= request_.now + now_window) {
      sorted_.reschedule_now.push_back({.previous = &alloc,
                                        .stop_text = text_rescheduled,
                                        .canary = alloc.canary,
                                        .rescheduled = true,
                                        .reschedule_delay = next ? next->delay : Duration{}});
      return;
    }
    keep(alloc);
    // One that waits for another evaluation already is not scheduled twice.
    if (!followed_up) sorted_.reschedule_later.push_back({.alloc = &alloc, .at = next->at});
  }

  void stop(const ExistingAlloc& alloc) {
    if (!alloc.server_terminal()) changes_.stops.push_back({.alloc = &alloc, .text = text_not_needed, .client_status = {}});
  }

  /// More than the count: what would move anyway first, then doubles, then the highest indexes.
  void stop_surplus() {
    std::ranges::sort(sorted_.kept, by_index);
    std::ranges::sort(sorted_.migrate, by_index);
    std::size_t have = sorted_.kept.size() + sorted_.migrate.size();
    while (have > count() && !sorted_.migrate.empty()) {
      stop(*sorted_.migrate.back());
      sorted_.migrate.pop_back();
      --have;
    }
    std::vector<const ExistingAlloc*> unique;
    std::set<std::uint32_t> seen;
    for (const ExistingAlloc* alloc : sorted_.kept) {
      if (!seen.insert(alloc->index).second && have > count()) {
        stop(*alloc);
        --have;
      } else {
        unique.push_back(alloc);
      }
    }
    sorted_.kept = std::move(unique);
    while (have > count() && !sorted_.kept.empty()) {
      stop(*sorted_.kept.back());
      sorted_.kept.pop_back();
      --have;
    }
    // What is stopped now is not rescheduled later.
    std::erase_if(sorted_.reschedule_later, [this](const Later& later) {
      return !later.alloc->canary && std::ranges::find(sorted_.kept, later.alloc) == sorted_.kept.end();
    });
  }

  /// Brings an allocation that stays to the current version.
  void update(const ExistingAlloc& alloc) {
    taken_.insert(alloc.index);
    if (alloc.current || !alloc.job || (batch_ && alloc.client_terminal())) {
      ++changes_.tally.ignore;
      return;
    }
    const model::TaskGroup* old_group = own_group(alloc);
    const auto change = old_group ? model::change_of(*alloc.job, *request_.job, *old_group, group_) : model::GroupChange::destructive;
    if (change == model::GroupChange::destructive || (!alloc.client_terminal() && !request_.still_allowed(alloc))) {
      destructive_.push_back(&alloc);
      return;
    }
    if (alloc.client_terminal()) {
      ++changes_.tally.ignore;
      return;
    }
    ++changes_.tally.in_place;
    changes_.in_place.push_back(&alloc);
  }

  /// Allocations of the old version that canaries stand beside: those that are to be updated, and those that come back in
  /// their version because canaries are waited for.
  std::vector<const ExistingAlloc*> older() const {
    std::vector<const ExistingAlloc*> found = destructive_;
    if (!canarying()) return found;
    const auto add = [&found](const ExistingAlloc* alloc) {
      if (!alloc->current) found.push_back(alloc);
    };
    for (const ExistingAlloc* alloc : sorted_.migrate) add(alloc);
    for (const ExistingAlloc* alloc : sorted_.lost) add(alloc);
    for (const Missing& missing : sorted_.reschedule_now) {
      if (!missing.canary) add(missing.previous);
    }
    return found;
  }

  /// Allocations of the new version that stand beside those of the old one, until somebody promotes them.
  void want_canaries() {
    const std::vector<const ExistingAlloc*> beside = older();
    std::set<std::uint32_t> used;
    for (const ExistingAlloc* canary : sorted_.canaries) used.insert(canary->index);
    for (const Missing& missing : sorted_.reschedule_now) {
      if (missing.canary) used.insert(missing.previous->index);
    }
    // Neither the old version is there any more nor a canary: who waited for canaries would wait for ever.
    if (canarying() && beside.empty() && used.empty()) rollout_.set_desired_canaries(0);
    if (!strategy_ || strategy_->canary() <= 0 || beside.empty() || rollout_.promoted()) return;
    const auto wanted = static_cast<std::size_t>(strategy_->canary());
    rollout_.set_desired_canaries(strategy_->canary());
    canaries_missing_ = used.size() < wanted;
    if (paused_ || failed_) return;
    const auto place = [this](std::uint32_t index) {
      changes_.missing.push_back({.index = index, .canary = true});
      ++changes_.tally.canary;
    };
    // They have the numbers of those that they are to replace, and others only when these do not suffice.
    for (const ExistingAlloc* alloc : beside) {
      if (used.size() < wanted && used.insert(alloc->index).second) place(alloc->index);
    }
    while (used.size() < wanted) {
      const std::uint32_t index = free_name();
      used.insert(index);
      place(index);
    }
  }

  /// How many allocations may change in this pass.
  std::size_t changes_allowed() const {
    if (!strategy_ || (destructive_.empty() && sorted_.migrate.empty())) return std::max(count(), destructive_.size());
    const auto most = static_cast<std::size_t>(strategy_->max_parallel());
    if (!request_.deployment) return most;
    if (!ready()) return 0;
    std::size_t unproven = 0;
    for (const ExistingAlloc* alloc : sorted_.kept) {
      if (!is_deployed(*alloc)) continue;
      if (alloc->health == Health::unhealthy) return 0;
      if (alloc->health != Health::healthy) ++unproven;
    }
    return most - std::min(most, unproven);
  }

  /// What a change of version stops and starts anew, as far as it may; the rest goes on as it is.
  void update_destructively() {
    std::ranges::sort(destructive_, by_index);
    const std::size_t now = !strategy_ ? destructive_.size() : ready() ? std::min(limit_, destructive_.size()) : 0;
    for (std::size_t i = 0; i < destructive_.size(); ++i) {
      const ExistingAlloc* alloc = destructive_[i];
      ++(i < now ? changes_.tally.destructive : changes_.tally.ignore);
      if (i >= now) continue;
      changes_.missing.push_back({.index = alloc->index, .previous = alloc, .stop_text = text_updating, .destructive = true});
      std::erase_if(sorted_.reschedule_later, [alloc](const Later& later) { return later.alloc == alloc; });
    }
  }

  /// The group's part in a deployment: a new one when this is the first run of the version, or changes what runs.
  void roll_out() {
    changes_.settled = destructive_.empty() && changes_.in_place.empty() && changes_.missing.empty() && sorted_.reschedule_later.empty() &&
                       !canaries_missing_ && held_ == 0;
    if (takes_part_) {
      changes_.settled = changes_.settled && !canarying() && rollout_.healthy_allocs() >= std::max(rollout_.desired_total(), rollout_.desired_canaries());
      const auto& known = request_.deployment->task_groups().at(group_.name());
      if (known.desired_canaries() != rollout_.desired_canaries()) changes_.rollout = std::make_shared<const model::DeploymentState>(rollout_);
      return;
    }
    if (!strategy_ || failed_) return;
    const bool runs = std::ranges::any_of(request_.allocs, &ExistingAlloc::current);
    if (runs && destructive_.empty() && changes_.in_place.empty()) return;
    rollout_.set_desired_total(static_cast<std::int64_t>(placed_ + held_ + destructive_.size() + changes_.in_place.size()));
    if (rollout_.desired_total() > 0) changes_.rollout = std::make_shared<const model::DeploymentState>(rollout_);
  }

  std::uint32_t name_for(std::uint32_t wanted) {
    if (taken_.insert(wanted).second) return wanted;
    return free_name();
  }

  std::uint32_t free_name() {
    while (!taken_.insert(next_name_).second) ++next_name_;
    return next_name_;
  }

  /// What takes the place of what leaves, and what was missing all along.
  void replace() {
    std::size_t have = sorted_.kept.size() + sorted_.migrate.size();
    for (const ExistingAlloc* alloc : sorted_.migrate) {
      changes_.stops.push_back({.alloc = alloc, .text = text_migrating, .client_status = {}});
      if (is_given_up(*alloc)) continue;
      changes_.missing.push_back(
          {.index = name_for(alloc->index), .previous = alloc, .previous_stops = true, .keeps_version = canarying() && !alloc->current});
      ++changes_.tally.migrate;
      ++replaced_stops_;
    }
    std::ranges::sort(sorted_.reschedule_now, by_index, &Missing::previous);
    for (Missing& missing : sorted_.reschedule_now) {
      if (missing.canary) {
        missing.index = missing.previous->index;
        changes_.missing.push_back(missing);
        ++changes_.tally.reschedule_now;
        continue;
      }
      if (have >= count()) {
        stop(*missing.previous);
        continue;
      }
      ++have;
      if (failed_ && is_deployed(*missing.previous)) {  // what has failed is not tried again
        taken_.insert(missing.previous->index);
        ++changes_.tally.ignore;
        continue;
      }
      missing.index = name_for(missing.previous->index);
      missing.keeps_version = canarying() && !missing.previous->current;
      changes_.missing.push_back(missing);
      ++changes_.tally.reschedule_now;
      ++placed_;
    }
    std::ranges::sort(sorted_.lost, by_index);
    for (const ExistingAlloc* alloc : sorted_.lost) {
      changes_.stops.push_back({.alloc = alloc, .text = text_lost, .client_status = "lost"});
      ++replaced_stops_;
      if (have >= count()) continue;
      changes_.missing.push_back(
          {.index = name_for(alloc->index), .previous = alloc, .previous_stops = true, .keeps_version = canarying() && !alloc->current});
      ++changes_.tally.place;
      ++have;
      ++placed_;
    }
    for (; have < count(); ++have) {
      if (strategy_ && !ready()) {
        ++held_;
        continue;
      }
      changes_.missing.push_back({.index = free_name()});
      ++changes_.tally.place;
      ++placed_;
    }
    limit_ -= std::min(limit_, placed_);
  }

  const ReconcileRequest& request_;
  const model::TaskGroup& group_;
  const bool batch_;
  const model::UpdateStrategy* strategy_ = nullptr;  ///< null: changes are made all at once
  model::DeploymentState rollout_;
  Uuid deployment_;
  bool takes_part_ = false;  ///< the deployment knows the group
  bool failed_ = false;
  bool paused_ = false;
  bool canaries_missing_ = false;
  std::vector<const ExistingAlloc*> destructive_;
  std::size_t limit_ = 0;
  std::size_t placed_ = 0;  ///< in place of what is gone, or beyond what there was
  std::size_t held_ = 0;    ///< missing, but not to be placed while the deployment does not go on
  Sorted sorted_;
  GroupChanges changes_;
  std::set<std::uint32_t> taken_;
  std::uint32_t next_name_ = 0;
  std::size_t replaced_stops_ = 0;  ///< stops that are told as something else
};

/// The group is gone, or the job is.
GroupChanges stop_all(const ReconcileRequest& request) {
  GroupChanges changes;
  for (const ExistingAlloc* alloc : request.allocs) {
    if (alloc->server_terminal() || alloc->client_terminal()) continue;
    const bool lost = request.node_state(*alloc) == NodeState::down;
    changes.stops.push_back({.alloc = alloc, .text = lost ? text_lost : text_not_needed, .client_status = lost ? "lost" : ""});
  }
  changes.tally.stop = changes.stops.size();
  return changes;
}

}  // namespace

GroupChanges reconcile(const ReconcileRequest& request) {
  const model::TaskGroup* group = find_group(request.job, request.group);
  return group ? GroupReconciler(request, *group).run() : stop_all(request);
}

}  // namespace drover::server
