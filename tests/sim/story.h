#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "tests/sim/checks.h"
#include "tests/sim/cluster.h"

namespace drover::sim {

struct RunOptions {
  std::uint64_t seed = 1;
  std::size_t agents = 5;
  Duration trouble = 8min;         ///< how long things go wrong
  Duration patience = 90min;        ///< how long a healed cluster may take to settle
  std::function<void(const std::string&)> on_line;  ///< each line of the trace
};

struct RunResult {
  std::uint64_t seed = 0;
  std::uint64_t trace_hash = 0;
  std::size_t trace_lines = 0;
  std::uint64_t acknowledged = 0;  ///< requests that clients got an answer to
  std::size_t starts = 0;          ///< tasks that were started
  std::uint64_t crashes = 0;
  std::vector<std::string> violations;
  std::vector<std::string> tail;   ///< the last lines of the trace

  bool passed() const { return violations.empty(); }
};

/// One run: jobs come, change and go while servers, agents, drivers, machines and the net fail in every way; then all is
/// healed, and the cluster must become what the jobs want. The same seed gives the same run.
RunResult run_story(RunOptions options);

}  // namespace drover::sim
