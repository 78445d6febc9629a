#include "conformance/suite.h"

#include <catch2/catch.hpp>
#include <set>

using namespace drover;
using namespace drover::conformance;

TEST_CASE("a check is skipped for the first thing that it needs and that is not there", "[conformance]") {
  constexpr unsigned everything = tasks | shell | signals | exec | networks | missing | invalid | host_files;

  CHECK(why_skipped(nothing, nothing).empty());
  CHECK(why_skipped(everything, everything).empty());
  CHECK(why_skipped(shell | signals, tasks) == "needs a fixture with `shell`");
  CHECK(why_skipped(tasks | exec, exec) == "needs a fixture with tasks (docs/conformance.md)");
  CHECK(why_skipped(tasks | exec, tasks) == "the driver does not claim exec");
  CHECK(why_skipped(shell | signals, tasks | shell) == "the driver does not claim send_signals");
  for (const unsigned need : {tasks, shell, signals, exec, networks, missing, invalid, host_files}) CHECK_FALSE(why_skipped(need, everything & ~need).empty());
}

TEST_CASE("checks are chosen by level, by id, and by the beginning of ids", "[conformance]") {
  const Check check{"start.twice", Level::core, Must::must, nothing, "", {}};

  CHECK(is_selected(check, {}));
  CHECK(is_selected(check, {{Level::exec, Level::core}, {}}));
  CHECK_FALSE(is_selected(check, {{Level::exec}, {}}));
  CHECK(is_selected(check, {{}, {"start.twice"}}));
  CHECK(is_selected(check, {{}, {"stop.", "start."}}));
  CHECK_FALSE(is_selected(check, {{}, {"start"}}));
  CHECK_FALSE(is_selected(check, {{Level::exec}, {"start.twice"}}));
}

TEST_CASE("a driver conforms when no MUST fails and nothing is left", "[conformance]") {
  const Check must{"a.must", Level::core, Must::must, nothing, "", {}};
  const Check should{"a.should", Level::core, Must::should, nothing, "", {}};
  Judgement judgement;
  judgement.outcomes = {{&must, Verdict::passed, "", 0}, {&should, Verdict::failed, "no", 0}, {&must, Verdict::skipped, "cannot", 0}};
  CHECK(judgement.conforms());

  Judgement left = judgement;
  left.left.emplace_back("process 5");
  CHECK_FALSE(left.conforms());

  judgement.outcomes[0].verdict = Verdict::failed;
  CHECK_FALSE(judgement.conforms());
  CHECK(judgement.count(Verdict::failed) == 2);
}

TEST_CASE("ids are unique, and every check can run and says what it proves", "[conformance]") {
  std::set<std::string> ids;
  for (const Check& check : all_checks()) {
    INFO(check.id);
    CHECK(ids.insert(check.id).second);
    CHECK(check.id.find('.') != std::string::npos);
    CHECK_FALSE(check.clause.empty());
    CHECK(check.run);
  }
  CHECK(ids.size() >= 200);
}
