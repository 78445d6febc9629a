#include "agent/services/check.h"

#include <algorithm>

namespace drover::agent {
namespace {

using Kind = CheckOutcome::Kind;

bool counts_for_restart(const CheckSpec& spec, Kind kind) {
  return kind == Kind::failed || (kind == Kind::warned && !spec.restart_ignores_warnings);
}

/// Failures within the grace are forgiven.
bool restarts(const CheckSpec& spec, CheckState& state, Kind kind, Duration uptime) {
  if (spec.restart_limit <= 0) return false;
  if (!counts_for_restart(spec, kind)) {
    state.restart_failures = 0;
    return false;
  }
  if (uptime - state.began < spec.restart_grace) return false;
  if (++state.restart_failures < spec.restart_limit) return false;
  state.restart_failures = 0;
  return true;
}

}  // namespace

const char* to_text(CheckStatus status) {
  switch (status) {
    case CheckStatus::pending:
      return "pending";
    case CheckStatus::success:
      return "success";
    case CheckStatus::failure:
      return "failure";
  }
  return "pending";
}

bool is_starting(const CheckSpec& spec, const CheckState& state, Duration uptime) {
  return state.status == CheckStatus::pending && uptime - state.began < spec.interval;
}

Duration wait_after(const CheckSpec& spec, const CheckState& state, Duration uptime) {
  return is_starting(spec, state, uptime) ? std::min(check_start_step, spec.interval) : spec.interval;
}

bool good_for_health(const CheckSpec& spec, const CheckState& state) {
  if (spec.readiness) return true;
  return state.status == CheckStatus::success && (!state.warned || spec.warnings_pass);
}

bool take(const CheckSpec& spec, CheckState& state, CheckOutcome outcome, Instant now, Duration uptime) {
  const bool passed = outcome.kind != Kind::failed;
  state.warned = outcome.kind == Kind::warned;
  state.code = outcome.code;
  if (outcome.output.size() > check_output_max) outcome.output.resize(check_output_max);
  state.output = std::move(outcome.output);
  state.passes = passed ? state.passes + 1 : 0;
  state.failures = passed ? 0 : state.failures + 1;
  const bool starting = is_starting(spec, state, uptime);
  const CheckStatus before = state.status;
  if (passed && state.passes >= spec.passes_needed) state.status = CheckStatus::success;
  if (!passed && !starting && state.failures >= spec.failures_needed) state.status = CheckStatus::failure;
  if (state.status != before || state.at == Instant{}) state.at = now;
  return !starting && restarts(spec, state, outcome.kind, uptime);
}

}  // namespace drover::agent
