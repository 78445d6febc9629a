#include <fmt/format.h>

#include <charconv>
#include <optional>

#include "cli/command.h"
#include "cli/output.h"

/// operator scheduler get-config and set-config: how the servers place allocations.
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

/// A switch of the command line, and the member of the configuration that it sets.
struct Switch {
  std::string_view flag;
  std::string_view member;
  bool of_preemption;
  std::string_view help;
};

constexpr Switch switches[] = {
    {"memory-oversubscription", "MemoryOversubscriptionEnabled", false, "whether tasks may use up to their memory_max"},
    {"reject-job-registration", "RejectJobRegistration", false, "whether only management tokens may register, dispatch and scale jobs"},
    {"pause-eval-broker", "PauseEvalBroker", false, "whether scheduling stands still"},
    {"preempt-system-scheduler", "SystemSchedulerEnabled", true, "whether system jobs displace allocations of lower priority"},
    {"preempt-service-scheduler", "ServiceSchedulerEnabled", true, "the same for services"},
    {"preempt-batch-scheduler", "BatchSchedulerEnabled", true, "the same for batch jobs"},
    {"preempt-sysbatch-scheduler", "SysBatchSchedulerEnabled", true, "the same for sysbatch jobs"},
};

/// The present configuration with what the flags say. Nothing when a flag makes no sense; that is told.
std::optional<Value> changed_config(const Flags& flags, Value config) {
  if (flags.has("scheduler-algorithm")) config.set("SchedulerAlgorithm", flags.text("scheduler-algorithm"));
  Value preemption = member_of(config, "PreemptionConfig");
  if (!preemption.is_map()) preemption = Value::map();
  for (const Switch& one : switches) {
    if (flags.has(one.flag)) (one.of_preemption ? preemption : config).set(std::string(one.member), flags.is_on(one.flag));
  }
  config.set("PreemptionConfig", std::move(preemption));
  if (!flags.has("node-limit-for-feasibility-checks")) return config;
  const std::string limit = flags.text("node-limit-for-feasibility-checks");
  std::int64_t number = 0;
  const auto [end, problem] = std::from_chars(limit.data(), limit.data() + limit.size(), number);
  if (problem != std::errc() || end != limit.data() + limit.size() || number < 0) {
    err(fmt::format("Error parsing node-limit-for-feasibility-checks value \"{}\": it must be a number, 0 or above", limit));
    return std::nullopt;
  }
  config.set("NodeLimitForFeasibilityChecks", number);
  return config;
}

int set_config(Context& context) {
  const auto answer = context.api.get("/v1/operator/scheduler/configuration");
  if (!answer.ok()) return failed("Error querying scheduler configuration", answer.error());
  const Value& present = member_of(*answer, "SchedulerConfig");
  const auto wanted = changed_config(context.flags, present);
  if (!wanted) return 1;
  Query query;
  const std::string index = context.flags.text("check-index");
  if (!index.empty()) query.emplace_back("cas", index);
  const auto done = context.api.put("/v1/operator/scheduler/configuration", *wanted, query);
  if (!done.ok()) return failed("Error setting scheduler configuration", done.error());
  if (!bool_of(*done, "Updated")) {
    err(fmt::format("Error performing check index set: check-index {} does not match does not match current state value {}", index, integer_of(present, "ModifyIndex")));
    return 1;
  }
  out("Scheduler configuration updated!");
  return 0;
}

std::vector<Flag> set_flags() {
  std::vector<Flag> flags = {{"check-index", "<n>", "only if the configuration's modify index is n"},
                             {"scheduler-algorithm", "<binpack|spread>", "whether nodes are filled one after the other, or evenly"},
                             {"node-limit-for-feasibility-checks", "<n>", "kept for clients; all nodes are looked at anyway"}};
  for (const Switch& one : switches) flags.push_back({one.flag, "", one.help});
  return flags;
}

}  // namespace

void add_scheduler_config_commands(std::vector<Command>& rows) {
  rows.push_back({"operator scheduler get-config", "", "shows how the servers place allocations", "drover operator scheduler get-config",
                  {{"json", "", "print the API object"}, {"t", "<template>", "format with a Go template"}}, get_config, 0, 0});
  rows.push_back({"operator scheduler set-config", "", "changes how the servers place allocations", "drover operator scheduler set-config -scheduler-algorithm=spread",
                  set_flags(), set_config, 0, 0});
}

}  // namespace drover::cli
