#pragma once

#include <memory>

#include <drover/result.h>

#include "model/fwd.h"
#include "server/state/snapshot.h"

namespace drover::model {
class PlacedGroup;
}

namespace drover::server {

/// The state that commands change: a snapshot plus the ways to change it.
///
/// Every change keeps what is derived from it in step (indexes, counts, job status and summary, numbers of names) and
/// notes its effect. Nothing here reads a clock or draws a random number, so the same changes give the same state. A
/// copy is cheap; a change after a copy does not touch the copy. On the loop only.
class State : public Snapshot {
 public:
  State() = default;
  explicit State(const Snapshot& from) : Snapshot(from) {}

  /// What readers may have: a copy that later changes do not reach.
  SnapshotPtr snapshot() const { return std::make_shared<const Snapshot>(*this); }

  /// Starts the command with this index; changes are stamped with it and `time` (ns). Effects are taken command by command.
  void begin(Index index, std::int64_t time, Cause cause = Cause::other);
  /// Of the command that was begun, ns since 1970.
  std::int64_t time() const { return time_; }
  /// What has changed since the last call.
  Effects take_effects();

  // Jobs.

  /// Makes `spec` the job's current version: version, create and modify indexes and status are set here. Of older
  /// versions beyond `versions_max` the oldest is no longer listed, unless it is tagged or the newest stable one.
  void put_job(model::Job spec, std::size_t versions_max, std::shared_ptr<const model::JobSubmission> submission = nullptr);
  /// Null takes the tag away.
  Result<void> tag_version(const JobKey& job, std::uint64_t version, std::shared_ptr<const model::JobVersionTag> tag);
  Result<void> set_stability(const JobKey& job, std::uint64_t version, bool stable);
  Result<void> note_scaling(const JobKey& job, const std::string& group, model::ScalingEvent event);
  /// The launches of a periodic job up to `at` (ns since 1970) are dealt with.
  void note_launch(const JobKey& job, std::int64_t at);
  /// Forgets the job, its list of versions and its summary; allocations keep showing theirs.
  bool erase_job(const JobKey& key);

  // Evaluations.

  /// Inserts or replaces; sets create and modify index and time.
  void put_eval(model::Evaluation eval);
  bool erase_eval(const Uuid& id);

  // Allocations.

  /// A new allocation, or the new form of one that exists (its client side stays). `version` is the job version it
  /// belongs to; refused when that, its evaluation's id or its own is none.
  Result<void> place(const model::Allocation& alloc, RowNumber version, std::shared_ptr<const model::AllocMetric> metrics);
  /// New allocations that differ only in id, number and node; none of them may be there yet.
  Result<void> place_together(const model::PlacedGroup& group, RowNumber version, std::shared_ptr<const model::AllocMetric> metrics);
  /// Sets desired status and description, and the client status and follow-up evaluation where given.
  Result<void> stop(const model::Allocation& change);
  /// What the agent says of it; without a client status, of its services only.
  Result<void> update(const model::AllocStatus& status);
  /// Adds wishes: those set in `wishes` replace the present ones.
  Result<void> wish(const Uuid& id, const Transitions& wishes);
  bool erase_alloc(const Uuid& id);

  // Nodes and deployments: whole messages. Create index is kept, modify index set.
  void put_node(model::Node node);
  bool erase_node(const Uuid& id);
  void put_deployment(model::Deployment deployment);
  /// The same of a deployment that a scheduler has worked on: what has been counted since stays.
  void plan_deployment(model::Deployment deployment);
  /// A deployment that becomes "successful" makes its job version a stable one.
  Result<void> set_deployment_status(const Uuid& id, const std::string& status, const std::string& description);
  /// The canaries of these groups are ordinary allocations from now on.
  Result<void> promote_deployment(const Uuid& id, const std::vector<std::string>& groups);
  Result<void> set_health(const Uuid& alloc, bool healthy);
  bool erase_deployment(const Uuid& id);

  // Services.

  /// Makes these the registrations of an allocation. One that becomes ready counts as created now.
  void put_services(const Uuid& alloc, const model::AllocServices& services);
  bool erase_service(const ServiceKey& key);

  /// Sets create and modify index. What nobody had set counts as made by the first command.
  void put_scheduler_configuration(model::SchedulerConfiguration configuration);

  // For restoring what was serialised (server/state/serialize.h): rows and what is derived from them, without stamps.
  Tables& restoring() { return tables_; }
  RowNumber insert_eval(std::shared_ptr<const model::Evaluation> eval);
  RowNumber insert_deployment(std::shared_ptr<const model::Deployment> deployment);
  void insert_service(std::shared_ptr<const model::ServiceRegistration> service);
  /// `ids` names node, evaluation and deployment, and says what was given.
  void insert_alloc(const model::Allocation& ids, RowNumber version, AllocRow row);
  RowNumber number_of(Names<JobKey>& names, const JobKey& key);
  RowNumber number_of(Names<Uuid>& names, const Uuid& key);

 private:
  void changed(Topic topic, const Uuid& id);
  void changed(Topic topic, const JobKey& job);

  Result<std::shared_ptr<AllocRow>> copy_of(const Uuid& id, std::string_view attempt) const;
  void exchange(std::shared_ptr<AllocRow> row);
  void note_alloc(const AllocRow* before, const AllocRow& row);
  AllocRow shared_part(const model::Allocation& common, const JobVersionRow& job, RowNumber version);
  void use_names(AllocRow& row, const model::Allocation& ids, std::uint32_t rows);
  void index_alloc(const AllocRow& row);
  void unindex_alloc(const AllocRow& row);
  void summarize_new(const AllocRow& row, std::int64_t rows);
  void tally_deployment(const AllocRow* before, const AllocRow& row, std::int64_t rows);
  void unset_canary(const Uuid& id);
  void release(const AllocRow& row);
  void link_previous(const AllocRow& row);
  void put_service(model::ServiceRegistration service);
  void drop_services(const Uuid& alloc);
  void changed_service(const ServiceKey& key, bool seen);
  std::shared_ptr<const ResourceShape> shared_shape(RowNumber version, std::shared_ptr<const ResourceShape> shape);

  Result<RowNumber> listed_version(const JobKey& job, std::uint64_t version) const;
  std::vector<RowNumber> drop_oldest(JobRow& row, std::size_t versions_max) const;
  void unlist(RowNumber version);
  void drop_version_if_unused(RowNumber version);
  void touch_parent(const model::Job& child);
  void release_job(RowNumber job);
  void refresh_job(RowNumber job, bool evals_deleted);
  void summarize(const AllocRow* before, const AllocRow& row);
  void cancel_blocked(const model::Evaluation& successful);
  void summarize_queued(const model::Evaluation& eval);
  JobCounts counts_of(RowNumber job) const;
  void count(const AllocRow* before, const AllocRow* after);

  Effects effects_;
  JobKey last_summary_;  ///< noted last since effects were taken
  std::int64_t time_ = 0;
  Cause cause_ = Cause::other;
};

}  // namespace drover::server
