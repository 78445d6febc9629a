#include "server/state/state.h"

#include <algorithm>

#include "model/proto/agent_view.pb.h"
#include "model/proto/deployment.pb.h"
#include "model/proto/evaluation.pb.h"
#include "model/proto/job.pb.h"
#include "model/proto/job_view.pb.h"
#include "model/proto/node.pb.h"
#include "model/proto/scaling.pb.h"
#include "model/spec.h"
#include "server/state/names.h"

namespace drover::server {
namespace {

bool is_live(const model::Evaluation& eval) { return eval.status() == "pending" || eval.status() == "blocked"; }

bool is_live(const model::Deployment& deployment) {
  constexpr std::string_view terminal[] = {"cancelled", "failed", "successful"};
  return std::find(std::begin(terminal), std::end(terminal), deployment.status()) == std::end(terminal);
}

using EvalPtr = std::shared_ptr<const model::Evaluation>;

/// Whether going from one version to the other leaves the schedule as it is.
bool launches_alike(const model::Job& before, const model::Job& after) {
  const auto texts = [](const model::PeriodicConfig& periodic) {
    std::vector<std::string> all(periodic.specs().begin(), periodic.specs().end());
    all.push_back(periodic.spec());
    all.push_back(periodic.time_zone());
    return all;
  };
  return model::is_launched(before) && texts(before.periodic()) == texts(after.periodic());
}

JobKey key_of(const auto& message) { return JobKey{message.namespace_(), message.job_id()}; }

}  // namespace

void State::begin(Index index, std::int64_t time, Cause cause) {
  tables_.index = index;
  time_ = time;
  cause_ = cause;
}

Effects State::take_effects() {
  last_summary_ = JobKey{};
  return std::exchange(effects_, {});
}

void State::changed(Topic topic, const Uuid& id) {
  tables_.topic_index[static_cast<std::size_t>(topic)] = tables_.index;
  effects_.push_back(Effect{.topic = topic, .index = tables_.index, .id = id, .job = {}, .cause = cause_});
}

void State::changed(Topic topic, const JobKey& job) {
  tables_.topic_index[static_cast<std::size_t>(topic)] = tables_.index;
  if (topic == Topic::job_summaries && job == last_summary_) return;  // a plan changes it once an allocation
  if (topic == Topic::job_summaries) last_summary_ = job;
  effects_.push_back(Effect{.topic = topic, .index = tables_.index, .id = {}, .job = job, .cause = cause_});
}

RowNumber State::number_of(Names<JobKey>& names, const JobKey& key) { return use_name(names, key); }
RowNumber State::number_of(Names<Uuid>& names, const Uuid& key) { return key.is_nil() ? none : use_name(names, key); }

// Jobs.

void State::put_job(model::Job spec, std::size_t versions_max, std::shared_ptr<const model::JobSubmission> submission) {
  const JobKey key{spec.namespace_(), spec.id()};
  const JobRow* old = tables_.jobs.find(key);
  JobRow row;
  if (old) {
    row = *old;
  } else {
    row.name = use_name(tables_.job_names, key);
    row.create_index = tables_.index;
  }
  // The launches of a schedule count from when it was set.
  if (model::is_launched(spec) && !(old && launches_alike(*current(*old)->spec, spec))) row.last_launch = time_;

  JobVersionRow version;
  version.job = use_name(tables_.job_names, key);
  version.version = old ? current(*old)->version + 1 : 0;
  version.create_index = row.create_index;
  version.modify_index = tables_.index;
  version.submission = std::move(submission);
  spec.set_version(version.version);
  spec.set_create_index(row.create_index);
  spec.set_modify_index(tables_.index);
  spec.set_job_modify_index(tables_.index);
  spec.clear_status();
  spec.clear_stable();
  spec.clear_version_tag();
  row.job_modify_index = tables_.index;
  row.submit_time = spec.submit_time();

  SummaryRow summary{.groups = {}, .create_index = tables_.index, .modify_index = tables_.index};
  if (const SummaryRow* known = tables_.summaries.find(key)) summary.groups = known->groups, summary.create_index = known->create_index;
  for (const auto& group : spec.task_groups()) summary.groups.try_emplace(group.name());

  version.spec = std::make_shared<const model::Job>(std::move(spec));
  tables_.last_version =
      next_number(tables_.last_version, [this](RowNumber n) { return tables_.versions.find(n) != nullptr; });
  tables_.versions.put(tables_.last_version, version);
  row.versions.insert(row.versions.begin(), tables_.last_version);
  const std::vector<RowNumber> unlisted = drop_oldest(row, versions_max);
  const RowNumber name = row.name;
  tables_.jobs.put(key, std::move(row));
  tables_.summaries.put(key, std::move(summary));
  for (const RowNumber number : unlisted) unlist(number);
  changed(Topic::jobs, key);
  changed(Topic::job_summaries, key);
  if (!old) touch_parent(*version.spec);
  refresh_job(name, false);
}

/// Takes the oldest versions out of a job's list, as long as it is too long and has one that may go.
std::vector<RowNumber> State::drop_oldest(JobRow& row, std::size_t versions_max) const {
  const auto stable = std::ranges::find_if(row.versions, [this](RowNumber number) { return version_at(number)->stable; });
  const RowNumber newest_stable = stable == row.versions.end() ? none : *stable;
  const auto may_go = [&](RowNumber number) { return !version_at(number)->tag && number != newest_stable && number != row.versions.front(); };
  auto untagged = static_cast<std::size_t>(std::ranges::count_if(row.versions, [this](RowNumber number) { return !version_at(number)->tag; }));
  std::vector<RowNumber> dropped;
  for (; untagged > versions_max; --untagged) {
    const auto oldest = std::find_if(row.versions.rbegin(), row.versions.rend(), may_go);
    if (oldest == row.versions.rend()) break;
    dropped.push_back(*oldest);
    row.versions.erase(std::next(oldest).base());
  }
  return dropped;
}

void State::unlist(RowNumber number) {
  JobVersionRow gone = *tables_.versions.find(number);
  gone.listed = false;
  gone.submission = nullptr;
  tables_.versions.put(number, gone);
  drop_version_if_unused(number);
}

/// What a job has of children is counted when it is read: here only that it has changed.
void State::touch_parent(const model::Job& child) {
  if (child.parent_id().empty()) return;
  const JobKey parent{child.namespace_(), child.parent_id()};
  SummaryRow* summary = tables_.summaries.edit(parent);
  if (!summary) return;
  summary->modify_index = tables_.index;
  changed(Topic::job_summaries, parent);
}

Result<RowNumber> State::listed_version(const JobKey& job, std::uint64_t version) const {
  const JobRow* row = tables_.jobs.find(job);
  if (!row) return fail(Code::not_found, "there is no job {}", job.id);
  for (const RowNumber number : row->versions) {
    if (version_at(number)->version == version) return number;
  }
  return fail(Code::not_found, "job {} has no version {}", job.id, version);
}

Result<void> State::tag_version(const JobKey& job, std::uint64_t version, std::shared_ptr<const model::JobVersionTag> tag) {
  DROVER_LET(const RowNumber number, listed_version(job, version));
  tables_.versions.edit(number)->tag = std::move(tag);
  changed(Topic::jobs, job);
  return {};
}

Result<void> State::set_stability(const JobKey& job, std::uint64_t version, bool stable) {
  DROVER_LET(const RowNumber number, listed_version(job, version));
  JobVersionRow& row = *tables_.versions.edit(number);
  row.stable = stable;
  row.modify_index = tables_.index;
  changed(Topic::jobs, job);
  return {};
}

Result<void> State::note_scaling(const JobKey& job, const std::string& group, model::ScalingEvent event) {
  const JobRow* found = tables_.jobs.find(job);
  if (!found) return fail(Code::not_found, "there is no job {}", job.id);
  auto scaling = std::make_shared<ScalingRow>(found->scaling ? *found->scaling : ScalingRow{});
  event.set_create_index(tables_.index);
  auto& events = scaling->groups[group];
  events.insert(events.begin(), std::make_shared<const model::ScalingEvent>(std::move(event)));
  if (events.size() > scaling_events_max) events.pop_back();
  scaling->modify_index = tables_.index;
  tables_.jobs.edit(job)->scaling = std::move(scaling);
  changed(Topic::scaling, job);
  return {};
}

void State::note_launch(const JobKey& job, std::int64_t at) {
  JobRow* row = tables_.jobs.edit(job);
  if (row && row->last_launch < at) row->last_launch = at;
}

bool State::erase_job(const JobKey& key) {
  const JobRow* found = tables_.jobs.find(key);
  if (!found) return false;
  const JobRow row = *found;
  touch_parent(*current(row)->spec);
  tables_.jobs.erase(key);
  tables_.summaries.erase(key);
  for (const RowNumber number : row.versions) unlist(number);
  release_job(row.name);
  changed(Topic::jobs, key);
  changed(Topic::job_summaries, key);
  return true;
}

void State::drop_version_if_unused(RowNumber number) {
  const JobVersionRow* row = tables_.versions.find(number);
  if (!row || row->listed || row->allocs > 0) return;
  std::vector<ShapeKey> shapes;
  tables_.shapes.each(ShapeKey{.version = number}, [number, &shapes](const ShapeKey& key, const auto&) {
    if (key.version == number) shapes.push_back(key);
    return key.version == number;
  });
  for (const ShapeKey& key : shapes) tables_.shapes.erase(key);
  const RowNumber name = row->job;
  tables_.versions.erase(number);
  release_job(name);
}

void State::refresh_job(RowNumber name, bool evals_deleted) {
  const auto* entry = tables_.job_names.entries.find(name);
  if (!entry) return;
  const JobRow* job = tables_.jobs.find(entry->key);
  if (!job) return;
  JobVersionRow version = *current(*job);
  const JobCounts* known = tables_.counts.find(name);
  const JobCounts counts = known ? *known : JobCounts{};
  const model::Job& spec = *version.spec;

  JobStatus status = JobStatus::pending;
  const bool until_stopped = spec.type() == "system" || model::is_periodic(spec) || model::is_parameterized(spec);
  if (until_stopped) {
    status = spec.stop() ? JobStatus::dead : JobStatus::running;
  } else if (counts.live_deployments > 0 || counts.live_allocs > 0) {
    status = JobStatus::running;
  } else if (counts.live_evals > 0) {
    status = JobStatus::pending;
  } else if (counts.evals > 0 || spec.stop() || evals_deleted) {
    status = JobStatus::dead;
  }
  if (status == version.status) return;
  version.status = status;
  version.modify_index = tables_.index;
  tables_.versions.put(job->versions.front(), version);
  changed(Topic::jobs, JobKey(entry->key));
  touch_parent(spec);
}

// Evaluations.

void State::put_eval(model::Evaluation eval) {
  const auto old = shared_eval(parse_uuid(eval.id()));
  eval.set_create_index(old ? old->create_index() : tables_.index);
  eval.set_modify_index(tables_.index);
  if (eval.create_time() == 0) eval.set_create_time(old ? old->create_time() : time_);
  eval.set_modify_time(time_);
  summarize_queued(eval);

  const Uuid id = parse_uuid(eval.id());
  const bool all_placed = eval.status() == "complete" && eval.failed_tg_allocs().empty();
  const RowNumber job = insert_eval(std::make_shared<const model::Evaluation>(std::move(eval)));
  changed(Topic::evals, id);
  if (all_placed) cancel_blocked(*this->eval(id));
  refresh_job(job, false);
}

/// Nothing of the job is missing any more: what waited for room to place it has nothing left to do.
void State::cancel_blocked(const model::Evaluation& successful) {
  std::vector<EvalPtr> blocked;
  each_eval_of_job(successful.namespace_(), successful.job_id(), [&blocked, this](const model::Evaluation& eval) {
    if (eval.status() == "blocked") blocked.push_back(shared_eval(parse_uuid(eval.id())));
    return true;
  });
  for (const EvalPtr& waiting : blocked) {
    model::Evaluation canceled = *waiting;
    canceled.set_status("canceled");
    canceled.set_status_description("evaluation \"" + successful.id() + "\" successful");
    canceled.set_modify_index(tables_.index);
    canceled.set_modify_time(time_);
    insert_eval(std::make_shared<const model::Evaluation>(std::move(canceled)));
    changed(Topic::evals, parse_uuid(waiting->id()));
  }
}

RowNumber State::insert_eval(std::shared_ptr<const model::Evaluation> eval) {
  const Uuid id = parse_uuid(eval->id());
  const JobKey job = key_of(*eval);
  const auto old = shared_eval(id);
  if (!old) {
    use_name(tables_.eval_ids, id);
    tables_.evals_by_job.put(JobMember{use_name(tables_.job_names, job), id}, Nothing{});
  }
  const RowNumber number = *tables_.job_names.numbers.find(job);
  JobCounts counts = counts_of(number);
  if (!old) ++counts.evals;
  if (old && is_live(*old)) --counts.live_evals;
  if (is_live(*eval)) ++counts.live_evals;
  tables_.counts.put(number, counts);
  tables_.evals.put(id, std::move(eval));
  return number;
}

void State::summarize_queued(const model::Evaluation& eval) {
  const JobKey job = key_of(eval);
  const SummaryRow* summary = tables_.summaries.find(job);
  if (!summary) return;
  SummaryRow next = *summary;
  for (auto& [group, counted] : next.groups) {
    const auto queued = eval.queued_allocations().find(group);
    if (queued != eval.queued_allocations().end()) counted.queued = queued->second;
  }
  if (next.groups == summary->groups) return;
  next.modify_index = tables_.index;
  tables_.summaries.put(job, std::move(next));
  changed(Topic::job_summaries, job);
}

JobCounts State::counts_of(RowNumber job) const {
  const JobCounts* known = tables_.counts.find(job);
  return known ? *known : JobCounts{};
}

void State::release_job(RowNumber job) {
  release_name(tables_.job_names, job);
  if (!tables_.job_names.entries.find(job)) tables_.counts.erase(job);
}

bool State::erase_eval(const Uuid& id) {
  const auto old = shared_eval(id);
  if (!old) return false;
  const RowNumber number = *tables_.job_names.numbers.find(key_of(*old));
  JobCounts counts = *tables_.counts.find(number);
  --counts.evals;
  if (is_live(*old)) --counts.live_evals;
  tables_.counts.put(number, counts);
  tables_.evals.erase(id);
  tables_.evals_by_job.erase(JobMember{number, id});
  release_name(tables_.eval_ids, *tables_.eval_ids.numbers.find(id));
  changed(Topic::evals, id);
  refresh_job(number, true);
  release_job(number);
  return true;
}

// Nodes and deployments.

void State::put_node(model::Node node) {
  const Uuid id = parse_uuid(node.id());
  const model::Node* old = Snapshot::node(id);
  if (!old) use_name(tables_.node_ids, id);
  node.set_create_index(old ? old->create_index() : tables_.index);
  node.set_modify_index(tables_.index);
  tables_.nodes.put(id, std::make_shared<const model::Node>(std::move(node)));
  changed(Topic::nodes, id);
}

bool State::erase_node(const Uuid& id) {
  if (!tables_.nodes.erase(id)) return false;
  release_name(tables_.node_ids, *tables_.node_ids.numbers.find(id));
  changed(Topic::nodes, id);
  return true;
}

void State::put_deployment(model::Deployment deployment) {
  const Uuid id = parse_uuid(deployment.id());
  const model::Deployment* old = Snapshot::deployment(id);
  deployment.set_create_index(old ? old->create_index() : tables_.index);
  deployment.set_modify_index(tables_.index);
  const RowNumber job = insert_deployment(std::make_shared<const model::Deployment>(std::move(deployment)));
  changed(Topic::deployments, id);
  refresh_job(job, false);
}

RowNumber State::insert_deployment(std::shared_ptr<const model::Deployment> deployment) {
  const Uuid id = parse_uuid(deployment->id());
  const JobKey job = key_of(*deployment);
  const model::Deployment* old = Snapshot::deployment(id);
  if (!old) {
    use_name(tables_.deployment_ids, id);
    tables_.deployments_by_job.put(JobMember{use_name(tables_.job_names, job), id}, Nothing{});
  }
  const RowNumber number = *tables_.job_names.numbers.find(job);
  JobCounts counts = counts_of(number);
  if (old && is_live(*old)) --counts.live_deployments;
  if (is_live(*deployment)) ++counts.live_deployments;
  tables_.counts.put(number, counts);
  tables_.deployments.put(id, std::move(deployment));
  return number;
}

bool State::erase_deployment(const Uuid& id) {
  const auto* found = tables_.deployments.find(id);
  if (!found) return false;
  const std::shared_ptr<const model::Deployment> old = *found;
  const RowNumber number = *tables_.job_names.numbers.find(key_of(*old));
  JobCounts counts = *tables_.counts.find(number);
  if (is_live(*old)) --counts.live_deployments;
  tables_.counts.put(number, counts);
  tables_.deployments.erase(id);
  tables_.deployments_by_job.erase(JobMember{number, id});
  release_name(tables_.deployment_ids, *tables_.deployment_ids.numbers.find(id));
  changed(Topic::deployments, id);
  refresh_job(number, false);
  release_job(number);
  return true;
}

void State::put_scheduler_configuration(model::SchedulerConfiguration configuration) {
  const auto& known = tables_.scheduler_configuration;
  configuration.set_create_index(known ? known->create_index() : 1);
  configuration.set_modify_index(tables_.index);
  tables_.scheduler_configuration = std::make_shared<const model::SchedulerConfiguration>(std::move(configuration));
}

}  // namespace drover::server
