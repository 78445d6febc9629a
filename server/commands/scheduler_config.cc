#include "server/commands/scheduler_config.h"

#include "server/commands/apply.h"
#include "server/commands/command.h"
#include "server/proto/command.pb.h"

// An operator says how the scheduler is to work.
namespace drover::server {
namespace {

constexpr Index built_in_index = 1;  ///< of what exists without a command

}  // namespace

model::SchedulerConfiguration scheduler_configuration(const Snapshot& state, const ServerConfig& config) {
  if (state.scheduler_configuration()) return *state.scheduler_configuration();
  model::SchedulerConfiguration out;
  if (config.scheduler) {
    out = *config.scheduler;
  } else {
    out.mutable_preemption_config()->set_system_scheduler_enabled(true);
  }
  if (out.scheduler_algorithm().empty()) out.set_scheduler_algorithm("binpack");
  out.mutable_preemption_config();
  out.set_create_index(built_in_index);
  out.set_modify_index(built_in_index);
  return out;
}

Result<Decision<SchedulerConfigurationSet>> decide(const SetSchedulerConfiguration& request, const Deciding& deciding) {
  model::SchedulerConfiguration wanted = *request.configuration;
  if (wanted.scheduler_algorithm().empty()) wanted.set_scheduler_algorithm("binpack");
  if (wanted.scheduler_algorithm() != "binpack" && wanted.scheduler_algorithm() != "spread") {
    return fail(Code::invalid, "invalid scheduler algorithm: {}", wanted.scheduler_algorithm());
  }
  wanted.mutable_preemption_config();
  Decision<SchedulerConfigurationSet> decision{.command = nullptr, .answer = {.updated = false, .index = deciding.state.index()}};
  const Index present = scheduler_configuration(deciding.state, deciding.config).modify_index();
  if (request.only_if && *request.only_if != present) return decision;
  decision.command = new_command(deciding);
  *decision.command->mutable_set_scheduler_configuration()->mutable_configuration() = std::move(wanted);
  decision.answer = {.updated = true, .index = deciding.index};
  return decision;
}

Result<void> apply(State& state, const proto::SetSchedulerConfiguration& command) {
  state.put_scheduler_configuration(command.configuration());
  return {};
}

}  // namespace drover::server
