#include <map>

#include "model/proto/evaluation.pb.h"
#include "model/proto/job.pb.h"
#include "model/proto/job_view.pb.h"
#include "model/spec.h"
#include "model/validate.h"
#include "server/commands/apply.h"
#include "server/commands/evals.h"
#include "server/commands/prepare_job.h"
#include "server/proto/command.pb.h"

// Registering a job: a new version where the specification has changed, and an evaluation in the same command.
namespace drover::server {
namespace {

constexpr std::size_t job_source_bytes_max = 1'000'000;

Result<void> check_index(const RegisterJob& request, const JobRow* existing) {
  if (!request.enforce_index) return {};
  const Index wanted = request.job_modify_index;
  if (wanted == 0 && existing) return fail(Code::conflict, "Enforcing job modify index 0: job already exists");
  if (wanted == 0) return {};
  if (!existing) return fail(Code::conflict, "Enforcing job modify index {}: job does not exist", wanted);
  if (existing->job_modify_index != wanted) {
    return fail(Code::conflict, "Enforcing job modify index {}: job exists with conflicting job modify index: {}", wanted,
                existing->job_modify_index);
  }
  return {};
}

void keep_counts(const model::Job& old, model::Job& job) {
  for (auto& group : *job.mutable_task_groups()) {
    for (const auto& known : old.task_groups()) {
      if (known.name() == group.name()) group.set_count(known.count());
    }
  }
}

void keep_resources(const model::Job& old, model::Job& job) {
  std::map<std::pair<std::string, std::string>, const model::Resources*> known;
  for (const auto& group : old.task_groups()) {
    for (const auto& task : group.tasks()) known.emplace(std::pair(group.name(), task.name()), &task.resources());
  }
  for (auto& group : *job.mutable_task_groups()) {
    for (auto& task : *group.mutable_tasks()) {
      const auto found = known.find(std::pair(group.name(), task.name()));
      if (found != known.end()) *task.mutable_resources() = *found->second;
    }
  }
}

/// What a job is cannot change from one version to the next.
Result<void> check_update(const model::Job& old, const model::Job& next) {
  const auto problems = model::problems_of_update(old, next);
  if (problems.empty()) return {};
  return Error{Code::invalid, model::Validation{.errors = problems, .warnings = {}}.text()};
}

/// The source of the job is kept beside it, unless it is too big.
void take_submission(const model::JobSubmission& submission, proto::RegisterJob& command, std::string& warnings) {
  std::size_t size = submission.source().size() + submission.variables().size();
  for (const auto& [name, value] : submission.variable_flags()) size += name.size() + value.size();
  if (size <= job_source_bytes_max) {
    *command.mutable_submission() = submission;
    return;
  }
  const std::string warning = text("job source size of {} bytes exceeds maximum of {} bytes and will be discarded", size, job_source_bytes_max);
  warnings += warnings.empty() ? "1 warning:\n\n* " + warning : "\n* " + warning;
}

}  // namespace

Result<Decision<JobRegistered>> decide(const RegisterJob& request, const Deciding& deciding) {
  model::Job job = *request.job;
  const JobRow* existing = deciding.state.job(job.namespace_(), job.id());
  const model::Job* old = existing ? deciding.state.current(*existing)->spec.get() : nullptr;
  // What is asked for makes a version, also where keeping counts or resources makes it the same as before.
  bool asks_for_more = false;
  if (old && (request.preserve_counts || request.preserve_resources)) {
    DROVER_LET(const PreparedJob asked, prepare_job(job, deciding.config, deciding.state));
    asks_for_more = !model::same_spec(*old, asked.job);
  }
  if (old && request.preserve_counts) keep_counts(*old, job);
  if (old && request.preserve_resources) keep_resources(*old, job);
  DROVER_LET(PreparedJob prepared, prepare_job(std::move(job), deciding.config, deciding.state));
  DROVER_TRY(check_index(request, existing));
  if (old) DROVER_TRY(check_update(*old, prepared.job));

  const bool changed = !old || asks_for_more || !model::same_spec(*old, prepared.job);
  const Index job_modify_index = changed ? deciding.index : existing->job_modify_index;
  Decision<JobRegistered> decision{.command = new_command(deciding), .answer = {}};
  decision.answer = JobRegistered{.job_modify_index = job_modify_index, .warnings = prepared.warnings, .index = deciding.index};
  auto& command = *decision.command->mutable_register_job();
  command.set_namespace_(prepared.job.namespace_());
  command.set_job_id(prepared.job.id());
  command.set_versions_max(static_cast<std::uint32_t>(deciding.config.job_versions_max));
  if (!model::is_periodic(prepared.job) && !model::is_parameterized(prepared.job)) {
    auto& eval = *command.mutable_eval();
    eval = job_eval(deciding, prepared.job, "job-register", request.eval_priority);
    eval.set_job_modify_index(job_modify_index);
    decision.answer.eval_id = eval.id();
    decision.answer.eval_create_index = deciding.index;
  }
  if (changed) {
    prepared.job.set_submit_time(to_ns(deciding.now));
    *command.mutable_job() = std::move(prepared.job);
    if (request.submission) take_submission(*request.submission, command, decision.answer.warnings);
  }
  return decision;
}

Result<void> apply(State& state, const proto::RegisterJob& command) {
  if (command.has_job()) {
    state.put_job(command.job(), command.versions_max(),
                  command.has_submission() ? std::make_shared<const model::JobSubmission>(command.submission()) : nullptr);
  } else if (!state.job(command.namespace_(), command.job_id())) {
    return fail(Code::not_found, "register job {} unchanged: there is no such job", command.job_id());
  }
  if (command.has_launch()) state.note_launch(JobKey{command.namespace_(), command.launch().parent_id()}, command.launch().at());
  if (command.has_eval()) state.put_eval(command.eval());
  return {};
}

}  // namespace drover::server
