#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string_view>
#include <vector>

#include "model/fwd.h"
#include "server/state/alloc/row.h"
#include "server/state/job/row.h"
#include "server/state/service.h"
#include "server/state/table.h"
#include "server/state/types.h"

namespace drover::model {
class AllocServices;
class JobSummary;
class ServiceRegistration;
class SchedulerConfiguration;
}

namespace drover::server {

/// Tables of the state: copy-on-write, so that a copy costs a few pointers whatever the size.
///
/// Ids that rows refer to are replaced by numbers; `Names` keeps how many rows use each and forgets unused ones.
template <class Key>
struct Names {
  struct Entry {
    Key key;
    std::uint32_t uses = 0;
  };
  Table<Key, RowNumber> numbers;
  Table<RowNumber, Entry> entries;
  RowNumber last = 0;
};

struct JobMember {
  RowNumber job = 0;
  Uuid id;
  friend auto operator<=>(const JobMember&, const JobMember&) = default;
};
using Nothing = cow::Nothing;
using NodeMember = JobMember;  ///< (node number, allocation)
using EvalMember = JobMember;  ///< (evaluation number, allocation)

struct ShapeKey {
  RowNumber version = 0;
  std::uint64_t hash = 0;
  std::uint32_t nth = 0;
  friend auto operator<=>(const ShapeKey&, const ShapeKey&) = default;
};


/// What decides a job's status, by its number.
struct JobCounts {
  std::uint32_t live_allocs = 0;       ///< not terminal
  std::uint32_t live_evals = 0;        ///< pending or blocked
  std::uint32_t evals = 0;
  std::uint32_t live_deployments = 0;
};

/// What allocations that have not ended take of a node.
struct NodeUse {
  std::uint32_t allocs = 0;
  model::Capacity taken;
};

struct Tables {
  Index index = 0;  ///< of the last command applied
  std::array<Index, topic_count> topic_index{};

  Names<JobKey> job_names;
  Names<Uuid> node_ids;
  Names<Uuid> eval_ids;
  Names<Uuid> deployment_ids;

  Table<JobKey, JobRow> jobs;
  Table<RowNumber, JobVersionRow> versions;
  RowNumber last_version = 0;
  Table<RowNumber, JobCounts> counts;
  Table<RowNumber, NodeUse> node_use;  ///< by node number
  Table<JobKey, SummaryRow> summaries;
  Table<Uuid, std::shared_ptr<const model::Node>> nodes;
  Table<Uuid, std::shared_ptr<const model::Evaluation>> evals;
  Table<JobMember, Nothing> evals_by_job;
  Table<Uuid, std::shared_ptr<const model::Deployment>> deployments;
  Table<JobMember, Nothing> deployments_by_job;
  Table<Uuid, std::shared_ptr<const AllocRow>> allocs;
  Table<JobMember, Nothing> allocs_by_job;
  Table<NodeMember, Nothing> allocs_by_node;
  Table<EvalMember, Nothing> allocs_by_eval;
  Table<ShapeKey, std::shared_ptr<const ResourceShape>> shapes;
  Table<ServiceKey, std::shared_ptr<const model::ServiceRegistration>> services;
  Table<AllocService, Nothing> services_by_alloc;
  std::shared_ptr<const model::SchedulerConfiguration> scheduler_configuration;  ///< null: never set
  Table<JobKey, Index> service_index;  ///< by (namespace, name): when what its readers see has changed last
};

/// The state of the cluster at one index: immutable, cheap to copy, readable from any thread.
///
/// References and pointers live as long as this snapshot (or a copy of it). Everything is visited in the order of
/// keys: (namespace, id) for jobs, ids for the rest. A visitor returns false to stop.
class Snapshot {
 public:
  template <class T>
  using Visit = std::function<bool(const T&)>;

  Snapshot() = default;

  /// The last command in this state, and the last one that changed a table.
  Index index() const { return tables_.index; }
  Index index(Topic topic) const { return tables_.topic_index[static_cast<std::size_t>(topic)]; }

  // Jobs. `current` is the newest version; a purged job has none, though allocations may still show its versions.
  const JobRow* job(std::string_view ns, std::string_view id) const;
  const JobVersionRow* current(const JobRow& job) const;
  const JobVersionRow* current(std::string_view ns, std::string_view id) const;
  const JobVersionRow* job_version(std::string_view ns, std::string_view id, std::uint64_t version) const;
  const JobVersionRow* version_at(RowNumber version) const;
  const JobKey& name_of(const JobRow& job) const;
  const JobKey& name_of(const JobVersionRow& version) const;
  /// The number of the current version; 0 for an unknown job.
  RowNumber current_number(const JobKey& job) const;
  std::vector<const JobVersionRow*> versions(std::string_view ns, std::string_view id) const;  ///< newest first
  /// From `from` on (inclusive); all namespaces: look at name_of().
  void each_job(const JobKey& from, const Visit<JobRow>& visit) const;
  /// The jobs that a periodic or parameterized job has launched: those whose ParentID is its id.
  void each_child(std::string_view ns, std::string_view id, const Visit<JobVersionRow>& visit) const;
  const SummaryRow* summary(std::string_view ns, std::string_view id) const;
  /// The summary as a message; nullopt for an unknown job.
  std::optional<model::JobSummary> summary_message(std::string_view ns, std::string_view id) const;

  // Allocations.
  const AllocRow* alloc(const Uuid& id) const;
  void each_alloc(const Uuid& from, const Visit<AllocRow>& visit) const;
  void each_alloc_of_job(std::string_view ns, std::string_view id, const Visit<AllocRow>& visit) const;
  void each_alloc_on_node(const Uuid& node, const Visit<AllocRow>& visit) const;
  void each_alloc_of_eval(const Uuid& eval, const Visit<AllocRow>& visit) const;

  /// What the allocations on a node that have not ended take of it.
  NodeUse use_of(const Uuid& node) const;

  // What a row of this snapshot means.
  Uuid node_of(const AllocRow& row) const;
  Uuid eval_of(const AllocRow& row) const;
  Uuid deployment_of(const AllocRow& row) const;
  const JobKey& job_of(const AllocRow& row) const;
  const JobVersionRow& version_of(const AllocRow& row) const;
  std::string group_of(const AllocRow& row) const;
  std::string name_of(const AllocRow& row) const;        ///< job.group[index]
  /// Whole, but without `job`: that is to_message(version_of(row)).
  model::Allocation message(const AllocRow& row) const;
  /// What lists show; task states and resources only when asked for.
  model::AllocListStub stub(const AllocRow& row, bool with_task_states, bool with_resources) const;

  // Nodes.
  const model::Node* node(const Uuid& id) const;
  std::shared_ptr<const model::Node> shared_node(const Uuid& id) const;
  void each_node(const Uuid& from, const Visit<model::Node>& visit) const;
  std::size_t node_count() const { return tables_.nodes.size(); }

  // Evaluations.
  const model::Evaluation* eval(const Uuid& id) const;
  std::shared_ptr<const model::Evaluation> shared_eval(const Uuid& id) const;
  void each_eval(const Uuid& from, const Visit<model::Evaluation>& visit) const;
  void each_eval_of_job(std::string_view ns, std::string_view id, const Visit<model::Evaluation>& visit) const;

  // Deployments.
  std::size_t eval_count() const { return tables_.evals.size(); }
  std::size_t alloc_count() const { return tables_.allocs.size(); }
  const model::Deployment* deployment(const Uuid& id) const;
  void each_deployment(const Uuid& from, const Visit<model::Deployment>& visit) const;
  void each_deployment_of_job(std::string_view ns, std::string_view id, const Visit<model::Deployment>& visit) const;

  /// As an operator has set it; null while nobody has: see server/commands/scheduler_config.h.
  const model::SchedulerConfiguration* scheduler_configuration() const { return tables_.scheduler_configuration.get(); }

  // Services. Instances that are not ready are among them.
  void each_service(const ServiceKey& from, const Visit<model::ServiceRegistration>& visit) const;
  void each_instance(std::string_view ns, std::string_view name, const Visit<model::ServiceRegistration>& visit) const;
  void each_service_of_alloc(const Uuid& alloc, const Visit<model::ServiceRegistration>& visit) const;
  const model::ServiceRegistration* service(const ServiceKey& key) const;
  /// When the ready instances of a service have changed last; of one that has none, when any service has.
  Index service_index(std::string_view ns, std::string_view name) const;
  /// Whether these are not the registrations of the allocation as they are known.
  bool says_of_services(const Uuid& alloc, const model::AllocServices& services) const;

  /// For the state that writes, its serialisation and its tests; nothing else looks inside.
  const Tables& tables() const { return tables_; }

 protected:
  Tables tables_;
};

using SnapshotPtr = std::shared_ptr<const Snapshot>;

/// The ids that start with `prefix`: [first, last]. nullopt when the prefix is no beginning of a UUID text.
struct IdRange {
  Uuid first;
  Uuid last;
  bool contains(const Uuid& id) const { return first <= id && id <= last; }
};
std::optional<IdRange> ids_with_prefix(std::string_view prefix);

}  // namespace drover::server
