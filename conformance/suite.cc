#include "conformance/suite.h"

#include <algorithm>
#include <thread>

#include "conformance/census.h"

namespace drover::conformance {
namespace {

using Clock = std::chrono::steady_clock;

constexpr Duration settle_max = std::chrono::seconds(5);
constexpr Duration look_every = std::chrono::milliseconds(20);

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

/// What there is of the driver and its tasks.
struct Remains {
  std::set<int> processes;
  std::set<std::string> mounts, groups;
  bool empty() const { return processes.empty() && mounts.empty() && groups.empty(); }
};

Remains remains_of(const Bench::Setup& setup) {
  Remains remains{processes_with(setup.folder), mounts_below(setup.folder), cgroups_with(setup.alloc_prefix)};
  remains.processes.merge(processes_with(setup.alloc_prefix));  // a shim that has not started its task yet knows its name alone
  return remains;
}

void remove(const Remains& remains) {
  for (const int pid : remains.processes) end_process(pid);
  for (const std::string& mount : remains.mounts) remove_mount(mount);
  for (const std::string& group : remains.groups) remove_cgroup(group);
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
  Remains remains = remains_of(bench.setup());
  // What was killed with the last driver may take a moment to be gone. It cannot save a driver that has failed already.
  const auto deadline = Clock::now() + (judgement.conforms() ? settle_max : Duration::zero());
  while (!remains.empty() && Clock::now() < deadline) {
    std::this_thread::sleep_for(look_every);
    remains = remains_of(bench.setup());
  }
  for (const int pid : remains.processes) judgement.left.push_back("process " + std::to_string(pid));
  for (const std::string& mount : remains.mounts) judgement.left.push_back("mount " + mount);
  for (const std::string& group : remains.groups) judgement.left.push_back("control group " + group);
  remove(remains);
  return judgement;
}

}  // namespace drover::conformance
