#include "model/json/text.h"

#include <charconv>
#include <chrono>
#include <cstdlib>

namespace drover::model {
namespace {

constexpr std::int64_t second_ns = 1'000'000'000;

constexpr char base64_digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/// Two or more decimal digits, without a sign.
void append_padded(std::string& out, std::int64_t value, int width) {
  char digits[20];
  const auto end = std::to_chars(digits, digits + sizeof digits, value).ptr;
  for (auto have = end - digits; have < width; ++have) out += '0';
  out.append(digits, end);
}

int base64_value(char c) {
  if (c >= 'A' && c <= 'Z') return c - 'A';
  if (c >= 'a' && c <= 'z') return c - 'a' + 26;
  if (c >= '0' && c <= '9') return c - '0' + 52;
  if (c == '+') return 62;
  return c == '/' ? 63 : -1;
}

/// Reads exactly `width` digits from the front.
std::optional<int> take_digits(std::string_view& text, std::size_t width) {
  if (text.size() < width) return {};
  int value = 0;
  for (const char c : text.substr(0, width)) {
    if (c < '0' || c > '9') return {};
    value = value * 10 + (c - '0');
  }
  text.remove_prefix(width);
  return value;
}

bool take(std::string_view& text, char expected) {
  if (text.empty() || text.front() != expected) return false;
  text.remove_prefix(1);
  return true;
}

/// ".123" as nanoseconds; digits past the ninth are dropped.
std::int64_t take_fraction(std::string_view& text) {
  if (!take(text, '.')) return 0;
  std::int64_t value = 0;
  std::int64_t unit = second_ns;
  while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    unit /= 10;
    value += unit * (text.front() - '0');
    text.remove_prefix(1);
  }
  return value;
}

/// "Z" or "+02:00" as seconds east of Greenwich.
std::optional<std::int64_t> take_offset(std::string_view& text) {
  if (take(text, 'Z') || take(text, 'z')) return 0;
  const int sign = take(text, '-') ? -1 : (take(text, '+') ? 1 : 0);
  if (sign == 0) return {};
  const auto hours = take_digits(text, 2);
  if (!hours || !take(text, ':')) return {};
  const auto minutes = take_digits(text, 2);
  if (!minutes) return {};
  return sign * (*hours * 3600 + *minutes * 60);
}

struct Unit {
  std::string_view name;
  double ns;
};
// Longer names first where one begins like another.
constexpr Unit units[] = {{"ns", 1},   {"us", 1e3}, {"\u00b5s", 1e3}, {"\u03bcs", 1e3},
                          {"ms", 1e6}, {"s", 1e9},  {"m", 60e9},      {"h", 3600e9}};

const Unit* take_unit(std::string_view& text) {
  const auto end = text.find_first_of("0123456789.");
  const auto name = text.substr(0, end);
  for (const Unit& unit : units) {
    if (unit.name != name) continue;
    text.remove_prefix(name.size());
    return &unit;
  }
  return nullptr;
}

}  // namespace

void append_base64(std::string& out, std::string_view bytes) {
  std::size_t i = 0;
  const auto at = [&bytes](std::size_t n) { return static_cast<unsigned>(static_cast<unsigned char>(bytes[n])); };
  for (; i + 2 < bytes.size(); i += 3) {
    const unsigned group = at(i) << 16 | at(i + 1) << 8 | at(i + 2);
    for (int shift = 18; shift >= 0; shift -= 6) out += base64_digits[group >> shift & 63];
  }
  const std::size_t rest = bytes.size() - i;
  if (rest == 0) return;
  const unsigned group = at(i) << 16 | (rest == 2 ? at(i + 1) << 8 : 0);
  out += base64_digits[group >> 18 & 63];
  out += base64_digits[group >> 12 & 63];
  out += rest == 2 ? base64_digits[group >> 6 & 63] : '=';
  out += '=';
}

std::optional<std::string> parse_base64(std::string_view text) {
  if (text.size() % 4 != 0) return {};
  while (!text.empty() && text.back() == '=') text.remove_suffix(1);
  std::string out;
  unsigned group = 0;
  int bits = 0;
  for (const char c : text) {
    const int value = base64_value(c);
    if (value < 0) return {};
    group = group << 6 | static_cast<unsigned>(value);
    bits += 6;
    if (bits < 8) continue;
    bits -= 8;
    out += static_cast<char>(group >> bits & 0xff);
  }
  return out;
}

void append_time(std::string& out, std::int64_t ns) {
  const std::chrono::sys_time<std::chrono::nanoseconds> at{std::chrono::nanoseconds(ns)};
  const auto day = std::chrono::floor<std::chrono::days>(at);
  const std::chrono::year_month_day date(day);
  const std::chrono::hh_mm_ss clock(at - day);
  append_padded(out, static_cast<int>(date.year()), 4);
  out += '-';
  append_padded(out, static_cast<unsigned>(date.month()), 2);
  out += '-';
  append_padded(out, static_cast<unsigned>(date.day()), 2);
  out += 'T';
  append_padded(out, clock.hours().count(), 2);
  out += ':';
  append_padded(out, clock.minutes().count(), 2);
  out += ':';
  append_padded(out, clock.seconds().count(), 2);
  if (const auto fraction = clock.subseconds().count(); fraction != 0) {
    out += '.';
    append_padded(out, fraction, 9);
    while (out.back() == '0') out.pop_back();
  }
  out += 'Z';
}

std::optional<std::int64_t> parse_time(std::string_view text) {
  const auto year = take_digits(text, 4);
  if (!year || !take(text, '-')) return {};
  const auto month = take_digits(text, 2);
  if (!month || !take(text, '-')) return {};
  const auto day = take_digits(text, 2);
  if (!day || !(take(text, 'T') || take(text, 't') || take(text, ' '))) return {};
  const auto hour = take_digits(text, 2);
  if (!hour || !take(text, ':')) return {};
  const auto minute = take_digits(text, 2);
  if (!minute || !take(text, ':')) return {};
  const auto second = take_digits(text, 2);
  if (!second) return {};
  const std::int64_t fraction = take_fraction(text);
  const auto offset = take_offset(text);
  if (!offset || !text.empty()) return {};

  const std::chrono::year_month_day date{std::chrono::year(*year), std::chrono::month(static_cast<unsigned>(*month)),
                                         std::chrono::day(static_cast<unsigned>(*day))};
  if (!date.ok() || *hour > 23 || *minute > 59 || *second > 60) return {};
  if (*year == 1) return 0;
  if (*year < 1678 || *year > 2261) return {};  // what 64 bits of nanoseconds can hold
  const std::int64_t seconds =
      std::chrono::sys_days(date).time_since_epoch().count() * std::int64_t{86400} + *hour * 3600 + *minute * 60 + *second - *offset;
  return seconds * second_ns + fraction;
}

std::optional<std::int64_t> parse_duration(std::string_view text) {
  const bool negative = take(text, '-');
  if (!negative) take(text, '+');
  if (text == "0") return 0;
  if (text.empty()) return {};
  long double total = 0;
  while (!text.empty()) {
    const auto end = text.find_first_not_of("0123456789.");
    if (end == 0 || end == std::string_view::npos) return {};
    const std::string number(text.substr(0, end));
    if (number == "." || number.find('.') != number.rfind('.')) return {};
    text.remove_prefix(end);
    const Unit* unit = take_unit(text);
    if (!unit) return {};
    total += std::strtold(number.c_str(), nullptr) * static_cast<long double>(unit->ns);
  }
  if (total > 9223372036854775807.0L) return {};
  const auto ns = static_cast<std::int64_t>(total);
  return negative ? -ns : ns;
}

std::string duration_text(std::int64_t ns) {
  if (ns == 0) return "0s";
  std::string out;
  auto rest = static_cast<std::uint64_t>(ns);
  if (ns < 0) {
    out += '-';
    rest = 0 - rest;
  }
  const auto with_fraction = [&out, rest](std::uint64_t unit, int digits, std::string_view name) {
    append_integer(out, rest / unit);
    if (const auto fraction = static_cast<std::int64_t>(rest % unit); fraction != 0) {
      out += '.';
      append_padded(out, fraction, digits);
      while (out.back() == '0') out.pop_back();
    }
    out += name;
  };
  if (rest < 1'000) return with_fraction(1, 0, "ns"), out;
  if (rest < 1'000'000) return with_fraction(1'000, 3, "\u00b5s"), out;
  if (rest < second_ns) return with_fraction(1'000'000, 6, "ms"), out;

  const std::uint64_t hours = rest / (3600 * std::uint64_t{second_ns});
  rest -= hours * 3600 * second_ns;
  const std::uint64_t minutes = rest / (60 * std::uint64_t{second_ns});
  rest -= minutes * 60 * second_ns;
  if (hours > 0) append_integer(out, hours), out += 'h';
  if (hours > 0 || minutes > 0) append_integer(out, minutes), out += 'm';
  append_integer(out, rest / second_ns);
  if (const auto fraction = static_cast<std::int64_t>(rest % second_ns); fraction != 0) {
    out += '.';
    append_padded(out, fraction, 9);
    while (out.back() == '0') out.pop_back();
  }
  out += 's';
  return out;
}

}  // namespace drover::model
