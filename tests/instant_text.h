#pragma once

#include <chrono>
#include <cstdio>
#include <string>

#include "base/loop/time.h"
#include "base/zone/time_zone.h"

/// Times as recorded tables write them (RFC 3339), for tests alone: the texts are taken to be well-formed.
namespace drover::tests {

/// "2024-03-10T02:30:00-05:00", "…00Z" or "…00.250Z" as an instant.
inline Instant instant_of(const std::string& text) {
  using namespace std::chrono;
  const auto number = [&text](std::size_t from, std::size_t count) { return std::stoi(text.substr(from, count)); };
  const auto date = year(number(0, 4)) / month(static_cast<unsigned>(number(5, 2))) / day(static_cast<unsigned>(number(8, 2)));
  const Instant local = Instant(sys_days(date)) + hours(number(11, 2)) + minutes(number(14, 2)) + seconds(number(17, 2));
  const std::size_t zone = text.find_first_of("Z+-", 19);
  const Instant exact = text[19] == '.' ? local + milliseconds(number(20, 3)) : local;
  if (text[zone] == 'Z') return exact;
  const auto offset = hours(number(zone + 1, 2)) + minutes(number(zone + 4, 2));
  return text[zone] == '-' ? exact + offset : exact - offset;
}

/// What the clocks of the zone show then, in whole seconds.
inline std::string instant_text(Instant at, const TimeZone& zone) {
  using namespace std::chrono;
  const auto when = floor<seconds>(at);
  const seconds offset = zone.at(when).offset;
  const auto local = when + offset;
  const year_month_day date(floor<days>(local));
  const hh_mm_ss time(local - floor<days>(local));
  const hh_mm_ss shift(abs(offset));
  char text[40];
  const int count = std::snprintf(text, sizeof text, "%04d-%02u-%02uT%02d:%02d:%02d", static_cast<int>(date.year()), static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()),
                                  static_cast<int>(time.hours().count()), static_cast<int>(time.minutes().count()), static_cast<int>(time.seconds().count()));
  if (offset == 0s) return std::string(text, static_cast<std::size_t>(count)) + "Z";
  char zone_text[16];
  std::snprintf(zone_text, sizeof zone_text, "%c%02d:%02d", offset < 0s ? '-' : '+', static_cast<int>(shift.hours().count()), static_cast<int>(shift.minutes().count()));
  return std::string(text, static_cast<std::size_t>(count)) + zone_text;
}

}  // namespace drover::tests
