#pragma once

#include <bitset>
#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include <drover/result.h>

#include "base/loop/time.h"
#include "base/zone/time_zone.h"
#include "model/fwd.h"

namespace drover::model {
class PeriodicConfig;

/// A cron expression. Five fields are minute, hour, day, month and weekday; a sixth is the year; with seven the first is
/// the second; @hourly, @daily, @weekly, @monthly, @yearly and @annually. `L`, `W` and `#` in the day fields. Years go
/// from 1970 to 2099. A value; any thread.
class Cron {
 public:
  /// `invalid` with a text that names the field, as clients know it.
  static Result<Cron> parse(std::string_view spec);

  /// The first matching local time at or after `from`; nothing when there is no further one.
  std::optional<std::chrono::local_seconds> first_from(std::chrono::local_seconds from) const;
  /// The first matching time after `after`. A local time that the clocks skip does not come, one that they show twice
  /// comes twice.
  std::optional<Instant> next(Instant after, const TimeZone& zone) const;

 private:
  /// The days of a month, in any month.
  struct Days {
    bool month_restricted = true;
    bool week_restricted = true;
    bool last_day = false;
    bool last_workday = false;
    std::bitset<32> days;
    std::bitset<32> workdays;
    std::bitset<7> weekdays;
    std::bitset<7> last_weekdays;
    std::bitset<35> nth_weekdays;  ///< weekday + 7 × (n − 1)
  };

  Result<void> parse_days(std::string_view field);
  Result<void> parse_weekdays(std::string_view field);
  std::bitset<32> days_of(std::chrono::year_month month) const;
  std::optional<std::chrono::seconds> time_from(std::chrono::seconds of_day) const;

  static constexpr int first_year = 1970;
  std::bitset<60> seconds_;
  std::bitset<60> minutes_;
  std::bitset<24> hours_;
  std::bitset<13> months_;
  std::bitset<130> years_;
  Days days_;
};

/// When a periodic job is launched. A value.
class Schedule {
 public:
  /// `invalid` for expressions or a zone that are none.
  static Result<Schedule> of(const PeriodicConfig& periodic);

  /// The first launch after `after`; nothing when there is no further one.
  std::optional<Instant> next(Instant after) const;

 private:
  Schedule(std::vector<Cron> specs, TimeZone zone) : specs_(std::move(specs)), zone_(std::move(zone)) {}

  std::vector<Cron> specs_;
  TimeZone zone_;
};

}  // namespace drover::model
