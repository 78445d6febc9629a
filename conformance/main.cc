// drover-conformance: judges a driver from outside, as an agent meets it.
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>

#include "conformance/report.h"
#include "conformance/suite.h"

namespace drover::conformance {
namespace {

namespace fs = std::filesystem;

constexpr int does_not_conform = 1;
constexpr int cannot_judge = 2;

struct Options {
  std::string plugin;
  std::vector<std::string> args;
  std::string fixture;
  std::vector<std::string> levels;
  std::vector<std::string> only;
  std::string format = "text";
  bool list = false;
  bool clauses = false;
  bool quiet = false;
};

int complain(const std::string& message) {
  std::fprintf(stderr, "drover-conformance: %s\n", message.c_str());
  return cannot_judge;
}

/// The fixture that was given, or the one for the driver that the plugin says it is.
Result<Fixture> fixture_of(const Options& options, const std::string& folder) {
  if (!options.fixture.empty()) {
    std::ifstream file(options.fixture);
    if (!file) return fail(Code::not_found, "cannot read the fixture {}", options.fixture);
    const std::string json{std::istreambuf_iterator<char>(file), {}};
    const Result<Fixture> parsed = Fixture::parse(json);
    if (!parsed) return parsed.error().within(options.fixture);
    return *parsed;
  }
  Bench probe({fs::absolute(options.plugin), options.args, {}, {}, folder});
  const auto driver = probe.unconfigured();
  if (!driver) return Fixture();  // the checks will say what is wrong with it
  return Fixture::known((*driver)->plugin_info().message.name());
}

Result<std::vector<Level>> levels_of(const std::vector<std::string>& names) {
  std::vector<Level> levels;
  for (const std::string& name : names) {
    if (name == "all") return std::vector<Level>();
    bool known = false;
    for (const Level level : {Level::core, Level::process, Level::exec, Level::network, Level::isolation}) {
      if (name != to_text(level)) continue;
      levels.push_back(level);
      known = true;
    }
    if (!known) return fail(Code::invalid, "no level '{}': core, process, exec, network, isolation or all", name);
  }
  return levels;
}

/// By chance, not by our pid: pids come again, and one that died half-way may have left control groups with its allocations' names.
std::string own_alloc_prefix() {
  std::random_device random;
  char prefix[40];
  std::snprintf(prefix, sizeof prefix, "a110c000-%04x-4%03x-8%03x-0000", random() & 0xffff, random() & 0xfff, random() & 0xfff);
  return prefix;
}

int run(const Options& options, const std::vector<Check>& checks) {
  const auto levels = levels_of(options.levels);
  if (!levels) return complain(levels.error().message);
  const Selection selection{*levels, options.only};
  if (std::none_of(checks.begin(), checks.end(), [&selection](const Check& check) { return is_selected(check, selection); })) return complain("no check is selected: see --list");
  if (::access(options.plugin.c_str(), X_OK) != 0) return complain(options.plugin + " is no program: --plugin PATH");
  std::string name = "/tmp/dc-XXXXXX";  // short: sockets have 107 bytes for their path
  if (mkdtemp(name.data()) == nullptr) return complain("cannot make a folder in /tmp");
  ::chmod(name.c_str(), 0755);

  int status = 0;
  const Result<Fixture> fixture = fixture_of(options, name);
  if (!fixture) {
    status = complain(fixture.error().message);
  } else {
    Bench bench({fs::absolute(options.plugin), options.args, {}, *fixture, name, own_alloc_prefix()});
    const bool speaks = options.format == "text";
    const auto told = [speaks, &options](const Outcome& outcome) {
      if (!speaks || (options.quiet && outcome.verdict != Verdict::failed)) return;
      std::printf("%s\n", line_of(outcome).c_str());
      std::fflush(stdout);
    };
    const Result<Judgement> judgement = judge(bench, checks, selection, told);
    if (!judgement) {
      status = complain(judgement.error().message);
    } else {
      const std::string text = options.format == "json" ? as_json(*judgement) : options.format == "junit" ? as_junit(*judgement) : options.format == "tap" ? as_tap(*judgement) : summary(*judgement);
      std::fputs(text.c_str(), stdout);
      status = judgement->conforms() ? 0 : does_not_conform;
    }
  }
  std::error_code ignored;
  fs::remove_all(name, ignored);
  return status;
}

}  // namespace
}  // namespace drover::conformance

int main(int argc, char** argv) {
  using namespace drover::conformance;
  Options options;
  CLI::App app("Judges a task driver from outside, as an agent meets it (docs/conformance.md)");
  app.add_option("--plugin", options.plugin, "the driver's program");
  app.add_option("--arg", options.args, "an argument for it; repeatable");
  app.add_option("--fixture", options.fixture, "a JSON file that says how its tasks are written");
  app.add_option("--level", options.levels, "core, process, exec, network, isolation or all; repeatable");
  app.add_option("--only", options.only, "the id of a check, or a group as \"start.\"; repeatable");
  app.add_option("--format", options.format, "text, json, junit or tap")->check(CLI::IsMember({"text", "json", "junit", "tap"}));
  app.add_flag("--list", options.list, "one check a line");
  app.add_flag("--clauses", options.clauses, "the specification that it judges by");
  app.add_flag("--quiet", options.quiet, "only what failed");
  CLI11_PARSE(app, argc, argv);
  ::signal(SIGPIPE, SIG_IGN);

  const std::vector<Check> checks = all_checks();
  if (options.list) return std::fputs(list(checks).c_str(), stdout), 0;
  if (options.clauses) return std::fputs(clauses(checks).c_str(), stdout), 0;
  if (options.plugin.empty()) return complain("say which driver: --plugin PATH");
  return run(options, checks);
}
