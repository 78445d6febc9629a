#include "base/json/text.h"

#include <array>
#include <charconv>
#include <cmath>

namespace drover::json {

namespace {

constexpr char hex_digits[] = "0123456789abcdef";

/// Which bytes need a closer look: control characters, quotes, backslashes, and all that is not ASCII.
constexpr std::array<bool, 256> special_bytes = [] {
  std::array<bool, 256> table{};
  for (std::size_t i = 0; i < 0x20; ++i) table[i] = true;
  for (std::size_t i = 0x80; i < 0x100; ++i) table[i] = true;
  table['"'] = table['\\'] = true;
  return table;
}();

void append_escaped(std::string& out, unsigned char byte) {
  switch (byte) {
    case '"': out += "\\\""; return;
    case '\\': out += "\\\\"; return;
    case '\n': out += "\\n"; return;
    case '\r': out += "\\r"; return;
    case '\t': out += "\\t"; return;
    case '\b': out += "\\b"; return;
    case '\f': out += "\\f"; return;
    default:
      out += "\\u00";
      out += hex_digits[byte >> 4];
      out += hex_digits[byte & 15];
  }
}

bool continues(unsigned char byte) { return (byte & 0xc0) == 0x80; }

/// How many bytes the UTF-8 character at the front has; 0 when it is none.
std::size_t utf8_length(std::string_view text) {
  const auto byte = [text](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  const unsigned lead = byte(0);
  const unsigned second = byte(1);
  if (lead >= 0xc2 && lead <= 0xdf) return continues(second) ? 2 : 0;
  if (lead >= 0xe0 && lead <= 0xef) {
    const bool overlong = lead == 0xe0 && second < 0xa0;
    const bool surrogate = lead == 0xed && second > 0x9f;
    return continues(second) && continues(byte(2)) && !overlong && !surrogate ? 3 : 0;
  }
  if (lead >= 0xf0 && lead <= 0xf4) {
    const bool outside = (lead == 0xf0 && second < 0x90) || (lead == 0xf4 && second > 0x8f);
    return continues(second) && continues(byte(2)) && continues(byte(3)) && !outside ? 4 : 0;
  }
  return 0;
}

/// Appends one character that is not ASCII; returns how many bytes it took.
std::size_t append_wide(std::string& out, std::string_view rest) {
  const std::size_t length = utf8_length(rest);
  const std::string_view character = rest.substr(0, length);
  if (length == 0) {
    out += "\\ufffd";
    return 1;
  }
  if (character == "\u2028" || character == "\u2029") {  // Go escapes the two, for JavaScript's sake
    out += character.back() == '\xa8' ? "\\u2028" : "\\u2029";
  } else {
    out += character;
  }
  return length;
}

}  // namespace

void append_quoted(std::string& out, std::string_view text) {
  out += '"';
  std::size_t plain_from = 0;
  for (std::size_t i = 0; i < text.size();) {
    const auto byte = static_cast<unsigned char>(text[i]);
    if (!special_bytes[byte]) {
      ++i;
      continue;
    }
    out.append(text, plain_from, i - plain_from);
    if (byte < 0x80) {
      append_escaped(out, byte);
      ++i;
    } else {
      i += append_wide(out, text.substr(i));
    }
    plain_from = i;
  }
  out.append(text, plain_from);
  out += '"';
}

void append_real(std::string& out, double value) {
  if (!std::isfinite(value)) {
    out += "null";
    return;
  }
  char buffer[400];
  const double size = std::fabs(value);
  const bool scientific = size != 0 && (size < 1e-6 || size >= 1e21);
  const auto format = scientific ? std::chars_format::scientific : std::chars_format::fixed;
  const auto end = std::to_chars(buffer, buffer + sizeof buffer, value, format).ptr;
  const std::string_view text(buffer, static_cast<std::size_t>(end - buffer));
  out += text;
  if (!scientific && text.find('.') == std::string_view::npos) out += ".0";
}

void append_integer(std::string& out, std::int64_t value) {
  char buffer[24];
  out.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
}

void append_integer(std::string& out, std::uint64_t value) {
  char buffer[24];
  out.append(buffer, std::to_chars(buffer, buffer + sizeof buffer, value).ptr);
}

}  // namespace drover::json
