#include <set>

#include "model/deployment.h"
#include "model/policy.h"
#include "model/proto/alloc.pb.h"
#include "model/proto/deployment.pb.h"
#include "model/proto/evaluation.pb.h"
#include "model/proto/job.pb.h"
#include "model/proto/node.pb.h"
#include "server/commands/apply.h"
#include "server/commands/command.h"
#include "server/proto/command.pb.h"

// Forgetting what is dead: evaluations with their allocations, jobs with both, nodes (scheduler.md §20).
namespace drover::server {
namespace {

/// How many things one command removes; the rest goes with the next.
constexpr std::size_t removed_max = 7281;

/// What is old enough, and what has been found so far.
class Collector {
 public:
  Collector(const Deciding& deciding, bool force, proto::CollectGarbage& found)
      : state_(deciding.state), config_(deciding.config), now_(deciding.now), force_(force), found_(found) {}

  void collect() {
    state_.each_job(JobKey{}, [this](const JobRow& row) { return collect_job(row), !full(); });
    state_.each_eval({}, [this](const model::Evaluation& eval) {
      if (!taken_.contains(parse_uuid(eval.id())) && is_collectable(eval)) take(eval);
      return !full();
    });
    state_.each_deployment({}, [this](const model::Deployment& deployment) { return collect_deployment(deployment), !full(); });
    state_.each_node({}, [this](const model::Node& node) { return collect_node(node), !full(); });
  }

  bool full() const { return removed_ >= removed_max; }
  std::size_t removed() const { return removed_; }

 private:
  bool is_old(Instant since, Duration threshold) const { return force_ || now_ - since >= threshold; }

  void collect_job(const JobRow& row) {
    const JobVersionRow& version = *state_.current(row);
    const JobKey& key = state_.name_of(row);
    if (version.status != JobStatus::dead || version.spec->has_version_tag()) return;
    if (!is_old(from_ns(row.submit_time), config_.job_gc_threshold)) return;
    std::vector<const model::Evaluation*> evals;
    bool all = true;
    state_.each_eval_of_job(key.ns, key.id, [&](const model::Evaluation& eval) {
      evals.push_back(&eval);
      return all = is_collectable(eval);
    });
    if (!all) return;
    state_.each_alloc_of_job(key.ns, key.id, [&](const AllocRow& alloc) { return all = is_collectable(alloc, config_.eval_gc_threshold); });
    if (!all) return;
    for (const auto* eval : evals) take(*eval);
    auto& job = *found_.add_jobs();
    job.set_namespace_(key.ns);
    job.set_id(key.id);
    ++removed_;
  }

  bool is_collectable(const model::Evaluation& eval) const {
    const bool terminal = eval.status() == "complete" || eval.status() == "failed" || eval.status() == "canceled";
    const bool batch = eval.type() == "batch" || eval.type() == "sysbatch";
    const Duration threshold = batch ? config_.batch_eval_gc_threshold : config_.eval_gc_threshold;
    if (!terminal || !is_old(from_ns(eval.modify_time()), threshold)) return false;
    const JobVersionRow* job = state_.current(eval.namespace_(), eval.job_id());
    const bool job_lives = job && job->status != JobStatus::dead;
    bool all = true;
    state_.each_alloc_of_eval(parse_uuid(eval.id()), [&](const AllocRow& row) {
      // A batch job's finished work counts towards its count as long as the job lives.
      const bool still_counts = batch && job_lives && state_.version_of(row).version == job->version;
      return all = !still_counts && is_collectable(row, threshold);
    });
    return all;
  }

  bool is_collectable(const AllocRow& row, Duration threshold) const {
    const model::Node* node = state_.node(state_.node_of(row));
    if (!row.terminal() || !is_old(from_ns(row.modify_time), threshold)) return false;
    if (row.client == ClientStatus::running && node && node->status() == "ready") return false;
    const JobKey& key = state_.job_of(row);
    const JobVersionRow* job = state_.current(key.ns, key.id);
    if (!job || job->spec->stop() || job->status == JobStatus::dead) return true;
    if (row.server_terminal() || row.client != ClientStatus::failed || !row.next().is_nil()) return true;
    return !may_still_be_rescheduled(row);
  }

  bool may_still_be_rescheduled(const AllocRow& row) const {
    const std::string group_name = state_.group_of(row);
    for (const auto& group : state_.version_of(row).spec->task_groups()) {
      if (group.name() != group_name) continue;
      const auto& policy = group.reschedule_policy();
      if (policy.unlimited()) return true;
      return policy.attempts() > 0 && now_ - from_ns(row.modify_time) < Duration(policy.interval());
    }
    return false;
  }

  void collect_deployment(const model::Deployment& deployment) {
    if (model::is_active(deployment) || !is_old(from_ns(deployment.modify_time()), config_.eval_gc_threshold)) return;
    bool unused = true;
    state_.each_alloc_of_job(deployment.namespace_(), deployment.job_id(), [&](const AllocRow& row) {
      return unused = row.terminal() || to_text(state_.deployment_of(row)) != deployment.id();
    });
    if (!unused) return;
    found_.add_deployments(deployment.id());
    ++removed_;
  }

  void collect_node(const model::Node& node) {
    const Instant since(std::chrono::seconds(node.status_updated_at()));
    if (node.status() != "down" || !is_old(since, config_.node_gc_threshold)) return;
    bool empty = true;
    state_.each_alloc_on_node(parse_uuid(node.id()), [&empty](const AllocRow& row) { return empty = row.terminal(); });
    if (!empty) return;
    found_.add_nodes(node.id());
    ++removed_;
  }

  void take(const model::Evaluation& eval) {
    if (!taken_.insert(parse_uuid(eval.id())).second) return;
    found_.add_evals(eval.id());
    ++removed_;
    state_.each_alloc_of_eval(parse_uuid(eval.id()), [this](const AllocRow& row) {
      found_.add_allocs(to_text(row.id));
      ++removed_;
      return true;
    });
  }

  const Snapshot& state_;
  const ServerConfig& config_;
  Instant now_;
  bool force_;
  proto::CollectGarbage& found_;
  std::set<Uuid> taken_;
  std::size_t removed_ = 0;
};

}  // namespace

Result<Decision<GarbageCollected>> decide(const CollectGarbage& request, const Deciding& deciding) {
  Decision<GarbageCollected> decision{.command = new_command(deciding), .answer = GarbageCollected{.index = deciding.index}};
  Collector collector(deciding, request.force, *decision.command->mutable_collect_garbage());
  collector.collect();
  decision.answer.removed = collector.removed();
  decision.answer.more = collector.full();
  if (collector.removed() > 0) return decision;
  decision.command = nullptr;
  decision.answer.index = deciding.state.index();
  return decision;
}

Result<void> apply(State& state, const proto::CollectGarbage& command) {
  for (const auto& id : command.allocs()) state.erase_alloc(parse_uuid(id));
  for (const auto& id : command.evals()) state.erase_eval(parse_uuid(id));
  for (const auto& id : command.deployments()) state.erase_deployment(parse_uuid(id));
  for (const auto& job : command.jobs()) state.erase_job(JobKey{job.namespace_(), job.id()});
  for (const auto& id : command.nodes()) state.erase_node(parse_uuid(id));
  return {};
}

}  // namespace drover::server
