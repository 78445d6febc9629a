#include <algorithm>

#include "model/proto/deployment.pb.h"
#include "model/proto/evaluation.pb.h"
#include "model/proto/job.pb.h"
#include "model/spec.h"
#include "server/commands/apply.h"
#include "server/commands/evals.h"
#include "server/proto/command.pb.h"

// Changing the count of a group, or only noting what a scaler thinks of it.
namespace drover::server {
namespace {

Result<void> check_request(const ScaleJob& request) {
  if (request.group.empty()) return fail(Code::invalid, "missing task group name for scaling action");
  if (!request.count) return {};
  if (request.error) return fail(Code::invalid, "scaling action should not contain count if error is true");
  if (*request.count < 0) return fail(Code::invalid, "scaling action count can't be negative");
  return {};
}

Result<void> check_bounds(std::int64_t count, const model::Job& job, const model::TaskGroup& group) {
  if (job.type() == "system" && count > 1) return fail(Code::invalid, "jobs of type \"system\" can only be scaled between 0 and 1");
  if (!group.has_scaling()) return {};
  const auto& scaling = group.scaling();
  if (count < scaling.min()) return fail(Code::invalid, "group count was less than scaling policy minimum: {} < {}", count, scaling.min());
  if (count > scaling.max()) return fail(Code::invalid, "group count was greater than scaling policy maximum: {} > {}", count, scaling.max());
  return {};
}

Result<void> check_total(const model::Job& job, std::int64_t count_max) {
  std::int64_t total = 0;
  for (const auto& group : job.task_groups()) total += std::clamp<std::int64_t>(group.count(), 0, count_max + 1);
  if (total <= count_max) return {};
  return fail(Code::conflict, "total count was greater than configured job_max_count: {} > {}", total, count_max);
}

/// The newest deployment of this job, if it goes on.
bool is_deploying(const Snapshot& state, const JobKey& job, Index create_index) {
  const model::Deployment* latest = nullptr;
  state.each_deployment_of_job(job.ns, job.id, [&latest, create_index](const model::Deployment& deployment) {
    const bool newer = !latest || deployment.create_index() > latest->create_index();
    if (deployment.job_create_index() == create_index && newer) latest = &deployment;
    return true;
  });
  if (!latest) return false;
  constexpr std::string_view ended[] = {"cancelled", "failed", "successful"};
  return std::ranges::find(ended, latest->status()) == std::end(ended);
}

/// What speaks against the count; the job with it.
Result<model::Job> with_count(const ScaleJob& request, const JobVersionRow& current, int group, const Deciding& deciding) {
  DROVER_TRY(check_bounds(*request.count, *current.spec, current.spec->task_groups(group)));
  if (is_deploying(deciding.state, request.job, current.create_index)) {
    return fail(Code::invalid, "job scaling blocked due to active deployment");
  }
  model::Job job = *current.spec;
  job.mutable_task_groups(group)->set_count(*request.count);
  DROVER_TRY(check_total(job, deciding.config.job_count_max));
  return job;
}

}  // namespace

Result<Decision<JobRegistered>> decide(const ScaleJob& request, const Deciding& deciding) {
  DROVER_TRY(check_request(request));
  const JobRow* row = deciding.state.job(request.job.ns, request.job.id);
  if (!row) return fail(Code::not_found, "job \"{}\" not found", request.job.id);
  if (request.job_modify_index > 0 && request.job_modify_index != row->job_modify_index) {
    return fail(Code::conflict, "Enforcing job modify index {}: job exists with conflicting job modify index: {}", request.job_modify_index,
                row->job_modify_index);
  }
  const JobVersionRow& current = *deciding.state.current(*row);
  const auto& groups = current.spec->task_groups();
  const auto group = std::ranges::find(groups, request.group, &model::TaskGroup::name);
  if (group == groups.end()) return fail(Code::invalid, "task group \"{}\" specified for scaling does not exist in job", request.group);

  Decision<JobRegistered> decision{.command = new_command(deciding), .answer = {}};
  decision.answer.index = deciding.index;
  decision.answer.job_modify_index = row->job_modify_index;
  auto& command = *decision.command->mutable_scale_job();
  command.set_namespace_(request.job.ns);
  command.set_job_id(request.job.id);
  command.set_group(request.group);
  command.set_versions_max(static_cast<std::uint32_t>(deciding.config.job_versions_max));
  auto& event = *command.mutable_event();
  event.set_time(to_ns(deciding.now));
  event.set_previous_count(group->count());
  event.set_message(request.message);
  event.set_error(request.error);
  event.set_meta(request.meta);
  if (!request.count) return decision;

  DROVER_LET(model::Job job, with_count(request, current, static_cast<int>(group - groups.begin()), deciding));
  event.set_count(*request.count);
  if (*request.count != group->count()) {
    job.set_submit_time(to_ns(deciding.now));
    decision.answer.job_modify_index = deciding.index;
    *command.mutable_job() = std::move(job);
  }
  if (model::is_periodic(*current.spec) || model::is_parameterized(*current.spec)) return decision;
  auto& eval = *command.mutable_eval();
  eval = job_eval(deciding, *current.spec, "job-scaling", 0);
  eval.set_job_modify_index(decision.answer.job_modify_index);
  event.set_eval_id(eval.id());
  decision.answer.eval_id = eval.id();
  decision.answer.eval_create_index = deciding.index;
  return decision;
}

Result<void> apply(State& state, const proto::ScaleJob& command) {
  const JobKey job{command.namespace_(), command.job_id()};
  if (command.has_job()) {
    const JobVersionRow* current = state.current(job.ns, job.id);
    state.put_job(command.job(), command.versions_max(), current ? current->submission : nullptr);
  }
  DROVER_TRY(state.note_scaling(job, command.group(), command.event()));
  if (command.has_eval()) state.put_eval(command.eval());
  return {};
}

}  // namespace drover::server
