#include "cli/completion.h"

#include <catch2/catch.hpp>

namespace drover::cli {
namespace {

using Words = std::vector<std::string>;

const std::vector<Flag> common = {{"address", "<url>", ""}, {"namespace", "<name>", ""}, {"h", "", ""}};

std::vector<Command> some_commands() {
  Command status, run, history, exec, old_name, refused, force;
  status.words = "job status", status.completes = "jobs", status.flags = {{"short", "", ""}};
  run.words = "job run", run.completes = "files", run.flags = {{"var", "<v>", ""}, {"verbose", "", ""}};
  history.words = "job history", history.completes = "jobs";
  exec.words = "exec", exec.is_hidden = true, exec.completes = "allocs", exec.flags = {{"job", "<job>", ""}};
  old_name.words = "job-status", old_name.is_hidden = true;
  refused.words = "var", refused.is_hidden = true, refused.refusal = "not there";
  force.words = "job periodic force";
  return {status, run, history, exec, old_name, refused, force};
}

Words completed(std::string_view line) {
  const NamesOf names = [](std::string_view kind, const std::string&) { return kind == "jobs" ? Words{"web", "worker", "db"} : kind == "namespaces" ? Words{"default"} : Words{}; };
  return completions(some_commands(), common, typed_line(line), names);
}

}  // namespace

TEST_CASE("commands are completed word by word; old spellings and what is not built are not offered", "[completion]") {
  CHECK(completed("drover ") == Words{"exec", "job"});
  CHECK(completed("drover jo") == Words{"job"});
  CHECK(completed("drover job ") == Words{"history", "periodic", "run", "status"});
  CHECK(completed("drover job r") == Words{"run"});
  CHECK(completed("drover job periodic ") == Words{"force"});
  CHECK(completed("drover nope ") == Words{"exec", "job"});
}

TEST_CASE("flags are those of the command and the common ones, with as many dashes as were typed", "[completion]") {
  CHECK(completed("drover job run -") == Words{"-address", "-namespace", "-var", "-verbose"});
  CHECK(completed("drover job run -ver") == Words{"-verbose"});
  CHECK(completed("drover job run --ver") == Words{"--verbose"});
  CHECK(completed("drover job run a.hcl -ver") == Words{"-verbose"});
  CHECK(completed("drover job -") == Words{});
}

TEST_CASE("arguments and the values of flags are names of what runs", "[completion]") {
  CHECK(completed("drover job status w") == Words{"web", "worker"});
  CHECK(completed("drover job status -short ") == Words{"db", "web", "worker"});
  CHECK(completed("drover exec -job w") == Words{"web", "worker"});
  CHECK(completed("drover job status -namespace d") == Words{"default"});
  CHECK(completed("drover job run -var w") == Words{});
}

TEST_CASE("a typed line is split at blanks outside of quotes", "[completion]") {
  CHECK(typed_line("drover job run 'a b").current == "a b");
  CHECK(typed_line("drover job run ").current.empty());
  CHECK(typed_line("drover  job   run x").words == Words{"job", "run"});
  CHECK(typed_line("").words.empty());
}

}  // namespace drover::cli
