#include "base/zone/time_zone.h"

#include <catch2/catch.hpp>

namespace drover {
namespace {

using namespace std::chrono;

sys_seconds at(year_month_day day, seconds time = {}) { return sys_seconds(sys_days(day)) + time; }

TEST_CASE("a zone tells its offset and when another begins") {
  const auto berlin = TimeZone::load("Europe/Berlin");
  REQUIRE(berlin.ok());

  const TimeZone::Span winter = berlin->at(at(2024y / January / 15));
  CHECK(winter.offset == 1h);
  CHECK(winter.until == at(2024y / March / 31, 1h));

  const TimeZone::Span summer = berlin->at(winter.until);
  CHECK(summer.offset == 2h);
  CHECK(summer.until == at(2024y / October / 27, 1h));
}

TEST_CASE("UTC never changes") {
  CHECK(TimeZone::load("")->at(at(2024y / May / 1)).offset == 0s);
  CHECK(TimeZone::load("UTC")->at(at(2024y / May / 1)).until == sys_seconds::max());
}

TEST_CASE("zones of far years follow their rule") {
  const auto york = TimeZone::load("America/New_York");
  REQUIRE(york.ok());
  CHECK(york->at(at(2090y / July / 1)).offset == -4h);
  CHECK(york->at(at(2090y / January / 1)).offset == -5h);
}

TEST_CASE("a name that is no zone is refused") {
  CHECK(TimeZone::load("Mars/Base").error().message == "unknown time zone Mars/Base");
  CHECK_FALSE(TimeZone::load("../../etc/passwd").ok());
  CHECK_FALSE(TimeZone::load("/etc/localtime").ok());
  CHECK_FALSE(TimeZone::load("libc:UTC").ok());
}

}  // namespace
}  // namespace drover
