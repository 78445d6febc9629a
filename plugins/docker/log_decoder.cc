#include "plugins/docker/log_decoder.h"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <cstdio>

namespace drover::docker {
namespace {

constexpr std::size_t head_bytes = 8;
constexpr std::size_t entry_max = 2U << 20;  ///< engines cut lines at 16 KiB
constexpr std::size_t piece_bytes = 16U << 10;
constexpr std::size_t stamp_max = 36;
constexpr std::int64_t ns_per_s = 1'000'000'000;

Error not_a_stamp(std::string_view text) { return fail(Code::invalid, "'{}' is no time of a log entry", text.substr(0, stamp_max)); }

/// A number of exactly `digits` digits, followed by `after` (0: by anything).
bool read(std::string_view& text, std::size_t digits, char after, int& out) {
  if (text.size() < digits + (after != '\0' ? 1 : 0)) return false;
  const auto [end, error] = std::from_chars(text.data(), text.data() + digits, out);
  if (error != std::errc() || end != text.data() + digits) return false;
  text.remove_prefix(digits);
  if (after == '\0') return true;
  if (text.front() != after) return false;
  text.remove_prefix(1);
  return true;
}

std::int64_t read_fraction(std::string_view& text) {
  if (!text.starts_with('.')) return 0;
  text.remove_prefix(1);
  std::int64_t ns = 0;
  std::int64_t unit = ns_per_s / 10;
  while (!text.empty() && text.front() >= '0' && text.front() <= '9') {
    ns += unit * (text.front() - '0');
    unit /= 10;
    text.remove_prefix(1);
  }
  return ns;
}

/// "time text" apart.
Result<LogEntry> stamped(std::string_view text, bool is_stderr) {
  const std::size_t blank = text.substr(0, stamp_max + 1).find(' ');
  if (blank == std::string_view::npos) return not_a_stamp(text);
  DROVER_LET(const std::int64_t time, parse_timestamp(text.substr(0, blank)));
  return LogEntry{is_stderr, time, text.substr(blank + 1)};
}

}  // namespace

Result<std::int64_t> parse_timestamp(std::string_view text) {
  const std::string_view whole = text;
  int year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0;
  const bool ok = read(text, 4, '-', year) && read(text, 2, '-', month) && read(text, 2, 'T', day) && read(text, 2, ':', hour) &&
                  read(text, 2, ':', minute) && read(text, 2, '\0', second);
  if (!ok) return not_a_stamp(whole);
  const std::int64_t fraction = read_fraction(text);
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)), std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok()) return not_a_stamp(whole);
  std::int64_t seconds = std::chrono::sys_days(date).time_since_epoch().count() * std::int64_t{86'400} + hour * 3600 + minute * 60 + second;
  if (text == "Z") return seconds * ns_per_s + fraction;
  int off_hours = 0, off_minutes = 0;
  const bool east = text.starts_with('+');
  if (!east && !text.starts_with('-')) return not_a_stamp(whole);
  text.remove_prefix(1);
  if (!read(text, 2, ':', off_hours) || !read(text, 2, '\0', off_minutes) || !text.empty()) return not_a_stamp(whole);
  seconds -= (east ? 1 : -1) * (off_hours * 3600 + off_minutes * 60);
  return seconds * ns_per_s + fraction;
}

std::string unix_time(std::int64_t ns) {
  char text[32];
  std::snprintf(text, sizeof text, "%lld.%09lld", static_cast<long long>(ns / ns_per_s), static_cast<long long>(ns % ns_per_s));
  return text;
}

Result<void> LogDecoder::feed(std::string_view bytes, const std::function<void(const LogEntry&)>& take) {
  kept_.append(bytes);
  return is_terminal_ ? feed_lines(take) : feed_frames(take);
}

Result<void> LogDecoder::feed_frames(const std::function<void(const LogEntry&)>& take) {
  std::size_t done = 0;
  while (kept_.size() - done >= head_bytes) {
    const auto* head = reinterpret_cast<const unsigned char*>(kept_.data() + done);
    if (head[0] > 3 || head[1] != 0 || head[2] != 0 || head[3] != 0) return fail(Code::invalid, "the log stream has no frames");
    const std::size_t size = (std::size_t{head[4]} << 24) | (std::size_t{head[5]} << 16) | (std::size_t{head[6]} << 8) | head[7];
    if (size > entry_max) return fail(Code::invalid, "an entry of the log is {} bytes long, more than {}", size, entry_max);
    if (kept_.size() - done - head_bytes < size) break;
    const std::string_view body = std::string_view(kept_).substr(done + head_bytes, size);
    if (head[0] == 3) return fail(Code::unavailable, "the engine stopped reading the log: {}", body);
    DROVER_LET(const LogEntry entry, stamped(body, head[0] == 2));
    take(entry);
    done += head_bytes + size;
  }
  kept_.erase(0, done);
  return {};
}

/// A line longer than a piece comes in pieces without line ends between them, each with its time.
Result<void> LogDecoder::feed_lines(const std::function<void(const LogEntry&)>& take) {
  std::size_t done = 0;
  for (;;) {
    const std::string_view rest = std::string_view(kept_).substr(done);
    const std::size_t newline = rest.find('\n');
    const bool has_end = newline != std::string_view::npos;
    const std::size_t blank = rest.substr(0, stamp_max + 1).find(' ');
    const std::size_t piece_end = blank + 1 + piece_bytes;
    if (blank != std::string_view::npos && (has_end ? newline + 1 : rest.size()) > piece_end) {
      const std::string_view next = rest.substr(piece_end, stamp_max);
      if (!has_end && next.size() < stamp_max) break;  // whether a time follows will be seen
      if (parse_timestamp(next.substr(0, next.find(' '))).ok()) {
        DROVER_LET(const LogEntry entry, stamped(rest.substr(0, piece_end), false));
        take(entry);
        done += piece_end;
        continue;
      }
    }
    if (!has_end) break;
    DROVER_LET(const LogEntry entry, stamped(rest.substr(0, newline + 1), false));
    take(entry);
    done += newline + 1;
  }
  kept_.erase(0, done);
  if (kept_.size() > entry_max) return fail(Code::invalid, "an entry of the log is longer than {} bytes", entry_max);
  return {};
}

std::string_view LogResumer::remaining(const LogEntry& entry) {
  if (!resuming_) return entry.text;
  if (entry.time_ns < done_.time_ns) return {};
  if (entry.time_ns == done_.time_ns && seen_ < done_.entries) {
    ++seen_;
    return {};
  }
  resuming_ = false;
  return entry.text.substr(std::min<std::size_t>(done_.part, entry.text.size()));
}

void LogResumer::passed_on(std::int64_t time_ns, std::size_t bytes, bool whole) {
  if (!whole) {
    done_.part += bytes;
    return;
  }
  done_.entries = time_ns == done_.time_ns ? done_.entries + 1 : 1;
  done_.time_ns = time_ns;
  done_.part = 0;
}

}  // namespace drover::docker
