#include "cli/command.h"
#include "cli/output.h"

/// operator scheduler get-config: how the servers place allocations.
namespace drover::cli {
namespace {

int get_config(Context& context) {
  auto answer = context.api.get("/v1/operator/scheduler/configuration");
  if (!answer.ok()) return failed("Error querying scheduler configuration", answer.error());
  if (auto code = machine_output(context, *answer)) return *code;
  const Value& config = member_of(*answer, "SchedulerConfig");
  const Value& preemption = member_of(config, "PreemptionConfig");
  const auto yes = [](const Value& object, std::string_view key) { return std::string(bool_of(object, key) ? "true" : "false"); };
  out(key_values({{"Scheduler Algorithm", text_of(config, "SchedulerAlgorithm")},
                  {"Memory Oversubscription", yes(config, "MemoryOversubscriptionEnabled")},
                  {"Reject Job Registration", yes(config, "RejectJobRegistration")},
                  {"Pause Eval Broker", yes(config, "PauseEvalBroker")},
                  {"Preemption System Scheduler", yes(preemption, "SystemSchedulerEnabled")},
                  {"Preemption Service Scheduler", yes(preemption, "ServiceSchedulerEnabled")},
                  {"Preemption Batch Scheduler", yes(preemption, "BatchSchedulerEnabled")},
                  {"Preemption SysBatch Scheduler", yes(preemption, "SysBatchSchedulerEnabled")},
                  {"Node Limit For Feasibility Checks", std::to_string(integer_of(config, "NodeLimitForFeasibilityChecks"))},
                  {"Modify Index", std::to_string(integer_of(config, "ModifyIndex"))}}));
  return 0;
}

}  // namespace

void add_scheduler_config_commands(std::vector<Command>& rows) {
  rows.push_back({"operator scheduler get-config", "", "shows how the servers place allocations", "drover operator scheduler get-config",
                  {{"json", "", "print the API object"}, {"t", "<template>", "format with a Go template"}}, get_config, 0, 0});
}

}  // namespace drover::cli
