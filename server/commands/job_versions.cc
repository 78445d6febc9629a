#include <algorithm>

#include "model/proto/evaluation.pb.h"
#include "model/proto/job.pb.h"
#include "server/commands/apply.h"
#include "server/commands/command.h"
#include "server/proto/command.pb.h"

// Versions of a job: going back to one, giving it a name, marking it as stable.
namespace drover::server {
namespace {

Error no_version(const JobKey& job, std::uint64_t version) {
  return fail(Code::invalid, "job \"{}\" in namespace \"{}\" at version {} not found", job.id, job.ns, version);
}

/// The job as a user would have sent it: without what the server keeps of a version.
model::Job as_sent(const model::Job& spec) {
  model::Job job = spec;
  job.clear_version();
  job.clear_version_tag();
  job.clear_stable();
  job.clear_status();
  job.clear_status_description();
  job.clear_create_index();
  job.clear_modify_index();
  job.clear_job_modify_index();
  job.clear_submit_time();
  return job;
}

const JobVersionRow* tagged(const Snapshot& state, const JobKey& job, const std::string& name) {
  for (const JobVersionRow* row : state.versions(job.ns, job.id)) {
    if (row->tag && row->tag->name() == name) return row;
  }
  return nullptr;
}

Decision<VersionTagged> tagging(const TagVersion& request, const Deciding& deciding, std::uint64_t version) {
  Decision<VersionTagged> decision{.command = new_command(deciding), .answer = {}};
  auto& command = *decision.command->mutable_tag_version();
  command.set_namespace_(request.job.ns);
  command.set_job_id(request.job.id);
  command.set_version(version);
  decision.answer.index = deciding.index;
  return decision;
}

}  // namespace

Result<Decision<JobRegistered>> decide(const RevertJob& request, const Deciding& deciding) {
  const JobVersionRow* current = deciding.state.current(request.job.ns, request.job.id);
  if (!current) return fail(Code::invalid, "job \"{}\" not found", request.job.id);
  if (request.version == current->version) return fail(Code::invalid, "can't revert to current version");
  const JobVersionRow* wanted = deciding.state.job_version(request.job.ns, request.job.id, request.version);
  if (!wanted) return no_version(request.job, request.version);
  if (request.enforce_prior_version && *request.enforce_prior_version != current->version) {
    return fail(Code::invalid, "Current job has version {}; enforcing version {}", current->version, *request.enforce_prior_version);
  }
  RegisterJob again;
  again.job = std::make_shared<const model::Job>(as_sent(*wanted->spec));
  again.submission = wanted->submission;
  return decide(again, deciding);
}

Result<Decision<VersionTagged>> decide(const TagVersion& request, const Deciding& deciding) {
  const JobVersionRow* current = deciding.state.current(request.job.ns, request.job.id);
  const JobVersionRow* holder = tagged(deciding.state, request.job, request.name);
  if (request.remove) {
    if (!holder) return fail(Code::invalid, "tag \"{}\" not found on job \"{}\"", request.name, request.job.id);
    return tagging(request, deciding, holder->version);
  }
  const std::uint64_t version = request.version ? *request.version : current ? current->version : 0;
  if (!deciding.state.job_version(request.job.ns, request.job.id, version)) {
    return fail(Code::invalid, "job \"{}\" version {} not found", request.job.id, version);
  }
  if (holder && holder->version != version) {
    return fail(Code::invalid, "tag \"{}\" already exists on a different version of job \"{}\"", request.name, request.job.id);
  }
  Decision<VersionTagged> decision = tagging(request, deciding, version);
  auto& tag = *decision.command->mutable_tag_version()->mutable_tag();
  tag.set_name(request.name);
  tag.set_description(request.description);
  tag.set_tagged_time(to_ns(deciding.now));
  decision.answer.name = request.name;
  decision.answer.description = request.description;
  decision.answer.tagged_time = to_ns(deciding.now);
  return decision;
}

Result<void> apply(State& state, const proto::TagVersion& command) {
  const JobKey job{command.namespace_(), command.job_id()};
  return state.tag_version(job, command.version(), command.has_tag() ? std::make_shared<const model::JobVersionTag>(command.tag()) : nullptr);
}

Result<Decision<StabilitySet>> decide(const SetStability& request, const Deciding& deciding) {
  if (!deciding.state.job_version(request.job.ns, request.job.id, request.version)) return no_version(request.job, request.version);
  Decision<StabilitySet> decision{.command = new_command(deciding), .answer = StabilitySet{.index = deciding.index}};
  auto& command = *decision.command->mutable_set_stability();
  command.set_namespace_(request.job.ns);
  command.set_job_id(request.job.id);
  command.set_version(request.version);
  command.set_stable(request.stable);
  return decision;
}

Result<void> apply(State& state, const proto::SetStability& command) {
  return state.set_stability(JobKey{command.namespace_(), command.job_id()}, command.version(), command.stable());
}

}  // namespace drover::server
