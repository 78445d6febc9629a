// drover-sim: runs simulated clusters from seeds.

#include <CLI/CLI.hpp>
#include <cstdio>
#include <vector>

#include "tests/sim/story.h"

namespace {

using drover::sim::RunOptions;
using drover::sim::RunResult;

constexpr std::size_t tail_shown = 60;

void print(const std::string& line) { std::printf("%s\n", line.c_str()); }

void report(const RunResult& result) {
  std::printf("seed %llu: %s; %llu requests acknowledged, %llu crashes, %zu tasks started, %zu lines, trace %016llx\n",
              static_cast<unsigned long long>(result.seed), result.passed() ? "passed" : "FAILED",
              static_cast<unsigned long long>(result.acknowledged), static_cast<unsigned long long>(result.crashes), result.starts,
              result.trace_lines, static_cast<unsigned long long>(result.trace_hash));
  for (const std::string& violation : result.violations) print("  violated: " + violation);
}

int tell_story(RunOptions options) {
  options.on_line = print;
  const RunResult result = drover::sim::run_story(options);
  report(result);
  return result.passed() ? 0 : 1;
}

int run_seeds(RunOptions options, const std::vector<std::uint64_t>& seeds) {
  std::uint64_t failed = 0;
  for (const std::uint64_t seed : seeds) {
    options.seed = seed;
    const RunResult result = drover::sim::run_story(options);
    report(result);
    std::fflush(stdout);
    if (result.passed()) continue;
    ++failed;
    const std::size_t from = result.tail.size() > tail_shown ? result.tail.size() - tail_shown : 0;
    for (std::size_t i = from; i < result.tail.size(); ++i) print("    " + result.tail[i]);
    std::printf("  the whole of it: drover-sim --seed %llu --story\n", static_cast<unsigned long long>(seed));
  }
  std::printf("%llu passed, %llu failed\n", static_cast<unsigned long long>(seeds.size() - failed), static_cast<unsigned long long>(failed));
  return failed == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  CLI::App app("Runs simulated drover clusters: one server, several agents, everything failing, one thread, virtual time.");
  RunOptions options;
  std::uint64_t first = 1;
  std::uint64_t count = 1;
  std::uint64_t minutes = 8;
  std::vector<std::uint64_t> seeds;
  bool story = false;
  app.add_option("--first-seed", first, "the first seed");
  app.add_option("--seeds", count, "how many seeds, one run each");
  app.add_option("--also", seeds, "further seeds, before the others");
  app.add_option("--seed", options.seed, "one seed");
  app.add_flag("--story", story, "print the run of --seed line by line");
  app.add_option("--agents", options.agents, "how many agents");
  app.add_option("--minutes", minutes, "how many virtual minutes things go wrong");
  CLI11_PARSE(app, argc, argv);
  options.trouble = std::chrono::minutes(minutes);
  if (story) return tell_story(options);
  if (app.count("--seed") > 0) return run_seeds(options, {options.seed});
  for (std::uint64_t seed = first; seed < first + count; ++seed) seeds.push_back(seed);
  return run_seeds(options, seeds);
}
