#include "server/state/serialize.h"

#include <algorithm>
#include <map>
#include <vector>

#include <google/protobuf/io/coded_stream.h>

#include "model/proto/agent_view.pb.h"
#include "model/proto/alloc.pb.h"
#include "model/proto/job_view.pb.h"
#include "model/proto/registration.pb.h"
#include "server/proto/snapshot.pb.h"
#include "server/state/bytes.h"
#include "server/state/names.h"

namespace drover::server {
namespace {

/// Records are as long as their four first bytes (little-endian) say.
class Writer {
 public:
  explicit Writer(const std::function<Result<void>(std::string_view)>& write) : write_(write) {}

  Result<void> put(const proto::SnapshotRecord& record) {
    const std::string bytes = to_bytes(record);
    const auto size = static_cast<std::uint32_t>(bytes.size());
    std::string framed;
    for (int shift = 0; shift < 32; shift += 8) framed.push_back(static_cast<char>(size >> shift & 0xff));
    framed += bytes;
    ++records_;
    return write_(framed);
  }

  std::uint64_t records() const { return records_; }

 private:
  const std::function<Result<void>(std::string_view)>& write_;
  std::uint64_t records_ = 0;
};

/// Job versions in an order that does not depend on their numbers.
std::vector<RowNumber> sorted_versions(const Snapshot& state) {
  std::vector<RowNumber> numbers;
  state.tables().versions.each(1, [&numbers](RowNumber number, const JobVersionRow&) { return numbers.push_back(number), true; });
  std::sort(numbers.begin(), numbers.end(), [&state](RowNumber a, RowNumber b) {
    const JobVersionRow& left = *state.version_at(a);
    const JobVersionRow& right = *state.version_at(b);
    return std::tie(state.name_of(left), left.create_index, left.version) <
           std::tie(state.name_of(right), right.create_index, right.version);
  });
  return numbers;
}

using Ordinals = std::map<RowNumber, std::uint32_t>;

void write_scaling(const ScalingRow& row, proto::JobVersions& job) {
  job.set_scaling_index(row.modify_index);
  for (const auto& [name, events] : row.groups) {
    auto& group = *job.add_scaling();
    group.set_group(name);
    for (const auto& event : events) *group.add_events() = *event;
  }
}

Result<void> write_jobs(const Snapshot& state, Writer& out, Ordinals& ordinals) {
  for (const RowNumber number : sorted_versions(state)) {
    const JobVersionRow& row = *state.version_at(number);
    proto::SnapshotRecord record;
    auto& version = *record.mutable_version();
    *version.mutable_spec() = *row.spec;
    version.set_status(std::string(to_text(row.status)));
    version.set_modify_index(row.modify_index);
    version.set_stable(row.stable);
    version.set_listed(row.listed);
    if (row.tag) *version.mutable_tag() = *row.tag;
    if (row.submission) *version.mutable_submission() = *row.submission;
    const auto ordinal = static_cast<std::uint32_t>(ordinals.size() + 1);
    ordinals.emplace(number, ordinal);
    DROVER_TRY(out.put(record));
  }
  Result<void> result;
  state.tables().jobs.each(JobKey{}, [&](const JobKey& key, const JobRow& row) {
    proto::SnapshotRecord record;
    auto& job = *record.mutable_job();
    job.set_namespace_(key.ns);
    job.set_id(key.id);
    for (const RowNumber number : row.versions) job.add_versions(ordinals.at(number));
    job.set_create_index(row.create_index);
    job.set_job_modify_index(row.job_modify_index);
    job.set_submit_time(row.submit_time);
    job.set_last_launch(row.last_launch);
    if (row.scaling) write_scaling(*row.scaling, job);
    result = out.put(record);
    return result.ok();
  });
  DROVER_TRY(result);
  state.tables().summaries.each(JobKey{}, [&](const JobKey& key, const SummaryRow&) {
    proto::SnapshotRecord record;
    *record.mutable_summary() = *state.summary_message(key.ns, key.id);
    result = out.put(record);
    return result.ok();
  });
  return result;
}

Result<void> write_messages(const Snapshot& state, Writer& out) {
  Result<void> result;
  proto::SnapshotRecord record;
  state.each_eval({}, [&](const model::Evaluation& eval) {
    *record.mutable_eval() = eval;
    result = out.put(record);
    return result.ok();
  });
  DROVER_TRY(result);
  state.each_node({}, [&](const model::Node& node) {
    *record.mutable_node() = node;
    result = out.put(record);
    return result.ok();
  });
  DROVER_TRY(result);
  state.each_deployment({}, [&](const model::Deployment& deployment) {
    *record.mutable_deployment() = deployment;
    result = out.put(record);
    return result.ok();
  });
  return result;
}

Result<void> write_allocs(const Snapshot& state, Writer& out, const Ordinals& versions) {
  std::map<const model::AllocMetric*, std::uint32_t> metrics;
  Result<void> result;
  state.each_alloc({}, [&](const AllocRow& row) {
    proto::SnapshotRecord record;
    if (row.metrics && !metrics.contains(row.metrics.get())) {
      *record.mutable_metric() = *row.metrics;
      metrics.emplace(row.metrics.get(), static_cast<std::uint32_t>(metrics.size() + 1));
      result = out.put(record);
      if (!result) return false;
    }
    auto& stored = *record.mutable_alloc();
    *stored.mutable_alloc() = state.message(row);
    stored.mutable_alloc()->clear_metrics();
    stored.mutable_alloc()->clear_node_name();
    stored.set_version(versions.at(row.version));
    stored.set_metric(row.metrics ? metrics.at(row.metrics.get()) : 0);
    result = out.put(record);
    return result.ok();
  });
  return result;
}

Result<void> write_scheduler_configuration(const Snapshot& state, Writer& out) {
  if (!state.scheduler_configuration()) return {};
  proto::SnapshotRecord record;
  *record.mutable_scheduler_configuration() = *state.scheduler_configuration();
  return out.put(record);
}

Result<void> write_services(const Snapshot& state, Writer& out) {
  Result<void> result;
  state.each_service({}, [&](const model::ServiceRegistration& service) {
    proto::SnapshotRecord record;
    *record.mutable_service() = service;
    result = out.put(record);
    return result.ok();
  });
  DROVER_TRY(result);
  state.tables().service_index.each(JobKey{}, [&](const JobKey& name, Index index) {
    proto::SnapshotRecord record;
    record.mutable_service_index()->set_namespace_(name.ns);
    record.mutable_service_index()->set_name(name.id);
    record.mutable_service_index()->set_index(index);
    result = out.put(record);
    return result.ok();
  });
  return result;
}

/// Puts records back into a state, in the order in which they were written.
class Restorer {
 public:
  Result<void> take(proto::SnapshotRecord record) {
    ++records_;
    using Kind = proto::SnapshotRecord;
    if (records_ == 1 && record.kind_case() != Kind::kHead) return fail(Code::invalid, "it does not begin with a head");
    switch (record.kind_case()) {
      case Kind::kHead: return take_head(record.head());
      case Kind::kVersion: return take_version(*record.mutable_version());
      case Kind::kJob: return take_job(record.job());
      case Kind::kSummary: return take_summary(record.summary());
      case Kind::kEval:
        state_.insert_eval(std::make_shared<const model::Evaluation>(std::move(*record.mutable_eval())));
        return {};
      case Kind::kNode: return take_node(std::move(*record.mutable_node()));
      case Kind::kDeployment:
        state_.insert_deployment(std::make_shared<const model::Deployment>(std::move(*record.mutable_deployment())));
        return {};
      case Kind::kMetric:
        metrics_.push_back(std::make_shared<const model::AllocMetric>(std::move(*record.mutable_metric())));
        return {};
      case Kind::kAlloc: return take_alloc(record.alloc());
      case Kind::kService:
        state_.insert_service(std::make_shared<const model::ServiceRegistration>(std::move(*record.mutable_service())));
        return {};
      case Kind::kServiceIndex:
        state_.restoring().service_index.put(JobKey{record.service_index().namespace_(), record.service_index().name()},
                                             record.service_index().index());
        return {};
      case Kind::kSchedulerConfiguration:
        state_.restoring().scheduler_configuration =
            std::make_shared<const model::SchedulerConfiguration>(std::move(*record.mutable_scheduler_configuration()));
        return {};
      case Kind::kEnd: return take_end(record.end());
      case Kind::KIND_NOT_SET: break;
    }
    return fail(Code::invalid, "a record of an unknown kind");
  }

  Result<State> finish() {
    if (!ended_) return fail(Code::invalid, "it is cut short");
    return std::move(state_);
  }

 private:
  Result<void> take_head(const proto::SnapshotHead& head) {
    if (head.format() != snapshot_format) return fail(Code::unsupported, "its format is {}, this server reads {}", head.format(), snapshot_format);
    auto& tables = state_.restoring();
    tables.index = head.index();
    const auto known = std::min<std::size_t>(topic_count, static_cast<std::size_t>(head.topic_indexes_size()));
    for (std::size_t i = 0; i < known; ++i) tables.topic_index[i] = head.topic_indexes(static_cast<int>(i));
    return {};
  }

  Result<void> take_version(proto::JobVersion& stored) {
    auto& tables = state_.restoring();
    JobVersionRow row{
        .job = use_name(tables.job_names, JobKey{stored.spec().namespace_(), stored.spec().id()}),
        .version = stored.spec().version(),
        .create_index = stored.spec().create_index(),
        .status = stored.status() == "running" ? JobStatus::running
                  : stored.status() == "dead"  ? JobStatus::dead
                                               : JobStatus::pending,
        .modify_index = stored.modify_index(),
        .stable = stored.stable(),
        .listed = stored.listed(),
    };
    row.spec = std::make_shared<const model::Job>(std::move(*stored.mutable_spec()));
    if (stored.has_tag()) row.tag = std::make_shared<const model::JobVersionTag>(std::move(*stored.mutable_tag()));
    if (stored.has_submission()) row.submission = std::make_shared<const model::JobSubmission>(std::move(*stored.mutable_submission()));
    tables.versions.put(++tables.last_version, row);
    return {};
  }

  Result<void> take_job(const proto::JobVersions& stored) {
    auto& tables = state_.restoring();
    const JobKey key{stored.namespace_(), stored.id()};
    JobRow row{.name = use_name(tables.job_names, key),
               .create_index = stored.create_index(),
               .job_modify_index = stored.job_modify_index(),
               .submit_time = stored.submit_time(),
               .last_launch = stored.last_launch(),
               .scaling = read_scaling(stored)};
    for (const std::uint32_t number : stored.versions()) {
      if (!state_.version_at(number)) return fail(Code::invalid, "job {} has a version that is not there", key.id);
      row.versions.push_back(number);
    }
    if (row.versions.empty()) return fail(Code::invalid, "job {} has no version", key.id);
    tables.jobs.put(key, std::move(row));
    return {};
  }

  static std::shared_ptr<const ScalingRow> read_scaling(const proto::JobVersions& stored) {
    if (stored.scaling_index() == 0) return nullptr;
    auto row = std::make_shared<ScalingRow>();
    row->modify_index = stored.scaling_index();
    for (const auto& group : stored.scaling()) {
      auto& events = row->groups[group.group()];
      for (const auto& event : group.events()) events.push_back(std::make_shared<const model::ScalingEvent>(event));
    }
    return row;
  }

  Result<void> take_summary(const model::JobSummary& stored) {
    SummaryRow row{.groups = {}, .create_index = stored.create_index(), .modify_index = stored.modify_index()};
    for (const auto& [group, counts] : stored.summary()) {
      row.groups[group] = GroupCounts{counts.queued(), counts.complete(), counts.failed(), counts.running(),
                                      counts.starting(), counts.lost(), counts.unknown()};
    }
    state_.restoring().summaries.put(JobKey{stored.namespace_(), stored.job_id()}, std::move(row));
    return {};
  }

  Result<void> take_node(model::Node node) {
    auto& tables = state_.restoring();
    const Uuid id = parse_uuid(node.id());
    use_name(tables.node_ids, id);
    tables.nodes.put(id, std::make_shared<const model::Node>(std::move(node)));
    return {};
  }

  Result<void> take_alloc(const proto::StoredAlloc& stored) {
    const JobVersionRow* version = state_.version_at(stored.version());
    if (!version || stored.metric() > metrics_.size()) return fail(Code::invalid, "allocation {} refers to what is not there", stored.alloc().id());
    AllocRow row = from_message(stored.alloc(), version->spec.get());
    if (stored.metric() > 0) row.metrics = metrics_[stored.metric() - 1];
    state_.insert_alloc(stored.alloc(), stored.version(), std::move(row));
    return {};
  }

  Result<void> take_end(const proto::SnapshotEnd& end) {
    if (end.records() != records_ - 1) return fail(Code::invalid, "records are missing");
    ended_ = true;
    return {};
  }

  State state_;
  std::vector<std::shared_ptr<const model::AllocMetric>> metrics_;
  std::uint64_t records_ = 0;
  bool ended_ = false;
};

}  // namespace

Result<void> serialize(const Snapshot& state, const std::function<Result<void>(std::string_view)>& write) {
  Writer out(write);
  proto::SnapshotRecord head;
  head.mutable_head()->set_format(snapshot_format);
  head.mutable_head()->set_index(state.index());
  for (const Index index : state.tables().topic_index) head.mutable_head()->add_topic_indexes(index);
  DROVER_TRY(out.put(head));

  Ordinals versions;
  DROVER_TRY(write_jobs(state, out, versions));
  DROVER_TRY(write_messages(state, out));
  DROVER_TRY(write_allocs(state, out, versions));
  DROVER_TRY(write_services(state, out));
  DROVER_TRY(write_scheduler_configuration(state, out));

  proto::SnapshotRecord end;
  end.mutable_end()->set_records(out.records());
  return out.put(end);
}

std::string serialize(const Snapshot& state) {
  std::string bytes;
  const Result<void> written = serialize(state, [&bytes](std::string_view piece) -> Result<void> {
    bytes += piece;
    return {};
  });
  DROVER_ASSERT(written.ok());
  return bytes;
}

Result<State> restore(std::string_view bytes) {
  Restorer restorer;
  std::uint64_t number = 0;
  while (!bytes.empty()) {
    ++number;
    if (bytes.size() < 4) return fail(Code::invalid, "restore the state: record {} is cut short", number);
    std::size_t size = 0;
    for (std::size_t i = 0; i < 4; ++i) size |= static_cast<std::size_t>(static_cast<std::uint8_t>(bytes[i])) << (8 * i);
    bytes.remove_prefix(4);
    proto::SnapshotRecord record;
    if (size > bytes.size() || !record.ParseFromArray(bytes.data(), static_cast<int>(size))) {
      return fail(Code::invalid, "restore the state: record {} is damaged", number);
    }
    bytes.remove_prefix(size);
    const Result<void> taken = restorer.take(std::move(record));
    if (!taken) return taken.error().within(text("restore the state: record {}", number));
  }
  return restorer.finish();
}

}  // namespace drover::server
