#include <chrono>

#include "base/hcl/duration.h"
#include "base/hcl/functions_impl.h"
#include "base/hcl/unicode.h"

namespace drover::hcl::detail {
namespace {

using std::chrono::days;
using std::chrono::sys_days;

/// A moment as RFC 3339 writes it, with its own offset from UTC.
struct Moment {
  std::int64_t second = 0;  ///< of local time since 1970
  std::int64_t nanosecond = 0;
  int offset_minutes = 0;

  sys_days day() const { return sys_days(days(second >= 0 ? second / 86400 : (second - 86399) / 86400)); }
  std::chrono::year_month_day date() const { return day(); }
  std::int64_t of_day() const { return second - day().time_since_epoch().count() * 86400; }
};

/// Fixed digits at a place; -1 where there are none.
int number_at(std::string_view text, std::size_t at, std::size_t count) {
  int out = 0;
  for (std::size_t i = at; i < at + count; ++i) {
    if (i >= text.size() || text[i] < '0' || text[i] > '9') return -1;
    out = out * 10 + (text[i] - '0');
  }
  return out;
}

Result<Moment> parse_moment(std::string_view t) {
  const auto refuse = [&] { return fail(Code::invalid, "not a valid RFC3339 timestamp: \"{}\"", t); };
  const int year = number_at(t, 0, 4), month = number_at(t, 5, 2), day = number_at(t, 8, 2);
  const int hour = number_at(t, 11, 2), minute = number_at(t, 14, 2), second = number_at(t, 17, 2);
  if (t.size() < 20 || t[4] != '-' || t[7] != '-' || t[10] != 'T' || t[13] != ':' || t[16] != ':') return refuse();
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)), std::chrono::day(static_cast<unsigned>(day))};
  if (year < 0 || month < 1 || day < 1 || !date.ok() || hour < 0 || hour > 23 || minute < 0 || minute > 59 || second < 0 || second > 59) return refuse();
  Moment out;
  out.second = sys_days(date).time_since_epoch().count() * std::int64_t{86400} + hour * 3600 + minute * 60 + second;
  std::size_t at = 19;
  if (t[at] == '.') {
    std::int64_t scale = 100'000'000;
    const std::size_t first = ++at;
    for (; at < t.size() && t[at] >= '0' && t[at] <= '9'; ++at, scale /= 10) out.nanosecond += (t[at] - '0') * scale;
    if (at == first) return refuse();
  }
  if (t.substr(at) == "Z") return out;
  const int zone_hour = number_at(t, at + 1, 2), zone_minute = number_at(t, at + 4, 2);
  if (t.size() != at + 6 || (t[at] != '+' && t[at] != '-') || t[at + 3] != ':' || zone_hour < 0 || zone_hour > 24 || zone_minute < 0 || zone_minute > 59) return refuse();
  out.offset_minutes = (zone_hour * 60 + zone_minute) * (t[at] == '-' ? -1 : 1);
  return out;
}

std::string two(std::int64_t number) { return (number < 10 ? "0" : "") + std::to_string(number); }

std::string zone(const Moment& m, bool colon, bool z_for_utc) {
  if (z_for_utc && m.offset_minutes == 0) return "Z";
  const int minutes = std::abs(m.offset_minutes);
  return (m.offset_minutes < 0 ? "-" : "+") + two(minutes / 60) + (colon ? ":" : "") + two(minutes % 60);
}

Result<std::string> verb_text(std::string_view verb, const Moment& m) {
  static constexpr std::string_view months[] = {"January", "February", "March", "April", "May", "June", "July", "August", "September", "October", "November", "December"};
  static constexpr std::string_view weekdays[] = {"Sunday", "Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday"};
  const std::chrono::year_month_day date = m.date();
  const auto month = static_cast<unsigned>(date.month());
  const auto day = static_cast<unsigned>(date.day());
  const std::string_view weekday = weekdays[std::chrono::weekday(m.day()).c_encoding()];
  const std::int64_t hour = m.of_day() / 3600, minute = m.of_day() / 60 % 60, second = m.of_day() % 60;
  const std::int64_t hour12 = hour % 12 == 0 ? 12 : hour % 12;
  std::string year = std::to_string(static_cast<int>(date.year()));
  if (year.size() < 4) year.insert(0, 4 - year.size(), '0');
  if (verb == "YYYY") return year;
  if (verb == "YY") return year.substr(year.size() - 2);
  if (verb == "MMMM") return std::string(months[month - 1]);
  if (verb == "MMM") return std::string(months[month - 1].substr(0, 3));
  if (verb == "MM") return two(month);
  if (verb == "M") return std::to_string(month);
  if (verb == "DD") return two(day);
  if (verb == "D") return std::to_string(day);
  if (verb == "EEEE") return std::string(weekday);
  if (verb == "EEE") return std::string(weekday.substr(0, 3));
  if (verb == "hh") return two(hour);
  if (verb == "h") return std::to_string(hour);
  if (verb == "HH") return two(hour12);
  if (verb == "H") return std::to_string(hour12);
  if (verb == "AA") return std::string(hour < 12 ? "AM" : "PM");
  if (verb == "aa") return std::string(hour < 12 ? "am" : "pm");
  if (verb == "mm") return two(minute);
  if (verb == "m") return std::to_string(minute);
  if (verb == "ss") return two(second);
  if (verb == "s") return std::to_string(second);
  if (verb == "ZZZZZ") return zone(m, true, false);
  if (verb == "ZZZZ") return zone(m, false, false);
  if (verb == "ZZZ") return m.offset_minutes == 0 ? std::string("UTC") : zone(m, false, false);
  if (verb == "Z") return zone(m, true, true);
  return fail(Code::invalid, "invalid date format verb \"{}\"", verb);
}

Result<Datum> formatdate(const World&, Arguments a) {
  DROVER_LET(const Moment moment, parse_moment(a[1].text()));
  std::string out;
  for (std::string_view rest = a[0].text(); !rest.empty();) {
    const char c = rest[0];
    if (c == '\'') {
      std::size_t at = 1;
      for (; at < rest.size(); ++at) {
        if (rest[at] != '\'') {
          out.push_back(rest[at]);
        } else if (rest.substr(at, 2) == "''") {
          out.push_back(rest[++at]);
        } else {
          break;
        }
      }
      if (at >= rest.size()) return fail(Code::invalid, "unterminated literal '");
      rest.remove_prefix(at + 1);
      continue;
    }
    std::size_t length = 1;
    const bool letter = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    while (letter && length < rest.size() && rest[length] == c) ++length;
    if (letter) {
      DROVER_LET(const std::string piece, verb_text(rest.substr(0, length), moment));
      out += piece;
    } else {
      out.push_back(c);
    }
    rest.remove_prefix(length);
  }
  return Datum(out);
}

Result<Datum> timeadd(const World&, Arguments a) {
  DROVER_LET(Moment moment, parse_moment(a[0].text()));
  const std::optional<std::int64_t> duration = parse_duration(a[1].text());
  if (!duration) return fail(Code::invalid, "\"{}\" is no duration, such as 1h30m", a[1].text());
  constexpr std::int64_t billion = 1'000'000'000;
  moment.nanosecond += *duration % billion;
  moment.second += *duration / billion;
  if (moment.nanosecond < 0) moment.nanosecond += billion, --moment.second;
  if (moment.nanosecond >= billion) moment.nanosecond -= billion, ++moment.second;
  const std::chrono::year_month_day date = moment.date();
  const std::int64_t of_day = moment.of_day();
  std::string year = std::to_string(static_cast<int>(date.year()));
  if (year.size() < 4) year.insert(0, 4 - year.size(), '0');
  return Datum(year + "-" + two(static_cast<unsigned>(date.month())) + "-" + two(static_cast<unsigned>(date.day())) + "T" + two(of_day / 3600) + ":" +
               two(of_day / 60 % 60) + ":" + two(of_day % 60) + zone(moment, true, true));
}

}  // namespace

void add_time_functions(Functions& functions) {
  functions.add("formatdate", {{{"format", Kind::string}, {"time", Kind::string}}, {}, &formatdate});
  functions.add("timeadd", {{{"timestamp", Kind::string}, {"duration", Kind::string}}, {}, &timeadd});
}

}  // namespace drover::hcl::detail
