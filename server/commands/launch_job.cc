#include <algorithm>
#include <chrono>

#include "model/proto/evaluation.pb.h"
#include "model/proto/job.pb.h"
#include "model/spec.h"
#include "server/commands/command.h"
#include "server/commands/evals.h"
#include "server/proto/command.pb.h"

// Children of periodic and parameterized jobs. They are registered by the command that registers any job.
namespace drover::server {
namespace {

constexpr std::size_t payload_bytes_max = 16384;

std::int64_t seconds_of(Instant at) { return std::chrono::floor<std::chrono::seconds>(at).time_since_epoch().count(); }

/// A copy of the parent that is to run once.
model::Job child_of(const model::Job& parent, const std::string& id, const Deciding& deciding) {
  model::Job child = parent;
  child.set_id(id);
  child.set_name(id);
  child.set_parent_id(parent.id());
  child.set_submit_time(to_ns(deciding.now));
  child.clear_version_tag();
  return child;
}

/// The command that registers the child, with an evaluation unless it only stands for others itself.
struct Registering {
  std::shared_ptr<proto::Command> command;
  std::string eval_id;
};
Registering registering(model::Job child, std::string_view trigger, const Deciding& deciding) {
  Registering made{.command = new_command(deciding), .eval_id = {}};
  auto& command = *made.command->mutable_register_job();
  command.set_namespace_(child.namespace_());
  command.set_job_id(child.id());
  command.set_versions_max(static_cast<std::uint32_t>(deciding.config.job_versions_max));
  if (!model::is_periodic(child) && !model::is_parameterized(child)) {
    auto& eval = *command.mutable_eval();
    eval = job_eval(deciding, child, trigger, 0);
    eval.set_job_modify_index(deciding.index);
    made.eval_id = eval.id();
  }
  const bool known = deciding.state.job(child.namespace_(), child.id()) != nullptr;
  if (!known) *command.mutable_job() = std::move(child);
  return made;
}

// Dispatching.

/// "[a b]", as clients know lists.
std::string listed(const std::vector<std::string>& names) {
  std::string out = "[";
  for (const std::string& name : names) out += (out.size() > 1 ? " " : "") + name;
  return out + "]";
}

Result<void> check_payload(const DispatchJob& request, const model::ParameterizedJobConfig& config) {
  if (!request.payload.empty() && config.payload() == "forbidden") return fail(Code::invalid, "Payload provided but forbidden by parameterized job");
  if (request.payload.empty() && config.payload() == "required") return fail(Code::invalid, "Payload is not provided but required by parameterized job");
  if (request.payload.size() > payload_bytes_max) {
    return fail(Code::invalid, "Payload exceeds maximum size; {} > {}", request.payload.size(), payload_bytes_max);
  }
  return {};
}

Result<void> check_meta(const DispatchJob& request, const model::ParameterizedJobConfig& config) {
  const auto& required = config.meta_required();
  const auto& optional = config.meta_optional();
  const auto has = [](const auto& names, const std::string& name) { return std::ranges::find(names, name) != names.end(); };
  std::vector<std::string> unexpected;
  for (const auto& [key, value] : request.meta) {
    if (!has(required, key) && !has(optional, key)) unexpected.push_back(key);
  }
  if (!unexpected.empty()) return fail(Code::invalid, "Dispatch request included unpermitted metadata keys: {}", listed(unexpected));
  std::vector<std::string> missing;
  for (const auto& key : required) {
    if (!request.meta.contains(key)) missing.push_back(key);
  }
  if (!missing.empty()) return fail(Code::invalid, "Dispatch did not provide required meta keys: {}", listed(missing));
  return {};
}

Result<void> check_dispatch(const DispatchJob& request, const model::Job& parent, const ServerConfig& config) {
  if (!model::is_parameterized(parent)) return fail(Code::invalid, "Specified job \"{}\" is not a parameterized job", parent.id());
  if (parent.stop()) return fail(Code::invalid, "Specified job \"{}\" is stopped", parent.id());
  if (request.priority < 0 || request.priority > config.job_priority_max) {
    return fail(Code::invalid, "dispatch job priority must be between [1, {}]", config.job_priority_max);
  }
  const bool plain = std::ranges::none_of(request.id_prefix, [](char c) { return static_cast<unsigned char>(c) <= ' ' || c == '\x7f'; });
  if (!plain) return fail(Code::invalid, "the id prefix \"{}\" contains a space or a control character", request.id_prefix);
  DROVER_TRY(check_payload(request, parent.parameterized_job()));
  return check_meta(request, parent.parameterized_job());
}

const JobVersionRow* dispatched_with(const Snapshot& state, const JobKey& parent, const std::string& token) {
  const JobVersionRow* found = nullptr;
  if (token.empty()) return found;
  state.each_child(parent.ns, parent.id, [&found, &token](const JobVersionRow& child) {
    if (child.spec->dispatch_idempotency_token() == token) found = &child;
    return found == nullptr;
  });
  return found;
}

std::string dispatch_id(const DispatchJob& request, const Deciding& deciding) {
  const std::string prefix = request.id_prefix.empty() ? "" : request.id_prefix + "-";
  return text("{}/dispatch-{}{}-{}", request.job.id, prefix, seconds_of(deciding.now), to_text(deciding.random.uuid()).substr(0, 8));
}

// Launching.

bool has_live_child(const Snapshot& state, const JobKey& parent) {
  bool live = false;
  state.each_child(parent.ns, parent.id, [&live](const JobVersionRow& child) { return live = child.status != JobStatus::dead, !live; });
  return live;
}

Registering launching(const model::Job& parent, Instant at, const Deciding& deciding) {
  model::Job child = child_of(parent, text("{}/periodic-{}", parent.id(), seconds_of(at)), deciding);
  child.clear_periodic();
  Registering made = registering(std::move(child), "periodic-job", deciding);
  auto& launch = *made.command->mutable_register_job()->mutable_launch();
  launch.set_parent_id(parent.id());
  launch.set_at(to_ns(at));
  return made;
}

}  // namespace

Result<Decision<JobDispatched>> decide(const DispatchJob& request, const Deciding& deciding) {
  const JobVersionRow* row = deciding.state.current(request.job.ns, request.job.id);
  if (!row) return fail(Code::invalid, "parameterized job not found");
  const model::Job& parent = *row->spec;
  DROVER_TRY(check_dispatch(request, parent, deciding.config));
  if (const JobVersionRow* known = dispatched_with(deciding.state, request.job, request.idempotency_token)) {
    Decision<JobDispatched> decision;
    decision.answer.job_id = known->spec->id();
    decision.answer.job_create_index = known->create_index;
    decision.answer.index = known->modify_index;
    return decision;
  }

  model::Job child = child_of(parent, dispatch_id(request, deciding), deciding);
  child.set_dispatched(true);
  child.set_payload(request.payload);
  if (request.priority > 0) child.set_priority(request.priority);
  if (!request.idempotency_token.empty()) child.set_dispatch_idempotency_token(request.idempotency_token);
  for (const auto& [key, value] : request.meta) (*child.mutable_meta())[key] = value;

  Decision<JobDispatched> decision;
  decision.answer.job_id = child.id();
  decision.answer.job_create_index = deciding.index;
  decision.answer.index = deciding.index;
  Registering made = registering(std::move(child), "job-register", deciding);
  decision.command = std::move(made.command);
  decision.answer.eval_id = made.eval_id;
  if (!made.eval_id.empty()) decision.answer.eval_create_index = deciding.index;
  return decision;
}

Result<Decision<PeriodicForced>> decide(const ForcePeriodic& request, const Deciding& deciding) {
  const JobVersionRow* row = deciding.state.current(request.job.ns, request.job.id);
  if (!row) return fail(Code::invalid, "job not found");
  const model::Job& parent = *row->spec;
  if (!model::is_periodic(parent)) return fail(Code::invalid, "can't force launch non-periodic job");
  if (!model::is_launched(parent)) {
    return fail(Code::invalid, "force launch for job \"{}\" failed: can't force run non-tracked job \"{}\" ({})", request.job.id, request.job.id,
                request.job.ns);
  }
  Decision<PeriodicForced> decision;
  Registering made = launching(parent, deciding.now, deciding);
  decision.answer.job_id = made.command->register_job().job_id();
  decision.command = std::move(made.command);
  decision.answer.eval_id = made.eval_id;
  decision.answer.eval_create_index = deciding.index;
  decision.answer.index = deciding.index;
  return decision;
}

Result<Decision<PeriodicLaunched>> decide(const LaunchPeriodic& request, const Deciding& deciding) {
  const JobRow* job = deciding.state.job(request.job.ns, request.job.id);
  if (!job) return Decision<PeriodicLaunched>{};
  const model::Job& parent = *deciding.state.current(*job)->spec;
  if (!model::is_launched(parent) || job->last_launch >= to_ns(request.at)) return Decision<PeriodicLaunched>{};
  if (parent.periodic().prohibit_overlap() && has_live_child(deciding.state, request.job)) {
    Decision<PeriodicLaunched> skipped{.command = new_command(deciding), .answer = {.job_id = {}, .overlaps = true}};
    auto& command = *skipped.command->mutable_register_job();
    command.set_namespace_(request.job.ns);
    command.set_job_id(request.job.id);
    command.mutable_launch()->set_parent_id(request.job.id);
    command.mutable_launch()->set_at(to_ns(request.at));
    return skipped;
  }
  Decision<PeriodicLaunched> decision;
  Registering made = launching(parent, request.at, deciding);
  decision.answer.job_id = made.command->register_job().job_id();
  decision.command = std::move(made.command);
  return decision;
}

}  // namespace drover::server
