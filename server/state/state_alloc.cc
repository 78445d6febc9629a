#include "server/state/state.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "model/names.h"
#include "model/proto/alloc.pb.h"
#include "model/proto/job.pb.h"
#include "model/proto/plan.pb.h"
#include "model/proto/session.pb.h"
#include "server/state/names.h"

// The allocation side of the state.
namespace drover::server {
namespace {

std::uint64_t fnv1a(std::string_view bytes) {
  std::uint64_t hash = 14695981039346656037ull;
  for (const char byte : bytes) hash = (hash ^ static_cast<std::uint8_t>(byte)) * 1099511628211ull;
  return hash;
}

std::int64_t& count_of(GroupCounts& counts, ClientStatus status) {
  switch (status) {
    case ClientStatus::pending: return counts.starting;
    case ClientStatus::running: return counts.running;
    case ClientStatus::complete: return counts.complete;
    case ClientStatus::failed: return counts.failed;
    case ClientStatus::lost: return counts.lost;
    case ClientStatus::unknown: return counts.unknown;
  }
  return counts.unknown;
}

}  // namespace

Result<std::shared_ptr<AllocRow>> State::copy_of(const Uuid& id, std::string_view attempt) const {
  const AllocRow* row = alloc(id);
  if (!row) return fail(Code::not_found, "{} allocation {}: there is none with this id", attempt, to_text(id));
  return std::make_shared<AllocRow>(*row);
}

std::shared_ptr<const ResourceShape> State::shared_shape(RowNumber version, std::shared_ptr<const ResourceShape> shape) {
  if (!shape) return nullptr;
  ShapeKey key{.version = version, .hash = fnv1a(shape->bytes), .nth = 0};
  for (;; ++key.nth) {
    const auto* known = tables_.shapes.find(key);
    if (!known) break;
    if ((*known)->bytes == shape->bytes) return *known;
  }
  tables_.shapes.put(key, shape);
  return shape;
}

Result<void> State::place(const model::Allocation& alloc, RowNumber version,
                          std::shared_ptr<const model::AllocMetric> metrics) {
  const Uuid id = parse_uuid(alloc.id());
  const JobVersionRow* job = version_at(version);
  if (id.is_nil()) return fail(Code::invalid, "place allocation '{}': its id is not a UUID", alloc.id());
  if (!job) return fail(Code::invalid, "place allocation {}: its job version is not in the state", alloc.id());
  const AllocRow* old = Snapshot::alloc(id);
  if (old && old->job != job->job) return fail(Code::conflict, "place allocation {}: it belongs to another job", alloc.id());

  AllocRow row = from_message(alloc, job->spec.get());
  row.metrics = std::move(metrics);
  row.create_index = old ? old->create_index : tables_.index;
  row.create_time = old ? old->create_time : time_;
  row.alloc_modify_index = tables_.index;
  row.modify_index = tables_.index;
  row.modify_time = time_;
  if (old) {
    // The agent's side of it is the agent's to change, except that the server may give it up.
    if (row.client != ClientStatus::lost && row.client != ClientStatus::unknown) {
      row.client = old->client;
      row.client_text = old->client_text;
    }
    row.task_states = old->task_states;
    row.host_network = row.host_network || old->host_network;
    if (!row.metrics) row.metrics = old->metrics;
  }
  const auto before = old ? *tables_.allocs.find(id) : nullptr;
  insert_alloc(alloc, version, std::move(row));
  note_alloc(before.get(), *Snapshot::alloc(id));
  if (!before) link_previous(*Snapshot::alloc(id));
  return {};
}

namespace {

constexpr std::size_t uuid_bytes = 16;

Uuid uuid_at(const std::string& ids, std::size_t i) {
  Uuid id;
  std::memcpy(id.bytes.data(), ids.data() + i * uuid_bytes, uuid_bytes);
  return id;
}

}  // namespace

Result<void> State::place_together(const model::PlacedGroup& group, RowNumber version, std::shared_ptr<const model::AllocMetric> metrics) {
  const model::Allocation& common = group.common();
  const auto size = static_cast<std::size_t>(group.indexes_size());
  if (size == 0) return {};
  const JobVersionRow* job = version_at(version);
  if (!job) return fail(Code::invalid, "place allocations of group {}: their job version is not in the state", common.task_group());
  if (group.ids().size() != size * uuid_bytes || group.nodes().size() != size * uuid_bytes) {
    return fail(Code::invalid, "place allocations of group {}: ids or nodes are missing", common.task_group());
  }
  for (std::size_t i = 0; i < size; ++i) {
    if (alloc(uuid_at(group.ids(), i))) return fail(Code::conflict, "place allocation {}: it is there already", to_text(uuid_at(group.ids(), i)));
  }
  AllocRow shared = shared_part(common, *job, version);
  shared.metrics = std::move(metrics);
  use_names(shared, common, static_cast<std::uint32_t>(size));
  for (std::size_t i = 0; i < size; ++i) {
    auto row = std::make_shared<AllocRow>(shared);
    row->id = uuid_at(group.ids(), i);
    row->name_index = group.indexes(static_cast<int>(i));
    row->node = number_of(tables_.node_ids, uuid_at(group.nodes(), i));
    index_alloc(*row);
    count(nullptr, row.get());
    const Uuid id = row->id;
    tables_.allocs.put(id, std::move(row));
    changed(Topic::allocs, id);
  }
  summarize_new(shared, static_cast<std::int64_t>(size));
  tally_deployment(nullptr, shared, static_cast<std::int64_t>(size));
  refresh_job(shared.job, false);
  return {};
}

/// The row of any of a group's new allocations, without id, number and node.
AllocRow State::shared_part(const model::Allocation& common, const JobVersionRow& job, RowNumber version) {
  model::Allocation any = common;
  any.set_name(model::alloc_name(name_of(job).id, common.task_group(), 0));
  AllocRow row = from_message(any, job.spec.get());
  row.create_index = row.alloc_modify_index = row.modify_index = tables_.index;
  row.create_time = row.modify_time = time_;
  row.version = version;
  row.job = job.job;
  row.shape = shared_shape(version, shape_of(common));
  return row;
}

/// Counts so many rows more for the names and the version that they use.
void State::use_names(AllocRow& row, const model::Allocation& ids, std::uint32_t rows) {
  const auto use = [rows](Names<Uuid>& names, const Uuid& key) {
    if (key.is_nil()) return none;
    const RowNumber number = use_name(names, key);
    names.entries.edit(number)->uses += rows - 1;
    return number;
  };
  tables_.versions.edit(row.version)->allocs += rows;
  tables_.job_names.entries.edit(row.job)->uses += rows;
  row.eval = use(tables_.eval_ids, parse_uuid(ids.eval_id()));
  row.deployment = use(tables_.deployment_ids, parse_uuid(ids.deployment_id()));
}

void State::summarize_new(const AllocRow& row, std::int64_t rows) {
  const JobKey job = job_of(row);
  const SummaryRow* known = tables_.summaries.find(job);
  const std::string name = group_of(row);
  if (!known || known->create_index < version_of(row).create_index || !known->groups.contains(name)) return;
  SummaryRow& summary = *tables_.summaries.edit(job);
  GroupCounts& counts = summary.groups.find(name)->second;
  count_of(counts, row.client) += rows;
  if (row.client == ClientStatus::pending) counts.queued -= std::min(counts.queued, rows);
  summary.modify_index = tables_.index;
  changed(Topic::job_summaries, job);
}

void State::index_alloc(const AllocRow& row) {
  tables_.allocs_by_job.put(JobMember{row.job, row.id}, Nothing{});
  if (row.node) tables_.allocs_by_node.put(NodeMember{row.node, row.id}, Nothing{});
  if (row.eval) tables_.allocs_by_eval.put(EvalMember{row.eval, row.id}, Nothing{});
}

void State::insert_alloc(const model::Allocation& ids, RowNumber version, AllocRow row) {
  JobVersionRow& job = *tables_.versions.edit(version);
  ++job.allocs;
  row.version = version;
  row.job = job.job;
  ++tables_.job_names.entries.edit(row.job)->uses;
  row.node = number_of(tables_.node_ids, parse_uuid(ids.node_id()));
  row.eval = number_of(tables_.eval_ids, parse_uuid(ids.eval_id()));
  row.deployment = number_of(tables_.deployment_ids, parse_uuid(ids.deployment_id()));
  row.shape = shared_shape(version, shape_of(ids));

  const auto* found = tables_.allocs.find(row.id);
  const auto before = found ? *found : nullptr;
  if (before) unindex_alloc(*before);
  index_alloc(row);
  count(before.get(), &row);
  const Uuid id = row.id;
  tables_.allocs.put(id, std::make_shared<const AllocRow>(std::move(row)));
  if (before) release(*before);
}

void State::unindex_alloc(const AllocRow& row) {
  tables_.allocs_by_job.erase(JobMember{row.job, row.id});
  if (row.node) tables_.allocs_by_node.erase(NodeMember{row.node, row.id});
  if (row.eval) tables_.allocs_by_eval.erase(EvalMember{row.eval, row.id});
}

/// Gives up the names and the version that a row used. Its job's counts may go with the last of them.
void State::release(const AllocRow& row) {
  release_name(tables_.node_ids, row.node);
  release_name(tables_.eval_ids, row.eval);
  release_name(tables_.deployment_ids, row.deployment);
  --tables_.versions.edit(row.version)->allocs;
  drop_version_if_unused(row.version);
  release_job(row.job);
}

/// Keeps what is counted of allocations that have not ended: how many a job has, and what they take of their nodes.
void State::count(const AllocRow* before, const AllocRow* after) {
  const auto add = [this](const AllocRow& row, int by) {
    if (row.terminal()) return;
    if (!tables_.counts.find(row.job)) tables_.counts.put(row.job, JobCounts{});
    tables_.counts.edit(row.job)->live_allocs += static_cast<std::uint32_t>(by);
    if (!row.node) return;
    if (!tables_.node_use.find(row.node)) tables_.node_use.put(row.node, NodeUse{});
    NodeUse& use = *tables_.node_use.edit(row.node);
    use.allocs += static_cast<std::uint32_t>(by);
    if (row.shape) by > 0 ? use.taken += row.shape->capacity : use.taken -= row.shape->capacity;
    if (use.allocs == 0) tables_.node_use.erase(row.node);
  };
  if (before) add(*before, -1);
  if (after) add(*after, 1);
}

/// Puts a changed copy of a row in its place; its numbers are the same.
void State::exchange(std::shared_ptr<AllocRow> row) {
  const auto before = *tables_.allocs.find(row->id);
  row->modify_index = tables_.index;
  row->modify_time = time_;
  count(before.get(), row.get());
  tables_.allocs.put(row->id, row);
  note_alloc(before.get(), *row);
}

void State::note_alloc(const AllocRow* before, const AllocRow& row) {
  summarize(before, row);
  tally_deployment(before, row, 1);
  changed(Topic::allocs, row.id);
  // What has ended or is out of reach serves nobody, whether its agent could say so or not.
  if (row.client_terminal() || row.client == ClientStatus::unknown) drop_services(row.id);
  refresh_job(row.job, false);
}

void State::summarize(const AllocRow* before, const AllocRow& row) {
  if (before && before->client == row.client) return;
  const JobKey& job = job_of(row);
  const SummaryRow* known = tables_.summaries.find(job);
  const std::string name = group_of(row);
  if (!known || known->create_index < version_of(row).create_index || !known->groups.contains(name)) return;
  SummaryRow& summary = *tables_.summaries.edit(job);
  GroupCounts& counts = summary.groups.find(name)->second;
  ++count_of(counts, row.client);
  if (!before && row.client == ClientStatus::pending && counts.queued > 0) --counts.queued;
  // What an allocation has ended as stays counted, until another end replaces it.
  const bool ended = before && (before->client == ClientStatus::complete || before->client == ClientStatus::failed);
  if (before && !ended) --count_of(counts, before->client);
  summary.modify_index = tables_.index;
  changed(Topic::job_summaries, job);
}

void State::link_previous(const AllocRow& row) {
  const AllocRow* found = alloc(row.previous());
  if (!found) return;
  auto previous = std::make_shared<AllocRow>(*found);
  auto rest = std::make_shared<AllocRest>(found->rest ? *found->rest : AllocRest{});
  rest->next = row.id;
  previous->rest = std::move(rest);
  exchange(std::move(previous));
}

Result<void> State::stop(const model::Allocation& change) {
  const Uuid id = parse_uuid(change.id());
  DROVER_LET(auto row, copy_of(id, "stop"));
  const AllocRow* old = alloc(id);
  model::Allocation message = this->message(*old);
  if (!change.desired_status().empty()) message.set_desired_status(change.desired_status());
  if (!change.desired_description().empty()) message.set_desired_description(change.desired_description());
  if (!change.client_status().empty()) message.set_client_status(change.client_status());
  if (!change.client_description().empty()) message.set_client_description(change.client_description());
  if (!change.followup_eval_id().empty()) message.set_followup_eval_id(change.followup_eval_id());
  if (!change.preempted_by_allocation().empty()) message.set_preempted_by_allocation(change.preempted_by_allocation());
  if (change.alloc_states_size() > 0) *message.mutable_alloc_states() = change.alloc_states();
  if (change.has_reschedule_tracker()) *message.mutable_reschedule_tracker() = change.reschedule_tracker();

  const AllocRow next = from_message(message, version_of(*old).spec.get());
  row->desired = next.desired;
  row->desired_text = next.desired_text;
  row->client = next.client;
  row->client_text = next.client_text;
  row->rest = next.rest;
  row->alloc_modify_index = tables_.index;
  exchange(std::move(row));
  return {};
}

Result<void> State::update(const model::AllocStatus& status) {
  const Uuid id = parse_uuid(status.id());
  DROVER_LET(auto row, copy_of(id, "update"));
  const AllocRow* old = alloc(id);
  const bool says_it_ended = status.client_status() == "complete" || status.client_status() == "failed" || status.client_status() == "lost";
  // What has ended stays so: its room is given away. An agent that forgot the end, for its disk was full, is told of it again.
  if (old->client_terminal() && !says_it_ended) {
    if (row->alloc_modify_index >= row->modify_index) return {};  // it has been told, and is stopping it
    row->alloc_modify_index = tables_.index;
    exchange(std::move(row));
    return {};
  }
  if (status.has_services()) put_services(id, status.services());
  if (status.has_services() && status.client_status().empty()) return {};  // nothing else has changed
  model::Allocation message = this->message(*old);
  if (!status.client_status().empty()) message.set_client_status(status.client_status());
  message.set_client_description(status.client_description());
  if (status.task_states_size() > 0) *message.mutable_task_states() = status.task_states();
  if (status.has_network_status()) *message.mutable_network_status() = status.network_status();
  const auto& health = status.deployment_status();
  const auto& known = message.deployment_status();
  if (status.has_deployment_status() && (!known.has_healthy() || known.healthy() != health.healthy())) {
    const bool canary = message.deployment_status().canary();
    *message.mutable_deployment_status() = status.deployment_status();
    message.mutable_deployment_status()->set_canary(canary);
    message.mutable_deployment_status()->set_modify_index(tables_.index);
  }
  const AllocRow next = from_message(message, version_of(*old).spec.get());
  row->client = next.client;
  row->client_text = next.client_text;
  row->task_states = next.task_states;
  row->host_network = next.host_network;
  row->health = next.health;
  row->canary = next.canary;
  row->rest = next.rest;
  exchange(std::move(row));
  return {};
}

Result<void> State::wish(const Uuid& id, const Transitions& wishes) {
  DROVER_LET(auto row, copy_of(id, "mark"));
  const auto merge = [](Wish& into, Wish from) {
    if (from != Wish::unset) into = from;
  };
  merge(row->transitions.migrate, wishes.migrate);
  merge(row->transitions.reschedule, wishes.reschedule);
  merge(row->transitions.force_reschedule, wishes.force_reschedule);
  merge(row->transitions.no_shutdown_delay, wishes.no_shutdown_delay);
  merge(row->transitions.migrate_disable_placement, wishes.migrate_disable_placement);
  row->alloc_modify_index = tables_.index;
  exchange(std::move(row));
  return {};
}

bool State::erase_alloc(const Uuid& id) {
  const auto* found = tables_.allocs.find(id);
  if (!found) return false;
  const std::shared_ptr<const AllocRow> row = *found;
  tables_.allocs.erase(id);
  unindex_alloc(*row);
  count(row.get(), nullptr);
  drop_services(row->id);
  changed(Topic::allocs, id);
  refresh_job(row->job, false);
  release(*row);
  return true;
}

}  // namespace drover::server
