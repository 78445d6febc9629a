#include "plugins/mock/script.h"

#include <catch2/catch.hpp>

namespace drover::mock {

using namespace std::chrono_literals;

TEST_CASE("durations are written as in Go", "[mock]") {
  CHECK(parse_duration("")->count() == 0);
  CHECK(*parse_duration("1m30s") == 90s);
  CHECK(*parse_duration("250ms") == 250ms);
  CHECK(*parse_duration("1.5h") == 90min);
  for (const char* wrong : {"5", "s", "-1s", "1x", "1s x", "1e99s"}) CHECK_FALSE(parse_duration(wrong).ok());
}

TEST_CASE("a script that cannot be played is refused with its place", "[mock]") {
  Script script;
  CHECK(script.check().ok());
  script.run_for = "soon";
  CHECK(script.check().error().message == "config.run_for: \"soon\" is no duration such as \"1m30s\"");
  script.run_for = "3s";
  script.stdout_repeat = -1;
  CHECK_FALSE(script.check().ok());
}

}  // namespace drover::mock
