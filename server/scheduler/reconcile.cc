#include "server/scheduler/reconcile.h"

#include <algorithm>
#include <set>
#include <tuple>

#include "model/policy.h"
#include "model/proto/alloc.pb.h"
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

bool by_index(const ExistingAlloc* a, const ExistingAlloc* b) { return std::tie(a->index, a->id) < std::tie(b->index, b->id); }

/// The allocations of a group, each in the one list that says what happens to it.
struct Sorted {
  std::vector<const ExistingAlloc*> kept;     ///< live, done (batch), or failed for good: they count
  std::vector<const ExistingAlloc*> migrate;
  std::vector<const ExistingAlloc*> lost;
  std::vector<Missing> reschedule_now;        ///< index is filled in later
  std::vector<Later> reschedule_later;        ///< they count, too
};

class GroupReconciler {
 public:
  GroupReconciler(const ReconcileRequest& request, const model::TaskGroup& group)
      : request_(request), group_(group), batch_(request.job->type() == "batch") {}

  GroupChanges run() {
    for (const ExistingAlloc* alloc : request_.allocs) sort(*alloc);
    stop_surplus();
    for (const ExistingAlloc* alloc : sorted_.kept) update(*alloc);
    replace();
    changes_.later = sorted_.reschedule_later;
    std::ranges::stable_sort(changes_.missing, {}, [](const Missing& missing) { return !missing.destructive; });
    changes_.tally.stop = changes_.stops.size() - replaced_stops_;
    changes_.tally.reschedule_later = changes_.later.size();
    return std::move(changes_);
  }

 private:
  std::size_t count() const { return static_cast<std::size_t>(std::max<std::int64_t>(group_.count(), 0)); }

  /// Which list an allocation belongs to; none when it is history.
  void sort(const ExistingAlloc& alloc) {
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
    if (!next && !forced) {
      sorted_.kept.push_back(&alloc);
      return;
    }
    const bool followed_up = !alloc.followup_eval.is_nil();
    const bool ours = followed_up && alloc.followup_eval == request_.eval;
    if (forced || ours || next->at <= request_.now + now_window) {
      sorted_.reschedule_now.push_back({.previous = &alloc,
                                        .stop_text = text_rescheduled,
                                        .rescheduled = true,
                                        .reschedule_delay = next ? next->delay : Duration{}});
      return;
    }
    sorted_.kept.push_back(&alloc);
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
      return std::ranges::find(sorted_.kept, later.alloc) == sorted_.kept.end();
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
      ++changes_.tally.destructive;
      changes_.missing.push_back({.index = alloc.index, .previous = &alloc, .stop_text = text_updating, .destructive = true});
      std::erase_if(sorted_.reschedule_later, [&alloc](const Later& later) { return later.alloc == &alloc; });
      return;
    }
    if (alloc.client_terminal()) {
      ++changes_.tally.ignore;
      return;
    }
    ++changes_.tally.in_place;
    changes_.in_place.push_back(&alloc);
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
      changes_.missing.push_back({.index = name_for(alloc->index), .previous = alloc, .previous_stops = true});
      ++changes_.tally.migrate;
      ++replaced_stops_;
    }
    std::ranges::sort(sorted_.reschedule_now, by_index, &Missing::previous);
    for (Missing& missing : sorted_.reschedule_now) {
      if (have >= count()) {
        stop(*missing.previous);
        continue;
      }
      missing.index = name_for(missing.previous->index);
      changes_.missing.push_back(missing);
      ++changes_.tally.reschedule_now;
      ++have;
    }
    std::ranges::sort(sorted_.lost, by_index);
    for (const ExistingAlloc* alloc : sorted_.lost) {
      changes_.stops.push_back({.alloc = alloc, .text = text_lost, .client_status = "lost"});
      ++replaced_stops_;
      if (have >= count()) continue;
      changes_.missing.push_back({.index = name_for(alloc->index), .previous = alloc, .previous_stops = true});
      ++changes_.tally.place;
      ++have;
    }
    for (; have < count(); ++have) {
      changes_.missing.push_back({.index = free_name()});
      ++changes_.tally.place;
    }
  }

  const ReconcileRequest& request_;
  const model::TaskGroup& group_;
  const bool batch_;
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
