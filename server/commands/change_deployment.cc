#include <algorithm>

#include "model/deployment.h"
#include "model/proto/deployment.pb.h"
#include "model/proto/evaluation.pb.h"
#include "model/proto/job.pb.h"
#include "model/proto/plan.pb.h"
#include "server/commands/apply.h"
#include "server/commands/deployment_step.h"
#include "server/commands/evals.h"
#include "server/proto/command.pb.h"

// Deployments: what operators say of them, and what a duty finds out.
namespace drover::server {
namespace {

/// A command about one deployment, and the answer to who has asked for it.
struct Change {
  Decision<DeploymentUpdated> decision;
  proto::UpdateDeployment* command = nullptr;
};

Change change_of(const model::Deployment& deployment, const Deciding& deciding) {
  Change change;
  change.decision.command = new_command(deciding);
  change.command = change.decision.command->mutable_update_deployment();
  change.command->mutable_update()->set_deployment_id(deployment.id());
  change.decision.answer.deployment_modify_index = deciding.index;
  change.decision.answer.index = deciding.index;
  return change;
}

void set_status(Change& change, std::string_view status, std::string_view description) {
  change.command->mutable_update()->set_status(std::string(status));
  change.command->mutable_update()->set_description(std::string(description));
}

/// The job is evaluated: what the deployment has come to decides what happens next.
void evaluate(Change& change, const model::Deployment& deployment, const Deciding& deciding) {
  const JobVersionRow* job = deciding.state.current(deployment.namespace_(), deployment.job_id());
  if (!job) return;
  auto& eval = *change.command->mutable_eval();
  eval = job_eval(deciding, *job->spec, "deployment-watcher", deployment.eval_priority());
  eval.set_deployment_id(deployment.id());
  change.decision.answer.eval_id = eval.id();
  change.decision.answer.eval_create_index = deciding.index;
}

/// The deployment has failed; with `roll_back` the last stable version of its job is registered again.
void fail_deployment(Change& change, const model::Deployment& deployment, std::string_view why, bool roll_back, const Deciding& deciding) {
  std::string description(why);
  if (roll_back) {
    const Rollback rollback = rollback_of(deciding.state, deployment);
    description += rollback.suffix;
    if (rollback.version) {
      model::Job job = *rollback.version->spec;
      job.set_submit_time(to_ns(deciding.now));
      *change.command->mutable_rollback() = std::move(job);
      if (rollback.version->submission) *change.command->mutable_rollback_source() = *rollback.version->submission;
      change.command->set_versions_max(static_cast<std::uint32_t>(deciding.config.job_versions_max));
      change.decision.answer.reverted_job_version = rollback.version->version;
    }
  }
  set_status(change, "failed", description);
  evaluate(change, deployment, deciding);
}

Result<const model::Deployment*> find_active(const Uuid& id, std::string_view attempt, const Deciding& deciding) {
  const model::Deployment* deployment = deciding.state.deployment(id);
  if (!deployment) return fail(Code::invalid, "deployment not found");
  if (!model::is_active(*deployment)) return fail(Code::invalid, "can't {} terminal deployment", attempt);
  return deployment;
}

Result<void> check_alloc(const std::string& id, const model::Deployment& deployment, const Deciding& deciding) {
  const AllocRow* row = deciding.state.alloc(parse_uuid(id));
  if (!row) return fail(Code::invalid, "unknown alloc \"{}\"", id);
  if (to_text(deciding.state.deployment_of(*row)) != deployment.id()) return fail(Code::invalid, "alloc \"{}\" is not part of deployment \"{}\"", id, deployment.id());
  return {};
}

/// Whether one of the allocations is of a group that wants the last stable version back.
bool any_reverts(const std::vector<std::string>& allocs, const model::Deployment& deployment, const Deciding& deciding) {
  return std::ranges::any_of(allocs, [&](const std::string& id) {
    const auto group = deployment.task_groups().find(deciding.state.group_of(*deciding.state.alloc(parse_uuid(id))));
    return group != deployment.task_groups().end() && group->second.auto_revert();
  });
}

}  // namespace

Result<Decision<DeploymentUpdated>> decide(const FailDeployment& request, const Deciding& deciding) {
  DROVER_LET(const model::Deployment* deployment, find_active(request.deployment, "fail", deciding));
  Change change = change_of(*deployment, deciding);
  bool roll_back = false;
  for (const auto& [name, group] : deployment->task_groups()) roll_back |= group.auto_revert();  // any: the order does not matter
  fail_deployment(change, *deployment, deployment_failed_by_user, roll_back, deciding);
  return std::move(change.decision);
}

Result<Decision<DeploymentUpdated>> decide(const PauseDeployment& request, const Deciding& deciding) {
  DROVER_LET(const model::Deployment* deployment, find_active(request.deployment, request.pause ? "pause" : "resume", deciding));
  Change change = change_of(*deployment, deciding);
  if (request.pause) {
    set_status(change, "paused", "Deployment is paused");
  } else {
    set_status(change, "running", "Deployment is running");
    evaluate(change, *deployment, deciding);
  }
  return std::move(change.decision);
}

Result<Decision<DeploymentUpdated>> decide(const PromoteDeployment& request, const Deciding& deciding) {
  DROVER_LET(const model::Deployment* deployment, find_active(request.deployment, "promote", deciding));
  const std::vector<std::string> with_canaries = groups_with_canaries(*deployment);
  std::vector<std::string> groups;
  for (const std::string& name : with_canaries) {
    if (request.all || std::ranges::find(request.groups, name) != request.groups.end()) groups.push_back(name);
  }
  const auto problems = not_promotable(deciding.state, *deployment, groups);
  if (!problems.empty()) {
    std::string all = text("{} error{} occurred:", problems.size(), problems.size() == 1 ? "" : "s");
    for (const std::string& problem : problems) all += "\n\t* " + problem;
    return Error{Code::invalid, all + "\n\n"};
  }
  Change change = change_of(*deployment, deciding);
  for (const std::string& name : groups) change.command->add_promoted(name);
  evaluate(change, *deployment, deciding);
  return std::move(change.decision);
}

Result<Decision<DeploymentUpdated>> decide(const UnblockDeployment& request, const Deciding& deciding) {
  const auto deployment = find_active(request.deployment, "unblock", deciding);
  if (!deployment) return deployment.error();
  return Decision<DeploymentUpdated>{};
}

Result<Decision<DeploymentUpdated>> decide(const SetDeploymentHealth& request, const Deciding& deciding) {
  if (request.healthy.empty() && request.unhealthy.empty()) return fail(Code::invalid, "must specify at least one healthy/unhealthy allocation ID");
  const model::Deployment* deployment = deciding.state.deployment(request.deployment);
  if (!deployment) return fail(Code::invalid, "deployment not found");
  if (!model::is_active(*deployment)) return fail(Code::invalid, "can't set health of allocations for a terminal deployment");
  Change change = change_of(*deployment, deciding);
  for (const bool healthy : {true, false}) {
    for (const std::string& id : healthy ? request.healthy : request.unhealthy) {
      DROVER_TRY(check_alloc(id, *deployment, deciding));
      auto& health = *change.command->add_health();
      health.set_alloc_id(id);
      health.set_healthy(healthy);
    }
  }
  if (any_reverts(request.unhealthy, *deployment, deciding)) {
    fail_deployment(change, *deployment, deployment_unhealthy, true, deciding);
  } else {
    evaluate(change, *deployment, deciding);
  }
  return std::move(change.decision);
}

Result<Decision<DeploymentAdvanced>> decide(const AdvanceDeployment& request, const Deciding& deciding) {
  const model::Deployment* deployment = deciding.state.deployment(request.deployment);
  if (!deployment) return Decision<DeploymentAdvanced>{};
  const DeploymentStep step = deployment_step(deciding.state, *deployment, deciding.now);
  if (step.fail.empty() && step.promote.empty() && step.replace.empty()) {
    return Decision<DeploymentAdvanced>{.command = nullptr, .answer = {.changed = false, .next = step.next, .outcome = {}}};
  }
  Change change = change_of(*deployment, deciding);
  if (!step.fail.empty()) {
    fail_deployment(change, *deployment, step.fail, step.roll_back, deciding);
  } else {
    for (const std::string& name : step.promote) change.command->add_promoted(name);
    for (const Uuid& id : step.replace) {
      auto& mark = *change.command->add_marks();
      mark.set_alloc_id(to_text(id));
      mark.mutable_transition()->set_reschedule(true);
    }
    evaluate(change, *deployment, deciding);
  }
  const std::string outcome = change.command->update().description();
  return Decision<DeploymentAdvanced>{.command = std::move(change.decision.command), .answer = {.changed = true, .next = step.next, .outcome = outcome}};
}

Result<void> apply(State& state, const proto::UpdateDeployment& command) {
  const Uuid id = parse_uuid(command.update().deployment_id());
  for (const auto& health : command.health()) DROVER_TRY(state.set_health(parse_uuid(health.alloc_id()), health.healthy()));
  for (const auto& mark : command.marks()) DROVER_TRY(state.wish(parse_uuid(mark.alloc_id()), Transitions{.reschedule = Wish::yes}));
  if (command.promoted_size() > 0) {
    DROVER_TRY(state.promote_deployment(id, {command.promoted().begin(), command.promoted().end()}));
    if (command.update().status().empty() && state.deployment(id)->status() == "running") DROVER_TRY(state.set_deployment_status(id, "running", std::string(model::running_description(*state.deployment(id)))));
  }
  if (!command.update().status().empty()) DROVER_TRY(state.set_deployment_status(id, command.update().status(), command.update().description()));
  if (command.has_rollback()) {
    state.put_job(command.rollback(), command.versions_max(),
                  command.has_rollback_source() ? std::make_shared<const model::JobSubmission>(command.rollback_source()) : nullptr);
  }
  if (command.has_eval()) state.put_eval(command.eval());
  return {};
}

}  // namespace drover::server
