#include <algorithm>
#include <map>
#include <optional>
#include <string>
#include <tuple>

#include "model/policy.h"
#include "model/proto/alloc.pb.h"
#include "model/proto/job.pb.h"
#include "model/proto/node.pb.h"
#include "model/spec.h"
#include "server/scheduler/passes.h"
#include "server/scheduler/plan_builder.h"

namespace drover::server {
namespace {

/// Which allocation it is: of a group, the index-th on a node.
struct Slot {
  int group = 0;
  std::uint32_t index = 0;
  Uuid node;
  friend auto operator<=>(const Slot&, const Slot&) = default;
};

/// A replacement that is due this soon happens now.
constexpr Duration now_window = 1s;

class SystemPass {
 public:
  SystemPass(const ScheduleRequest& request, Random& random)
      : request_(request), builder_(request, random), room_(request.nodes), batch_(request.job && request.job->type() == "sysbatch") {
    if (!request.job) return;
    feasibility_.emplace(request.nodes, *request.job);
    occupancy_.emplace(request.nodes.size(), request.job->task_groups_size());
    tallies_.resize(static_cast<std::size_t>(request.job->task_groups_size()));
  }

  Scheduled run() {
    for (const ExistingAlloc& alloc : request_.allocs) keep_or_stop(alloc);
    const bool wanted = request_.job && !request_.job->stop();
    if (wanted) {
      for (int group = 0; group < request_.job->task_groups_size(); ++group) fill(group);
    }
    for (std::size_t i = 0; i < tallies_.size(); ++i) builder_.tally(request_.job->task_groups(static_cast<int>(i)).name(), tallies_[i]);
    return builder_.finish(feasibility_ ? &*feasibility_ : nullptr, full_node_);
  }

 private:
  int position(const std::string& group) const {
    if (!request_.job || request_.job->stop()) return -1;
    const auto& groups = request_.job->task_groups();
    const auto at = std::ranges::find(groups, group, &model::TaskGroup::name);
    return at == groups.end() ? -1 : static_cast<int>(at - groups.begin());
  }

  const model::TaskGroup& group_at(int group) const { return request_.job->task_groups(group); }

  void stop(const ExistingAlloc& alloc, std::string_view text, std::string_view client_status = {}) {
    builder_.stop({.alloc = &alloc, .text = text, .client_status = client_status});
    if (const int group = position(alloc.group); group >= 0 && client_status.empty()) ++tallies_[static_cast<std::size_t>(group)].stop;
    const auto node = request_.nodes.find(alloc.node);
    if (node && !alloc.client_terminal()) room_.release(*node, alloc.takes, alloc.ports);
  }

  void keep_or_stop(const ExistingAlloc& alloc) {
    if (alloc.server_terminal()) return;
    const int group = position(alloc.group);
    const auto node = request_.nodes.find(alloc.node);
    const bool down = !node || request_.nodes.nodes[*node]->status() == "down";
    if (alloc.client_terminal()) {
      // Batch work that has ended on a node is done there, until the job changes.
      if (group >= 0 && batch_ && alloc.current && alloc.client != ClientStatus::lost) keep(group, alloc);
      if (group >= 0 && !batch_ && alloc.current && alloc.client == ClientStatus::failed && alloc.next.is_nil()) note_failed(group, alloc);
      return;
    }
    if (down) return stop(alloc, text_lost, "lost");
    if (group < 0 || alloc.index >= static_cast<std::uint64_t>(group_at(group).count())) return stop(alloc, text_not_needed);
    if (alloc.transitions.migrate == Wish::yes) return stop(alloc, text_tainted);
    if (!feasibility_->is_targeted(*node)) return stop(alloc, text_not_needed);
    if (!request_.nodes.ready[*node]) {
      // It stays as it is on a node that takes nothing new, but is not brought up to date there.
      if (!alloc.current) return stop(alloc, text_not_needed);
    }
    update(group, *node, alloc);
  }

  void keep(int group, const ExistingAlloc& alloc) {
    filled_.emplace(Slot{group, alloc.index, alloc.node}, nullptr);
    ++tallies_[static_cast<std::size_t>(group)].ignore;
    const auto node = request_.nodes.find(alloc.node);
    if (node && !alloc.client_terminal()) occupancy_->add(group, *node);
  }

  /// Of several that failed in one place the last one counts.
  void note_failed(int group, const ExistingAlloc& alloc) {
    const auto [at, is_new] = broken_.try_emplace(Slot{group, alloc.index, alloc.node}, &alloc);
    if (!is_new && model::failed_at(*alloc.message) > model::failed_at(*at->second->message)) at->second = &alloc;
  }

  /// What failed in this place, and how long it is to be left alone; nothing when the place was never tried.
  std::optional<model::RescheduleTime> due(const ExistingAlloc& broken) const {
    return model::next_reschedule(model::system_reschedule_policy(), broken.message->reschedule_tracker(), model::failed_at(*broken.message));
  }

  /// Whether what failed here waits for its time; an evaluation of that time is seen to.
  bool waits(const Slot& slot) {
    const auto found = broken_.find(slot);
    if (found == broken_.end() || filled_.contains(slot)) return false;
    const ExistingAlloc& broken = *found->second;
    const auto next = due(broken);
    const bool ours = !broken.followup_eval.is_nil() && broken.followup_eval == parse_uuid(request_.eval.id());
    if (!next || ours || broken.transitions.force_reschedule == Wish::yes || next->at <= request_.now + now_window) return false;
    if (broken.followup_eval.is_nil()) builder_.reschedule_later({Later{.alloc = &broken, .at = next->at}});
    ++tallies_[static_cast<std::size_t>(slot.group)].reschedule_later;
    return true;
  }

  void update(int group, NodeAt node, const ExistingAlloc& alloc) {
    if (alloc.current || !alloc.job) return keep(group, alloc);
    const auto& old_groups = alloc.job->task_groups();
    const auto old_group = std::ranges::find(old_groups, alloc.group, &model::TaskGroup::name);
    const bool in_place = old_group != old_groups.end() &&
                          model::change_of(*alloc.job, *request_.job, *old_group, group_at(group)) != model::GroupChange::destructive &&
                          feasibility_->obstacle(group, node).empty();
    if (in_place) {
      builder_.update_in_place(alloc);
      filled_.emplace(Slot{group, alloc.index, alloc.node}, nullptr);
      occupancy_->add(group, node);
      ++tallies_[static_cast<std::size_t>(group)].in_place;
    } else {
      replaced_.emplace(Slot{group, alloc.index, alloc.node}, &alloc);
      occupancy_->add(group, node);
    }
  }

  /// Every node that takes the group gets what it does not have yet.
  void fill(int group) {
    GroupPlacer placer(room_, *feasibility_, *occupancy_, *request_.job, group,
                       {.memory_oversubscription = request_.settings.memory_oversubscription});
    const auto count = static_cast<std::uint32_t>(std::max<std::int64_t>(group_at(group).count(), 0));
    std::vector<NodeAt> full;
    std::vector<NodeAt> filtered;
    std::size_t present = 0;
    for (const NodeAt node : feasibility_->candidates()) {
      for (std::uint32_t index = 0; index < count; ++index) {
        const Slot slot{group, index, request_.nodes.ids[node]};
        if (filled_.contains(slot)) {
          ++present;
        } else if (!feasibility_->obstacle(group, node).empty()) {
          filtered.push_back(node);
        } else if (waits(slot) || place(placer, slot, node)) {
          ++present;
        } else {
          full.push_back(node);
        }
      }
    }
    report(placer, group, full, filtered, present);
  }

  bool place(GroupPlacer& placer, const Slot& slot, NodeAt node) {
    const auto replaced = replaced_.find(slot);
    const ExistingAlloc* previous = replaced == replaced_.end() ? nullptr : replaced->second;
    if (previous) placer.release(node, *previous);
    auto placed = placer.place_on(node);
    if (!placed) {
      if (previous) placer.take_back(node, *previous);
      return false;
    }
    auto& tally = tallies_[static_cast<std::size_t>(slot.group)];
    ++(previous ? tally.destructive : tally.place);
    Missing missing{.index = slot.index, .previous = previous, .stop_text = text_updating, .destructive = previous != nullptr};
    const auto broken = broken_.find(slot);
    if (!previous && broken != broken_.end()) {
      const auto next = due(*broken->second);
      missing = {.index = slot.index, .previous = broken->second, .stop_text = text_rescheduled, .rescheduled = true, .reschedule_delay = next ? next->delay : Duration{}};
    }
    builder_.place(group_at(slot.group).name(), missing, *std::move(placed), placer.metrics());
    return true;
  }

  /// Full nodes are failures; filtered ones only when there is no other.
  void report(GroupPlacer& placer, int group, const std::vector<NodeAt>& full, const std::vector<NodeAt>& filtered, std::size_t present) {
    const std::string& name = group_at(group).name();
    for (std::size_t i = 0; i < full.size(); ++i) builder_.fail_to_place(name, [&] { return placer.failure(full); });
    if (!full.empty() && full_node_.empty()) full_node_ = to_text(request_.nodes.ids[full.front()]);
    if (full.empty() && present == 0 && !filtered.empty()) builder_.filtered_everywhere(name, placer.failure(filtered));
  }

  const ScheduleRequest& request_;
  PlanBuilder builder_;
  Room room_;
  const bool batch_;
  std::optional<Feasibility> feasibility_;
  std::optional<Occupancy> occupancy_;
  std::vector<Tally> tallies_;
  std::map<Slot, const ExistingAlloc*> filled_;
  std::map<Slot, const ExistingAlloc*> replaced_;
  std::map<Slot, const ExistingAlloc*> broken_;  ///< what failed last in each place, of the current version
  std::string full_node_;
};

}  // namespace

Scheduled schedule_system(const ScheduleRequest& request, Random& random) { return SystemPass(request, random).run(); }

}  // namespace drover::server
