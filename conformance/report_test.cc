#include "conformance/report.h"

#include <catch2/catch.hpp>

#include "base/json/json.h"

using namespace drover;
using namespace drover::conformance;

namespace {

const Check first{"start.twice", Level::core, Must::must, nothing, "A second start is \"refused\" | or not", {}};
const Check second{"exec.words", Level::exec, Must::should, exec, "Words stay <whole>", {}};

Judgement sample() {
  Judgement judgement;
  judgement.driver = "shell 1.0";
  judgement.outcomes = {{&first, Verdict::failed, "it says <OK> & \"fine\"\nand more", 0.25}, {&second, Verdict::skipped, "the driver does not claim exec", 0}, {&second, Verdict::passed, "", 1.5}};
  judgement.left = {"process 7"};
  return judgement;
}

}  // namespace

TEST_CASE("the text says what was demanded and what was seen", "[conformance]") {
  const Judgement judgement = sample();

  CHECK(line_of(judgement.outcomes[0]) == "FAIL  start.twice\n      MUST: A second start is \"refused\" | or not\n      seen: it says <OK> & \"fine\" and more");
  CHECK(line_of(judgement.outcomes[1]) == "SKIP  exec.words: the driver does not claim exec");
  CHECK(line_of(judgement.outcomes[2]) == "PASS  exec.words");
  CHECK(summary(judgement) == "LEFT  process 7\nshell 1.0: does not conform\n1 passed, 1 failed, 1 skipped\n");
}

TEST_CASE("the JSON holds every check with its verdict", "[conformance]") {
  const Value whole = json::parse(as_json(sample())).value();

  CHECK(whole.find("driver")->text() == "shell 1.0");
  CHECK_FALSE(whole.find("conforms")->boolean());
  REQUIRE(whole.find("checks")->items().size() == 3);
  const Value& one = whole.find("checks")->items()[0];
  CHECK(one.find("id")->text() == "start.twice");
  CHECK(one.find("level")->text() == "core");
  CHECK(one.find("requirement")->text() == "MUST");
  CHECK(one.find("verdict")->text() == "FAIL");
  CHECK(one.find("seen")->text() == "it says <OK> & \"fine\"\nand more");
}

TEST_CASE("JUnit is well-formed whatever a driver said", "[conformance]") {
  CHECK(as_junit(sample()) ==
        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
        "<testsuite name=\"drover-conformance shell 1.0\" tests=\"3\" failures=\"1\" skipped=\"1\">\n"
        "  <testcase classname=\"core\" name=\"start.twice\" time=\"0.250\"><failure message=\"it says &lt;OK&gt; &amp; &quot;fine&quot; and more\">A second start is "
        "&quot;refused&quot; | or not</failure></testcase>\n"
        "  <testcase classname=\"exec\" name=\"exec.words\" time=\"0.000\"><skipped message=\"the driver does not claim exec\"/></testcase>\n"
        "  <testcase classname=\"exec\" name=\"exec.words\" time=\"1.500\"/>\n"
        "</testsuite>\n");
}

TEST_CASE("TAP counts, skips and explains", "[conformance]") {
  CHECK(as_tap(sample()) ==
        "TAP version 13\n1..3\nnot ok 1 - start.twice\n  ---\n  message: \"it says <OK> & \\\"fine\\\"\\nand more\"\n  ...\n"
        "ok 2 - exec.words # SKIP the driver does not claim exec\nok 3 - exec.words\n");
}

TEST_CASE("the specification is a table a group, and a bar in a clause does not end its cell", "[conformance]") {
  const std::string text = clauses({first, second});

  CHECK(text.find("## start\n\n| id | level | | clause |\n|---|---|---|---|\n| start.twice | core | MUST | A second start is \"refused\" \\| or not |\n") != std::string::npos);
  CHECK(text.find("## exec\n") != std::string::npos);
  CHECK(list({first, second}) == "start.twice\tcore\tMUST\nexec.words\texec\tSHOULD\n");
}
