#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/loop/time.h"
#include "base/value/value.h"

/// How the command line shows things: pure functions from values to text.
namespace drover::cli {

/// Escape sequences of a terminal, or nothing.
class Paint {
 public:
  explicit Paint(bool on) : on_(on) {}
  std::string bold(std::string_view text) const { return in("1", text); }
  std::string red(std::string_view text) const { return in("31", text); }
  std::string green(std::string_view text) const { return in("32", text); }
  std::string yellow(std::string_view text) const { return in("33", text); }
  bool is_on() const { return on_; }

 private:
  std::string in(std::string_view code, std::string_view text) const {
    return on_ ? "\x1b[" + std::string(code) + "m" + std::string(text) + "\x1b[0m" : std::string(text);
  }
  bool on_;
};

/// Columns separated by two spaces and padded; an empty cell is "<none>". The first row is the heading. No final newline.
std::string table(const std::vector<std::vector<std::string>>& rows);

/// "Key   = value" lines, keys padded. An empty value is "<none>". No final newline.
std::string key_values(const std::vector<std::pair<std::string, std::string>>& rows);

/// The first 8 characters of an id, or all of it.
std::string short_id(std::string_view id, bool whole = false);

/// "5m3s ago", "N/A" for 0.
std::string ago(std::int64_t ns, Instant now);

/// RFC 3339 of the local time zone, "N/A" for 0.
std::string stamp(std::int64_t ns);

/// Go's text of a duration: "1h2m3s", "500ms".
std::string duration_text(std::int64_t ns);

/// "300 MiB", "1.2 GiB".
std::string bytes_text(double bytes);

// Members of API objects, with what they are when missing.
std::string text_of(const Value& object, std::string_view key);
std::int64_t integer_of(const Value& object, std::string_view key);
bool bool_of(const Value& object, std::string_view key);
const Value& member_of(const Value& object, std::string_view key);  ///< a null value when missing
const Value::List& list_of(const Value& object, std::string_view key);
const Value::Map& map_of(const Value& object, std::string_view key);
/// RFC 3339 text to nanoseconds; 0 when it is none.
std::int64_t time_of(const Value& object, std::string_view key);

}  // namespace drover::cli
