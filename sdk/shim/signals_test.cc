#include <catch2/catch.hpp>
#include <csignal>

#include <drover/process.h>

using namespace drover::sdk;

TEST_CASE("signals are known by name, short name and number", "[process]") {
  CHECK(parse_signal("SIGTERM").value() == SIGTERM);
  CHECK(parse_signal("term").value() == SIGTERM);
  CHECK(parse_signal("15").value() == 15);
  CHECK(parse_signal("SIGRTMIN+3").value() == SIGRTMIN + 3);
  CHECK(parse_signal("RTMAX-1").value() == SIGRTMAX - 1);
  CHECK(parse_signal("SIGWINCH").value() == SIGWINCH);
}

TEST_CASE("an unknown signal is refused by name", "[process]") {
  for (const char* name : {"", "SIG", "SIGFOO", "-1", "99", "1x", "SIGRTMIN+99", "SIGRTMIN+"})
    CHECK(parse_signal(name).error().message == std::string("invalid signal '") + name + "'");
}

TEST_CASE("a number has a name again", "[process]") {
  CHECK(signal_name(SIGKILL) == "SIGKILL");
  CHECK(signal_name(SIGRTMIN) == "SIGRTMIN");
  CHECK(signal_name(SIGRTMIN + 2) == "SIGRTMIN+2");
  CHECK(signal_name(0) == "signal 0");
}
