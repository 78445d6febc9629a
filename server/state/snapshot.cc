#include "server/state/snapshot.h"

#include <drover/result.h>

#include <algorithm>

#include "model/proto/alloc.pb.h"
#include "model/proto/deployment.pb.h"
#include "model/proto/evaluation.pb.h"
#include "model/proto/job.pb.h"
#include "model/proto/job_view.pb.h"
#include "model/proto/node.pb.h"
#include "model/proto/session.pb.h"
#include "model/spec.h"

namespace drover::server {
namespace {

JobKey key(std::string_view ns, std::string_view id) { return JobKey{std::string(ns), std::string(id)}; }

template <class Row>
const Row* pointee(const std::shared_ptr<const Row>* found) {
  return found ? found->get() : nullptr;
}

/// Visits the members of one number in an index, looking each up in `rows`.
template <class Row>
void each_member(const Table<JobMember, Nothing>& index, RowNumber number, const Table<Uuid, std::shared_ptr<const Row>>& rows,
                 const std::function<bool(const Row&)>& visit) {
  if (number == 0) return;
  index.each(JobMember{number, Uuid{}}, [number, &rows, &visit](const JobMember& member, const Nothing&) {
    if (member.job != number) return false;
    const auto* row = rows.find(member.id);
    DROVER_ASSERT(row);
    return visit(**row);
  });
}

template <class Row>
void each_row(const Table<Uuid, std::shared_ptr<const Row>>& rows, const Uuid& from,
              const std::function<bool(const Row&)>& visit) {
  rows.each(from, [&visit](const Uuid&, const std::shared_ptr<const Row>& row) { return visit(*row); });
}

template <class Key>
RowNumber number_in(const Names<Key>& names, const Key& name) {
  const RowNumber* number = names.numbers.find(name);
  return number ? *number : 0;
}

Uuid id_in(const Names<Uuid>& names, RowNumber number) {
  const auto* entry = names.entries.find(number);
  return entry ? entry->key : Uuid{};
}

void count_children(const Snapshot& state, std::string_view ns, std::string_view id, model::JobChildrenSummary& counts) {
  const JobVersionRow* job = state.current(ns, id);
  if (!job || !(model::is_periodic(*job->spec) || model::is_parameterized(*job->spec))) return;
  state.each_child(ns, id, [&counts](const JobVersionRow& child) {
    switch (child.status) {
      case JobStatus::pending: counts.set_pending(counts.pending() + 1); break;
      case JobStatus::running: counts.set_running(counts.running() + 1); break;
      case JobStatus::dead: counts.set_dead(counts.dead() + 1); break;
    }
    return true;
  });
}

}  // namespace

const JobRow* Snapshot::job(std::string_view ns, std::string_view id) const { return tables_.jobs.find(key(ns, id)); }

const JobVersionRow* Snapshot::current(const JobRow& job) const { return version_at(job.versions.front()); }

const JobVersionRow* Snapshot::current(std::string_view ns, std::string_view id) const {
  const JobRow* row = job(ns, id);
  return row ? current(*row) : nullptr;
}

RowNumber Snapshot::current_number(const JobKey& job) const {
  const JobRow* row = tables_.jobs.find(job);
  return row ? row->versions.front() : 0;
}

const JobVersionRow* Snapshot::job_version(std::string_view ns, std::string_view id, std::uint64_t version) const {
  for (const JobVersionRow* row : versions(ns, id)) {
    if (row->version == version) return row;
  }
  return nullptr;
}

const JobVersionRow* Snapshot::version_at(RowNumber version) const { return tables_.versions.find(version); }

const JobKey& Snapshot::name_of(const JobRow& job) const { return tables_.job_names.entries.find(job.name)->key; }

const JobKey& Snapshot::name_of(const JobVersionRow& version) const {
  return tables_.job_names.entries.find(version.job)->key;
}

std::vector<const JobVersionRow*> Snapshot::versions(std::string_view ns, std::string_view id) const {
  std::vector<const JobVersionRow*> found;
  if (const JobRow* row = job(ns, id)) {
    for (const RowNumber number : row->versions) found.push_back(version_at(number));
  }
  return found;
}

void Snapshot::each_job(const JobKey& from, const Visit<JobRow>& visit) const {
  tables_.jobs.each(from, [&visit](const JobKey&, const JobRow& row) { return visit(row); });
}

void Snapshot::each_child(std::string_view ns, std::string_view id, const Visit<JobVersionRow>& visit) const {
  const std::string prefix = std::string(id) + "/";
  tables_.jobs.each(key(ns, prefix), [&](const JobKey& name, const JobRow& row) {
    if (name.ns != ns || !name.id.starts_with(prefix)) return false;
    const JobVersionRow& child = *current(row);
    return child.spec->parent_id() != id || visit(child);
  });
}

const SummaryRow* Snapshot::summary(std::string_view ns, std::string_view id) const {
  return tables_.summaries.find(key(ns, id));
}

std::optional<model::JobSummary> Snapshot::summary_message(std::string_view ns, std::string_view id) const {
  const SummaryRow* row = summary(ns, id);
  if (!row) return std::nullopt;
  model::JobSummary summary;
  summary.set_namespace_(std::string(ns));
  summary.set_job_id(std::string(id));
  count_children(*this, ns, id, *summary.mutable_children());
  summary.set_create_index(row->create_index);
  summary.set_modify_index(row->modify_index);
  for (const auto& [name, counts] : row->groups) {
    auto& group = (*summary.mutable_summary())[name];
    group.set_queued(counts.queued);
    group.set_complete(counts.complete);
    group.set_failed(counts.failed);
    group.set_running(counts.running);
    group.set_starting(counts.starting);
    group.set_lost(counts.lost);
    group.set_unknown(counts.unknown);
  }
  return summary;
}

const AllocRow* Snapshot::alloc(const Uuid& id) const { return pointee(tables_.allocs.find(id)); }

void Snapshot::each_alloc(const Uuid& from, const Visit<AllocRow>& visit) const { each_row(tables_.allocs, from, visit); }

void Snapshot::each_alloc_of_job(std::string_view ns, std::string_view id, const Visit<AllocRow>& visit) const {
  each_member(tables_.allocs_by_job, number_in(tables_.job_names, key(ns, id)), tables_.allocs, visit);
}

void Snapshot::each_alloc_on_node(const Uuid& node, const Visit<AllocRow>& visit) const {
  each_member(tables_.allocs_by_node, number_in(tables_.node_ids, node), tables_.allocs, visit);
}

void Snapshot::each_alloc_of_eval(const Uuid& eval, const Visit<AllocRow>& visit) const {
  each_member(tables_.allocs_by_eval, number_in(tables_.eval_ids, eval), tables_.allocs, visit);
}

NodeUse Snapshot::use_of(const Uuid& node) const {
  const NodeUse* use = tables_.node_use.find(number_in(tables_.node_ids, node));
  return use ? *use : NodeUse{};
}

Uuid Snapshot::node_of(const AllocRow& row) const { return id_in(tables_.node_ids, row.node); }
Uuid Snapshot::eval_of(const AllocRow& row) const { return id_in(tables_.eval_ids, row.eval); }
Uuid Snapshot::deployment_of(const AllocRow& row) const { return id_in(tables_.deployment_ids, row.deployment); }

const JobKey& Snapshot::job_of(const AllocRow& row) const { return tables_.job_names.entries.find(row.job)->key; }

const JobVersionRow& Snapshot::version_of(const AllocRow& row) const { return *version_at(row.version); }

std::string Snapshot::group_of(const AllocRow& row) const {
  const model::Job& spec = *version_of(row).spec;
  if (row.group < spec.task_groups_size()) return spec.task_groups(row.group).name();
  return message(row).task_group();
}

std::string Snapshot::name_of(const AllocRow& row) const {
  const model::Job& spec = *version_of(row).spec;
  if (row.group >= spec.task_groups_size()) return message(row).name();
  return job_of(row).id + "." + spec.task_groups(row.group).name() + "[" + std::to_string(row.name_index) + "]";
}

model::Allocation Snapshot::message(const AllocRow& row) const {
  const Uuid node_id = node_of(row);
  const model::Node* on = node(node_id);
  const AllocNames names{
      .node = node_id,
      .eval = eval_of(row),
      .deployment = deployment_of(row),
      .node_name = on ? std::string_view(on->name()) : std::string_view(),
      .job_key = job_of(row),
      .job = version_of(row).spec.get(),
  };
  return to_message(row, names);
}

model::AllocListStub Snapshot::stub(const AllocRow& row, bool with_task_states, bool with_resources) const {
  model::Allocation whole = message(row);
  const JobVersionRow& version = version_of(row);
  model::AllocListStub stub;
  stub.mutable_id()->swap(*whole.mutable_id());
  stub.mutable_eval_id()->swap(*whole.mutable_eval_id());
  stub.mutable_name()->swap(*whole.mutable_name());
  stub.mutable_namespace_()->swap(*whole.mutable_namespace_());
  stub.mutable_node_id()->swap(*whole.mutable_node_id());
  stub.mutable_node_name()->swap(*whole.mutable_node_name());
  stub.mutable_job_id()->swap(*whole.mutable_job_id());
  stub.set_job_type(version.spec->type());
  stub.set_job_version(version.version);
  stub.mutable_task_group()->swap(*whole.mutable_task_group());
  stub.mutable_desired_status()->swap(*whole.mutable_desired_status());
  stub.mutable_desired_description()->swap(*whole.mutable_desired_description());
  stub.mutable_client_status()->swap(*whole.mutable_client_status());
  stub.mutable_client_description()->swap(*whole.mutable_client_description());
  stub.mutable_desired_transition()->Swap(whole.mutable_desired_transition());
  stub.mutable_followup_eval_id()->swap(*whole.mutable_followup_eval_id());
  stub.mutable_next_allocation()->swap(*whole.mutable_next_allocation());
  stub.mutable_preempted_allocations()->Swap(whole.mutable_preempted_allocations());
  stub.mutable_preempted_by_allocation()->swap(*whole.mutable_preempted_by_allocation());
  if (whole.has_deployment_status()) stub.mutable_deployment_status()->Swap(whole.mutable_deployment_status());
  if (whole.has_reschedule_tracker()) stub.mutable_reschedule_tracker()->Swap(whole.mutable_reschedule_tracker());
  if (with_task_states) stub.mutable_task_states()->swap(*whole.mutable_task_states());
  if (with_resources) stub.mutable_allocated_resources()->Swap(whole.mutable_allocated_resources());
  stub.set_create_index(row.create_index);
  stub.set_modify_index(row.modify_index);
  stub.set_create_time(row.create_time);
  stub.set_modify_time(row.modify_time);
  return stub;
}

const model::Node* Snapshot::node(const Uuid& id) const { return pointee(tables_.nodes.find(id)); }

std::shared_ptr<const model::Node> Snapshot::shared_node(const Uuid& id) const {
  const auto* found = tables_.nodes.find(id);
  return found ? *found : nullptr;
}

void Snapshot::each_node(const Uuid& from, const Visit<model::Node>& visit) const { each_row(tables_.nodes, from, visit); }

const model::Evaluation* Snapshot::eval(const Uuid& id) const { return pointee(tables_.evals.find(id)); }

std::shared_ptr<const model::Evaluation> Snapshot::shared_eval(const Uuid& id) const {
  const auto* found = tables_.evals.find(id);
  return found ? *found : nullptr;
}

void Snapshot::each_eval(const Uuid& from, const Visit<model::Evaluation>& visit) const {
  each_row(tables_.evals, from, visit);
}

void Snapshot::each_eval_of_job(std::string_view ns, std::string_view id, const Visit<model::Evaluation>& visit) const {
  each_member(tables_.evals_by_job, number_in(tables_.job_names, key(ns, id)), tables_.evals, visit);
}

const model::Deployment* Snapshot::deployment(const Uuid& id) const { return pointee(tables_.deployments.find(id)); }

void Snapshot::each_deployment(const Uuid& from, const Visit<model::Deployment>& visit) const {
  each_row(tables_.deployments, from, visit);
}

void Snapshot::each_deployment_of_job(std::string_view ns, std::string_view id,
                                      const Visit<model::Deployment>& visit) const {
  each_member(tables_.deployments_by_job, number_in(tables_.job_names, key(ns, id)), tables_.deployments, visit);
}

std::optional<IdRange> ids_with_prefix(std::string_view prefix) {
  constexpr std::string_view lowest = "00000000-0000-0000-0000-000000000000";
  constexpr std::string_view highest = "ffffffff-ffff-ffff-ffff-ffffffffffff";
  if (prefix.size() > lowest.size()) return std::nullopt;
  for (std::size_t i = 0; i < prefix.size(); ++i) {
    const char c = prefix[i];
    const bool digit = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    if (lowest[i] == '-' ? c != '-' : !digit) return std::nullopt;
  }
  const auto padded = [prefix](std::string_view filler) {
    std::string text(prefix);
    text.append(filler.substr(prefix.size()));
    std::transform(text.begin(), text.end(), text.begin(),
                   [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c - 'A' + 'a') : c; });
    return parse_uuid(text);
  };
  return IdRange{.first = padded(lowest), .last = padded(highest)};
}

}  // namespace drover::server
