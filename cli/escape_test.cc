#include "cli/escape.h"

#include <catch2/catch.hpp>

using drover::cli::EscapeFilter;

namespace {

std::string typed(std::string_view keys, bool& ended, char escape = '~') {
  EscapeFilter filter(escape);
  std::string passed;
  for (const char key : keys) {
    if (!ended) passed += filter.pass(std::string_view(&key, 1), ended);
  }
  return passed;
}

}  // namespace

TEST_CASE("escape and dot at the start of a line end a session, elsewhere they are text") {
  bool ended = false;
  CHECK(typed("ls\r~.never", ended) == "ls\r");
  CHECK(ended);
  ended = false;
  CHECK(typed("~.", ended) == "");
  CHECK(ended);
  ended = false;
  CHECK(typed("cp a~.txt b\r", ended) == "cp a~.txt b\r");
  CHECK_FALSE(ended);
}

TEST_CASE("the escape character twice is one, and before another key it is itself") {
  bool ended = false;
  CHECK(typed("~~.\r", ended) == "~.\r");
  CHECK(typed("~/bin\r", ended) == "~/bin\r");
  CHECK_FALSE(ended);
  CHECK(typed("\r~.", ended, '\0') == "\r~.");
  CHECK_FALSE(ended);
}
