#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "server/scheduler/place.h"
#include "server/scheduler/reconcile.h"
#include "server/scheduler/scheduler.h"

namespace drover::server {

/// Writes down what one pass decides, and at the end what becomes of its evaluation. Only for server/scheduler.
class PlanBuilder {
 public:
  PlanBuilder(const ScheduleRequest& request, Random& random);

  void stop(const Stopping& stopping);
  void update_in_place(const ExistingAlloc& alloc);
  void place(const std::string& group, const Missing& missing, GroupPlacer::Placed placed, const model::AllocMetric& metrics);
  /// One allocation of the group found no place. `metric` is asked for only the first time.
  template <class Metric>
  void fail_to_place(const std::string& group, Metric&& metric) {
    const auto [at, is_new] = failed_.try_emplace(group);
    if (is_new) {
      at->second = metric();
    } else {
      at->second.set_coalesced_failures(at->second.coalesced_failures() + 1);
    }
    ++queued_[group];
  }
  /// A system group that no node can take: told, but nothing waits for a place.
  void filtered_everywhere(const std::string& group, model::AllocMetric metric) { failed_.insert_or_assign(group, std::move(metric)); }
  void reschedule_later(const std::vector<Later>& later) { later_.insert(later_.end(), later.begin(), later.end()); }
  void tally(const std::string& group, const Tally& tally);
  /// The evaluation names the job's latest deployment, whether it goes on or is over.
  void mention(const model::Deployment& deployment);
  /// From now on what is placed of the deployment's groups belongs to it. `changed`: it is part of the plan.
  void deploy(const model::Deployment& deployment, bool changed);
  void end_deployment(const model::Deployment& deployment, std::string_view status, std::string_view description);

  /// `feasibility` says what could free a blocked evaluation; null when there is no job. `node` ties it to a node.
  Scheduled finish(const Feasibility* feasibility, const std::string& node = {});
  Scheduled fail(std::string description);

 private:
  /// Adds it to those of its group that are like it; false when it is not like others.
  bool place_alike(const std::string& group, const Missing& missing, const GroupPlacer::Placed& placed, const model::AllocMetric& metrics);
  void describe(const std::string& group, const GroupPlacer::Placed& placed, const model::AllocMetric& metrics, model::Allocation& alloc);
  void displace(const std::vector<Uuid>& displaced, model::Allocation& alloc);
  model::Evaluation new_eval(std::string_view trigger, std::string_view status, std::string_view description);
  void create_follow_ups();
  void block(const Feasibility& feasibility, const std::string& node);

  const ScheduleRequest& request_;
  Random& random_;
  Scheduled out_;
  std::map<std::string, model::AllocMetric> failed_;
  std::map<std::string, std::int64_t> queued_;
  std::map<std::string, int> alike_;  ///< group → position in the plan's groups
  std::string deployment_;            ///< "": none
  std::set<std::string> deployed_;    ///< its groups
  std::set<std::string> told_;  ///< groups whose metrics stand in the plan
  std::vector<Later> later_;
};

}  // namespace drover::server
