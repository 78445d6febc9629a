#include "cli/output.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <ctime>

namespace drover::cli {
namespace {

/// Columns a terminal needs for UTF-8 text, near enough for padding: continuation bytes do not count.
std::size_t width(std::string_view text) {
  return static_cast<std::size_t>(std::ranges::count_if(text, [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string padded(std::string_view text, std::size_t columns) {
  std::string out(text);
  out.append(columns - std::min(columns, width(text)), ' ');
  return out;
}

constexpr std::int64_t second_ns = 1'000'000'000;

}  // namespace

std::string table(const std::vector<std::vector<std::string>>& rows) {
  std::vector<std::size_t> widths;
  auto cell = [](const std::string& text) -> std::string_view { return text.empty() ? std::string_view("<none>") : text; };
  for (const auto& row : rows) {
    widths.resize(std::max(widths.size(), row.size()));
    for (std::size_t i = 0; i < row.size(); ++i) widths[i] = std::max(widths[i], width(cell(row[i])));
  }
  std::string out;
  for (const auto& row : rows) {
    if (!out.empty()) out += '\n';
    for (std::size_t i = 0; i < row.size(); ++i) {
      out += i + 1 == row.size() ? std::string(cell(row[i])) : padded(cell(row[i]), widths[i] + 2);
    }
  }
  return out;
}

std::string key_values(const std::vector<std::pair<std::string, std::string>>& rows) {
  std::size_t columns = 0;
  for (const auto& [key, value] : rows) columns = std::max(columns, width(key));
  std::string out;
  for (const auto& [key, value] : rows) {
    if (!out.empty()) out += '\n';
    out += padded(key, columns) + " = " + (value.empty() ? "<none>" : value);
  }
  return out;
}

std::string short_id(std::string_view id, bool whole) { return std::string(whole ? id : id.substr(0, 8)); }

std::string ago(std::int64_t ns, Instant now) {
  if (ns == 0) return "N/A";
  const std::int64_t seconds = std::max<std::int64_t>(0, (to_ns(now) - ns) / second_ns);
  constexpr std::int64_t minute = 60, hour = 3600, day = 86400;
  if (seconds >= 30 * day) return fmt::format("{}mo{}d ago", seconds / (30 * day), seconds / day % 30);
  if (seconds >= day) return fmt::format("{}d{}h ago", seconds / day, seconds / hour % 24);
  if (seconds >= hour) return fmt::format("{}h{}m ago", seconds / hour, seconds / minute % 60);
  if (seconds >= minute) return fmt::format("{}m{}s ago", seconds / minute, seconds % 60);
  return fmt::format("{}s ago", seconds);
}

std::string stamp(std::int64_t ns) {
  if (ns == 0) return "N/A";
  const std::time_t seconds = static_cast<std::time_t>(ns / second_ns);
  std::tm local{};
  localtime_r(&seconds, &local);
  char buffer[64];
  std::strftime(buffer, sizeof buffer, "%Y-%m-%dT%H:%M:%S", &local);
  std::string out = buffer;
  if (local.tm_gmtoff == 0) return out + "Z";
  const long minutes = std::labs(local.tm_gmtoff) / 60;
  return out + fmt::format("{}{:02}:{:02}", local.tm_gmtoff < 0 ? '-' : '+', minutes / 60, minutes % 60);
}

std::string duration_text(std::int64_t ns) {
  if (ns == 0) return "0s";
  std::string out = ns < 0 ? "-" : "";
  const std::uint64_t rest = static_cast<std::uint64_t>(ns < 0 ? -ns : ns);
  if (rest < 1'000) return out + fmt::format("{}ns", rest);
  if (rest < 1'000'000) return out + fmt::format("{}µs", static_cast<double>(rest) / 1e3);
  if (rest < 1'000'000'000) return out + fmt::format("{}ms", static_cast<double>(rest) / 1e6);
  const std::uint64_t hours = rest / (3600ull * second_ns), minutes = rest / (60ull * second_ns) % 60;
  if (hours > 0) out += fmt::format("{}h", hours);
  if (hours > 0 || minutes > 0) out += fmt::format("{}m", minutes);
  return out + fmt::format("{}s", static_cast<double>(rest % (60ull * second_ns)) / 1e9);
}

std::string bytes_text(double bytes) {
  constexpr std::string_view units[] = {"B", "KiB", "MiB", "GiB", "TiB"};
  std::size_t unit = 0;
  while (bytes >= 1024 && unit + 1 < std::size(units)) bytes /= 1024, ++unit;
  return unit > 0 && bytes < 9.95 ? fmt::format("{:.1f} {}", bytes, units[unit]) : fmt::format("{:.0f} {}", bytes, units[unit]);
}

const Value& member_of(const Value& object, std::string_view key) {
  static const Value null;
  const Value* found = object.find(key);
  return found ? *found : null;
}

std::string text_of(const Value& object, std::string_view key) {
  const Value& value = member_of(object, key);
  if (value.is_text()) return value.text();
  if (value.is_integer()) return std::to_string(value.integer());
  if (value.is_bool()) return value.boolean() ? "true" : "false";
  if (value.is_real()) return fmt::format("{}", value.real());
  return "";
}

std::int64_t integer_of(const Value& object, std::string_view key) {
  const Value& value = member_of(object, key);
  return value.is_integer() ? value.integer() : value.is_real() ? static_cast<std::int64_t>(value.real()) : 0;
}

bool bool_of(const Value& object, std::string_view key) {
  const Value& value = member_of(object, key);
  return value.is_bool() && value.boolean();
}

const Value::List& list_of(const Value& object, std::string_view key) {
  static const Value::List none;
  const Value& value = member_of(object, key);
  return value.is_list() ? value.items() : none;
}

const Value::Map& map_of(const Value& object, std::string_view key) {
  static const Value::Map none;
  const Value& value = member_of(object, key);
  return value.is_map() ? value.members() : none;
}

std::int64_t time_of(const Value& object, std::string_view key) {
  const std::string text = text_of(object, key);
  std::tm utc{};
  const char* rest = strptime(text.c_str(), "%Y-%m-%dT%H:%M:%S", &utc);
  if (!rest || text.starts_with("0001")) return 0;
  std::int64_t ns = static_cast<std::int64_t>(timegm(&utc)) * second_ns;
  if (*rest == '.') {
    std::int64_t digit = second_ns / 10;
    for (++rest; *rest >= '0' && *rest <= '9'; ++rest, digit /= 10) ns += (*rest - '0') * digit;
  }
  return ns;
}

}  // namespace drover::cli
