#include "conformance/suite.h"

#include <signal.h>

#include <algorithm>

#include "conformance/census.h"

namespace drover::conformance {
namespace {

using Clock = std::chrono::steady_clock;

/// What the driver can do, and the fixture can show.
unsigned ability_of(Bench& bench) {
  unsigned has = nothing;
  const Fixture& fixture = bench.fixture();
  if (fixture.has_tasks()) has |= tasks;
  if (fixture.has_shell()) has |= shell;
  if (fixture.missing) has |= missing;
  if (fixture.invalid) has |= invalid;
  const Result<Driver*> driver = bench.driver();
  if (!driver) return has;
  const pb::DriverCapabilities claimed = (*driver)->capabilities().message.capabilities();
  if (claimed.send_signals()) has |= signals;
  if (claimed.exec()) has |= exec;
  if (claimed.must_create_network()) has |= networks;
  if (claimed.fs_isolation() == pb::DriverCapabilities::NONE) has |= host_files;
  return has;
}

Outcome run(Bench& bench, const Check& check, unsigned has) {
  Outcome outcome;
  outcome.check = &check;
  outcome.why = why_skipped(check.needs, has);
  if (!outcome.why.empty()) {
    outcome.verdict = Verdict::skipped;
    return outcome;
  }
  const auto started = Clock::now();
  const Result<void> result = check.run(bench);
  outcome.seconds = std::chrono::duration<double>(Clock::now() - started).count();
  if (result) return outcome;
  outcome.verdict = Verdict::failed;
  outcome.why = result.error().message;
  bench.drop_driver();  // the next check starts from a clean one
  return outcome;
}

}  // namespace

std::vector<Check> all_checks() {
  std::vector<Check> all;
  for (const auto& group : {handshake_checks(), process_checks(), base_checks(), driver_checks(), start_checks(), wait_checks(), stop_checks(), look_checks(), output_checks(), exec_checks(),
                            exec_stream_checks(), recovery_checks(), network_checks(), hostile_checks()}) {
    all.insert(all.end(), group.begin(), group.end());
  }
  return all;
}

const char* to_text(Level level) {
  static const char* const names[] = {"core", "process", "exec", "network", "isolation"};
  return names[static_cast<std::size_t>(level)];
}

const char* to_text(Must must) { return must == Must::must ? "MUST" : "SHOULD"; }

std::string why_skipped(unsigned needs, unsigned has) {
  const unsigned lacks = needs & ~has;
  if ((lacks & (tasks | shell)) != 0) return lacks & tasks ? "needs a fixture with tasks (docs/conformance.md)" : "needs a fixture with `shell`";
  if ((lacks & signals) != 0) return "the driver does not claim send_signals";
  if ((lacks & exec) != 0) return "the driver does not claim exec";
  if ((lacks & networks) != 0) return "the driver does not claim must_create_network";
  if ((lacks & missing) != 0) return "needs a fixture with `missing`";
  if ((lacks & invalid) != 0) return "needs a fixture with `invalid`";
  if ((lacks & host_files) != 0) return "the driver's tasks do not see the host's processes (fs_isolation)";
  return {};
}

bool is_selected(const Check& check, const Selection& selection) {
  const auto& levels = selection.levels;
  if (!levels.empty() && std::find(levels.begin(), levels.end(), check.level) == levels.end()) return false;
  if (selection.only.empty()) return true;
  return std::any_of(selection.only.begin(), selection.only.end(), [&check](const std::string& wanted) {
    return check.id == wanted || (wanted.ends_with('.') && check.id.starts_with(wanted));
  });
}

std::size_t Judgement::count(Verdict verdict) const {
  return static_cast<std::size_t>(std::count_if(outcomes.begin(), outcomes.end(), [verdict](const Outcome& one) { return one.verdict == verdict; }));
}

bool Judgement::conforms() const {
  const bool must_failed = std::any_of(outcomes.begin(), outcomes.end(), [](const Outcome& one) { return one.verdict == Verdict::failed && one.check->must == Must::must; });
  return !must_failed && left.empty();
}

Result<Judgement> judge(Bench& bench, const std::vector<Check>& checks, const Selection& selection, const std::function<void(const Outcome&)>& told) {
  Judgement judgement;
  const unsigned has = ability_of(bench);
  if (bench.has_driver()) {
    const auto info = bench.driver().value()->plugin_info().message;
    judgement.driver = info.name() + " " + info.plugin_version();
  }
  for (const Check& check : checks) {
    if (!is_selected(check, selection)) continue;
    judgement.outcomes.push_back(run(bench, check, has));
    told(judgement.outcomes.back());
  }
  bench.drop_driver();
  for (const int pid : processes_with(bench.setup().folder)) {
    judgement.left.push_back("process " + std::to_string(pid));
    ::kill(pid, SIGKILL);
  }
  for (const std::string& mount : mounts_below(bench.setup().folder)) judgement.left.push_back("mount " + mount);
  for (const std::string& group : cgroups_with(bench.setup().alloc_prefix)) judgement.left.push_back("control group " + group);
  return judgement;
}

}  // namespace drover::conformance
