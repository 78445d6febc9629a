#include "model/cron.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <span>

#include "model/proto/job.pb.h"

namespace drover::model {
namespace {

using namespace std::chrono;

struct Word {
  std::string_view text;
  int value;
};

constexpr Word month_words[] = {{"jan", 1},  {"feb", 2},  {"mar", 3},  {"apr", 4},     {"may", 5},   {"jun", 6},   {"jul", 7},   {"aug", 8},
                                {"sep", 9},  {"oct", 10}, {"nov", 11}, {"dec", 12},    {"january", 1}, {"february", 2}, {"march", 3}, {"april", 4},
                                {"june", 6}, {"july", 7}, {"august", 8}, {"september", 9}, {"october", 10}, {"november", 11}, {"december", 12}};
constexpr Word weekday_words[] = {{"sun", 0},    {"mon", 1},     {"tue", 2},      {"wed", 3},    {"thu", 4},   {"fri", 5}, {"sat", 6},
                                  {"sunday", 0}, {"monday", 1},  {"tuesday", 2},  {"wednesday", 3}, {"thursday", 4}, {"friday", 5}, {"saturday", 6}};

struct Field {
  std::string_view name;
  int min;
  int max;
  int value_max;  ///< what may be written: 7 is Sunday, too
  std::size_t digits_max;
  std::span<const Word> words;
};

constexpr Field second_field{"second", 0, 59, 59, 2, {}};
constexpr Field minute_field{"minute", 0, 59, 59, 2, {}};
constexpr Field hour_field{"hour", 0, 23, 23, 2, {}};
constexpr Field day_field{"day-of-month", 1, 31, 31, 2, {}};
constexpr Field month_field{"month", 1, 12, 12, 2, month_words};
constexpr Field weekday_field{"day-of-week", 0, 6, 7, 2, weekday_words};
constexpr Field year_field{"year", 1970, 2099, 2099, 4, {}};

struct Alias {
  std::string_view name;
  std::string_view spec;
};
constexpr Alias aliases[] = {{"@yearly", "0 0 0 1 1 * *"},  {"@annually", "0 0 0 1 1 * *"}, {"@monthly", "0 0 0 1 * * *"},
                             {"@weekly", "0 0 0 * * 0 *"},  {"@daily", "0 0 0 * * * *"},    {"@hourly", "0 0 * * * * *"}};

std::string with_aliases(std::string_view spec) {
  std::string out(spec);
  for (const Alias& alias : aliases) {
    for (std::size_t at = out.find(alias.name); at != std::string::npos; at = out.find(alias.name)) out.replace(at, alias.name.size(), alias.spec);
  }
  return out;
}

std::vector<std::string_view> split(std::string_view text, std::string_view separators) {
  std::vector<std::string_view> parts;
  for (std::size_t at = text.find_first_not_of(separators); at != std::string_view::npos;) {
    const std::size_t end = std::min(text.find_first_of(separators, at), text.size());
    parts.push_back(text.substr(at, end - at));
    at = text.find_first_not_of(separators, end);
  }
  return parts;
}

std::string lower(std::string_view text) {
  std::string out(text);
  std::ranges::transform(out, out.begin(), [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
  return out;
}

std::optional<int> number(std::string_view text) {
  int value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (text.empty() || text.front() == '-' || error != std::errc{} || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// A number or word of the field, as written: 7 stays 7.
std::optional<int> value_of(std::string_view text, const Field& field) {
  for (const Word& word : field.words) {
    if (word.text == text) return word.value;
  }
  const auto value = number(text);
  if (!value || text.size() > field.digits_max || *value < field.min || *value > field.value_max) return std::nullopt;
  return value;
}

/// What one item of a field stands for: `*`, 5, 5-20, */2, 5/2, 5-20/2.
struct Item {
  bool all = false;
  int first = 0;
  int last = 0;
  int step = 1;
};

/// Nothing for what is none of these forms.
Result<std::optional<Item>> item_of(std::string_view text, const Field& field) {
  if (text == "*" || text == "?") return std::optional(Item{.all = true, .first = field.min, .last = field.max});
  Item item;
  const std::size_t slash = text.find('/');
  const std::string_view range = text.substr(0, slash);
  const std::size_t dash = range.find('-');
  const auto first = range == "*" ? field.min : value_of(range.substr(0, dash), field);
  const auto last = dash != std::string_view::npos ? value_of(range.substr(dash + 1), field)
                    : slash != std::string_view::npos ? std::optional(field.max)
                                                      : first;
  if (!first || !last) return std::optional<Item>();
  item.first = *first;
  item.last = *last;
  if (slash == std::string_view::npos) return std::optional(item);
  const auto step = number(text.substr(slash + 1));
  if (!step) return std::optional<Item>();
  if (*step < 1 || *step > field.max) return fail(Code::invalid, "invalid interval {}", text);
  item.step = *step;
  return std::optional(item);
}

Error syntax_error(const Field& field, std::string_view text) {
  return fail(Code::invalid, "syntax error in {} field: '{}'", field.name, text);
}

template <std::size_t size>
void add(const Item& item, int origin, std::bitset<size>& to) {
  for (int value = item.first; value <= item.last; value += item.step) to.set(static_cast<std::size_t>(value - origin));
}

template <std::size_t size>
Result<void> parse_field(std::string_view text, const Field& field, int origin, std::bitset<size>& to) {
  const auto parts = split(text, ",");
  if (parts.empty()) return fail(Code::invalid, "{} field: missing directive", field.name);
  for (const std::string_view part : parts) {
    DROVER_LET(const auto item, item_of(lower(part), field));
    if (!item) return syntax_error(field, part);
    add(*item, origin, to);
  }
  return {};
}

int last_day_of(year_month month) { return static_cast<int>(static_cast<unsigned>((month / last).day())); }

int weekday_of(year_month month, int day) {
  return static_cast<int>(weekday(sys_days(month / std::chrono::day(static_cast<unsigned>(day)))).c_encoding());
}

/// The working day nearest to a day, in the same month.
int nearest_workday(year_month month, int day) {
  const int weekday = weekday_of(month, day);
  if (weekday == 6) return day > 1 ? day - 1 : day + 2;
  if (weekday == 0) return day < last_day_of(month) ? day + 1 : day - 2;
  return day;
}

template <std::size_t size>
std::optional<int> first_from(const std::bitset<size>& bits, int from) {
  for (std::size_t i = static_cast<std::size_t>(std::max(from, 0)); i < size; ++i) {
    if (bits.test(i)) return static_cast<int>(i);
  }
  return std::nullopt;
}

}  // namespace

Result<Cron> Cron::parse(std::string_view spec) {
  const std::string plain = with_aliases(spec);
  auto fields = split(plain, " \t\n\r\f\v");
  if (fields.size() < 5) return fail(Code::invalid, "missing field(s)");
  if (fields.size() > 7) fields.resize(7);
  Cron cron;
  std::size_t at = 0;
  if (fields.size() == 7) {
    DROVER_TRY(parse_field(fields[at++], second_field, 0, cron.seconds_));
  } else {
    cron.seconds_.set(0);
  }
  DROVER_TRY(parse_field(fields[at++], minute_field, 0, cron.minutes_));
  DROVER_TRY(parse_field(fields[at++], hour_field, 0, cron.hours_));
  DROVER_TRY(cron.parse_days(fields[at++]));
  DROVER_TRY(parse_field(fields[at++], month_field, 0, cron.months_));
  DROVER_TRY(cron.parse_weekdays(fields[at++]));
  if (at < fields.size()) {
    DROVER_TRY(parse_field(fields[at], year_field, first_year, cron.years_));
  } else {
    cron.years_.set();
  }
  return cron;
}

Result<void> Cron::parse_days(std::string_view field) {
  const auto parts = split(field, ",");
  if (parts.empty()) return fail(Code::invalid, "{} field: missing directive", day_field.name);
  for (const std::string_view part : parts) {
    const std::string text = lower(part);
    DROVER_LET(const auto item, item_of(text, day_field));
    if (item) {
      add(*item, 0, days_.days);
      if (item->all) days_.month_restricted = false;
    } else if (text == "l") {
      days_.last_day = true;
    } else if (text == "lw") {
      days_.last_workday = true;
    } else {
      const auto day = text.ends_with('w') ? value_of(std::string_view(text).substr(0, text.size() - 1), day_field) : std::nullopt;
      if (!day) return syntax_error(day_field, part);
      days_.workdays.set(static_cast<std::size_t>(*day));
    }
  }
  return {};
}

Result<void> Cron::parse_weekdays(std::string_view field) {
  const auto parts = split(field, ",");
  if (parts.empty()) return fail(Code::invalid, "{} field: missing directive", weekday_field.name);
  for (const std::string_view part : parts) {
    const std::string text = lower(part);
    DROVER_LET(const auto item, item_of(text, weekday_field));
    if (item) {
      for (int day = item->first; day <= item->last; day += item->step) days_.weekdays.set(static_cast<std::size_t>(day % 7));
      if (item->all) days_.week_restricted = false;
      continue;
    }
    const std::size_t mark = text.find_first_of("#", 1);
    const bool last = mark == std::string::npos && text.ends_with('l');
    const auto day = value_of(std::string_view(text).substr(0, last ? text.size() - 1 : mark), weekday_field);
    const auto nth = mark == std::string::npos ? std::nullopt : number(std::string_view(text).substr(mark + 1));
    if (!day || !(last || (nth && *nth >= 1 && *nth <= 5))) return syntax_error(weekday_field, part);
    if (last) {
      days_.last_weekdays.set(static_cast<std::size_t>(*day % 7));
    } else {
      days_.nth_weekdays.set(static_cast<std::size_t>(*day % 7 + 7 * (*nth - 1)));
    }
  }
  return {};
}

/// When both day fields are restricted, either of them is enough.
std::bitset<32> Cron::days_of(year_month month) const {
  const int end = last_day_of(month);
  std::bitset<32> found;
  const bool any = !days_.month_restricted && !days_.week_restricted;
  for (int day = 1; day <= end; ++day) {
    const int weekday = weekday_of(month, day);
    const auto nth = static_cast<std::size_t>(weekday + 7 * ((day - 1) / 7));
    const bool of_week = days_.weekdays.test(static_cast<std::size_t>(weekday)) || days_.nth_weekdays.test(nth) ||
                         (day + 7 > end && days_.last_weekdays.test(static_cast<std::size_t>(weekday)));
    const bool of_month = days_.days.test(static_cast<std::size_t>(day)) || (day == end && days_.last_day);
    if (any || (days_.month_restricted && of_month) || (days_.week_restricted && of_week)) found.set(static_cast<std::size_t>(day));
  }
  if (!days_.month_restricted) return found;
  for (int day = 1; day <= end; ++day) {
    if (days_.workdays.test(static_cast<std::size_t>(day))) found.set(static_cast<std::size_t>(nearest_workday(month, day)));
  }
  if (days_.last_workday) found.set(static_cast<std::size_t>(nearest_workday(month, end)));
  return found;
}

/// The first matching time of a day at or after one.
std::optional<seconds> Cron::time_from(seconds of_day) const {
  const auto first_second = model::first_from(seconds_, 0);
  const auto first_minute = model::first_from(minutes_, 0);
  if (!first_second || !first_minute) return std::nullopt;
  const int hour = static_cast<int>(of_day / 1h);
  const int minute = static_cast<int>(of_day % 1h / 1min);
  const int second = static_cast<int>(of_day % 1min / 1s);
  const bool this_hour = hour < 24 && hours_.test(static_cast<std::size_t>(hour));
  if (this_hour && minutes_.test(static_cast<std::size_t>(minute))) {
    if (const auto later = model::first_from(seconds_, second)) return hours(hour) + minutes(minute) + seconds(*later);
  }
  if (this_hour) {
    if (const auto later = model::first_from(minutes_, minute + 1)) return hours(hour) + minutes(*later) + seconds(*first_second);
  }
  const auto later = model::first_from(hours_, hour + 1);
  if (!later) return std::nullopt;
  return hours(*later) + minutes(*first_minute) + seconds(*first_second);
}

std::optional<local_seconds> Cron::first_from(local_seconds from) const {
  const local_days today = floor<days>(from);
  const year_month_day date(today);
  year_month month = date.year() / date.month();
  int day = static_cast<int>(static_cast<unsigned>(date.day()));
  seconds of_day = from - today;
  for (; static_cast<int>(month.year()) < first_year + static_cast<int>(years_.size()); month += months(1), day = 1, of_day = 0s) {
    const int year = static_cast<int>(month.year());
    if (year < first_year || !years_.test(static_cast<std::size_t>(year - first_year))) continue;
    if (!months_.test(static_cast<unsigned>(month.month()))) continue;
    const std::bitset<32> matching = days_of(month);
    for (; day <= last_day_of(month); ++day, of_day = 0s) {
      if (!matching.test(static_cast<std::size_t>(day))) continue;
      if (const auto time = time_from(of_day)) return local_days(month / std::chrono::day(static_cast<unsigned>(day))) + *time;
    }
  }
  return std::nullopt;
}

std::optional<Instant> Cron::next(Instant after, const TimeZone& zone) const {
  sys_seconds from = floor<seconds>(after) + 1s;
  for (;;) {
    const TimeZone::Span span = zone.at(from);
    const auto local = first_from(local_seconds(from.time_since_epoch() + span.offset));
    if (!local) return std::nullopt;
    const sys_seconds found(local->time_since_epoch() - span.offset);
    if (found < span.until) return Instant(found);
    from = span.until;
  }
}

Result<Schedule> Schedule::of(const PeriodicConfig& periodic) {
  std::vector<std::string> texts(periodic.specs().begin(), periodic.specs().end());
  if (!periodic.spec().empty()) texts.push_back(periodic.spec());
  std::vector<Cron> specs;
  for (const std::string& text : texts) {
    const auto cron = Cron::parse(text);
    if (!cron) return cron.error().within("Invalid cron spec \"" + text + "\"");
    specs.push_back(*cron);
  }
  DROVER_LET(TimeZone zone, TimeZone::load(periodic.time_zone()));
  return Schedule(std::move(specs), std::move(zone));
}

std::optional<Instant> Schedule::next(Instant after) const {
  std::optional<Instant> earliest;
  for (const Cron& cron : specs_) {
    const auto next = cron.next(after, zone_);
    if (next && (!earliest || *next < *earliest)) earliest = next;
  }
  return earliest;
}

}  // namespace drover::model
