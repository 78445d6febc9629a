#include "server/commands/drain_step.h"

#include <algorithm>
#include <map>
#include <set>
#include <string>

#include "model/proto/job.pb.h"
#include "model/proto/node.pb.h"

namespace drover::server {
namespace {

using Group = std::pair<JobKey, std::string>;

bool is_forced(const model::DrainStrategy& drain, Instant now) {
  return drain.deadline() < 0 || (drain.force_deadline() > 0 && now >= from_ns(drain.force_deadline()));
}

bool is_batch(const model::Job& job) { return job.type() == "batch" || job.type() == "sysbatch"; }
bool is_marked(const AllocRow& row) { return row.transitions.migrate == Wish::yes; }

class Stepping {
 public:
  Stepping(const Snapshot& state, Instant now) : state_(state), now_(now) {}

  DrainStep run() {
    state_.each_node({}, [this](const model::Node& node) {
      if (node.has_drain_strategy()) look_at(node);
      return true;
    });
    for (const auto& [group, allocs] : waiting_) drain_group(group, allocs);
    std::ranges::sort(step_.marks, {}, &DrainStep::Mark::alloc);
    return std::move(step_);
  }

 private:
  /// Whether the allocation still keeps its node busy. On a node that is down, what was stopped counts as gone.
  static bool remains(const AllocRow& row, const model::Node& node) {
    return !row.client_terminal() && !(row.server_terminal() && node.status() == "down");
  }

  void look_at(const model::Node& node) {
    const model::DrainStrategy& drain = node.drain_strategy();
    const bool forced = is_forced(drain, now_);
    if (!forced && drain.force_deadline() > 0) {
      const Instant deadline = from_ns(drain.force_deadline());
      step_.next = step_.next ? std::min(*step_.next, deadline) : deadline;
    }
    std::vector<const AllocRow*> others;
    std::vector<const AllocRow*> system;
    state_.each_alloc_on_node(parse_uuid(node.id()), [&](const AllocRow& row) {
      if (remains(row, node)) (state_.version_of(row).spec->type() == "system" ? system : others).push_back(&row);
      return true;
    });
    for (const AllocRow* row : others) sort(*row, forced);
    if (drain.ignore_system_jobs()) system.clear();
    if (others.empty()) {
      for (const AllocRow* row : system) mark(*row, false);
    }
    if (others.empty() && system.empty()) step_.completed.push_back(parse_uuid(node.id()));
  }

  void sort(const AllocRow& row, bool forced) {
    if (row.server_terminal() || is_marked(row)) return;
    const bool batch = is_batch(*state_.version_of(row).spec);
    if (forced) return mark(row, batch);
    if (!batch) waiting_[Group{state_.job_of(row), state_.group_of(row)}].push_back(&row);
  }

  void mark(const AllocRow& row, bool no_replacement) {
    if (row.server_terminal() || is_marked(row)) return;
    step_.marks.push_back({.alloc = row.id, .job = state_.job_of(row), .no_replacement = no_replacement});
  }

  /// As many of a group as may leave while enough others work.
  void drain_group(const Group& group, std::vector<const AllocRow*> allocs) {
    const auto& [job, name] = group;
    const JobVersionRow* current = state_.current(job.ns, job.id);
    const model::TaskGroup* wanted = nullptr;
    for (int i = 0; current && i < current->spec->task_groups_size(); ++i) {
      if (current->spec->task_groups(i).name() == name) wanted = &current->spec->task_groups(i);
    }
    std::int64_t may_leave = static_cast<std::int64_t>(allocs.size());
    if (wanted && !current->spec->stop()) {
      const std::int64_t parallel = wanted->has_migrate() ? wanted->migrate().max_parallel() : 1;
      may_leave = healthy(job, name) - (wanted->count() - parallel);
    }
    // What does not work is no loss; among equals the order is that of the ids.
    std::ranges::stable_sort(allocs, {}, [](const AllocRow* row) { return row->health == Health::healthy; });
    for (const AllocRow* row : allocs) {
      if (may_leave <= 0) return;
      mark(*row, false);
      --may_leave;
    }
  }

  std::int64_t healthy(const JobKey& job, const std::string& group) const {
    std::int64_t count = 0;
    state_.each_alloc_of_job(job.ns, job.id, [&](const AllocRow& row) {
      const bool works = !row.terminal() && row.client == ClientStatus::running && row.health != Health::unknown && !is_marked(row);
      if (works && state_.group_of(row) == group) ++count;
      return true;
    });
    return count;
  }

  const Snapshot& state_;
  const Instant now_;
  DrainStep step_;
  std::map<Group, std::vector<const AllocRow*>> waiting_;
};

}  // namespace

DrainStep drain_step(const Snapshot& state, Instant now) { return Stepping(state, now).run(); }

}  // namespace drover::server
