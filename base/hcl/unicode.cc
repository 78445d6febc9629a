#include "base/hcl/unicode.h"

#include <algorithm>
#include <vector>

#include "base/hcl/unicode_data.h"

namespace drover::hcl::unicode {
namespace {

constexpr char32_t zero_width_joiner = 0x200D;
constexpr char32_t hangul_base = 0xAC00, hangul_l = 0x1100, hangul_v = 0x1161, hangul_t = 0x11A7;
constexpr char32_t hangul_l_count = 19, hangul_v_count = 21, hangul_t_count = 28;
constexpr char32_t hangul_count = hangul_l_count * hangul_v_count * hangul_t_count;

/// The row whose range holds the code point, or null.
template <class Row>
const Row* find_range(const Table<Row>& table, char32_t code) {
  const auto at = std::lower_bound(table.begin(), table.end(), code, [](const Row& row, char32_t c) { return row.last < c; });
  return at != table.end() && at->first <= code ? at : nullptr;
}

bool extends(char32_t c) { return c == zero_width_joiner || find_range(grapheme_extend, c) != nullptr; }
bool is_regional(char32_t c) { return c >= 0x1F1E6 && c <= 0x1F1FF; }
bool is_hangul_l(char32_t c) { return (c >= 0x1100 && c <= 0x115F) || (c >= 0xA960 && c <= 0xA97C); }
bool is_hangul_v(char32_t c) { return (c >= 0x1160 && c <= 0x11A7) || (c >= 0xD7B0 && c <= 0xD7C6); }
bool is_hangul_t(char32_t c) { return (c >= 0x11A8 && c <= 0x11FF) || (c >= 0xD7CB && c <= 0xD7FB); }
bool is_hangul_syllable(char32_t c) { return c >= hangul_base && c < hangul_base + hangul_count; }
bool is_hangul_lv(char32_t c) { return is_hangul_syllable(c) && (c - hangul_base) % hangul_t_count == 0; }

bool joins_hangul(char32_t before, char32_t after) {
  if (is_hangul_l(before)) return is_hangul_l(after) || is_hangul_v(after) || is_hangul_syllable(after);
  if (is_hangul_v(before) || is_hangul_lv(before)) return is_hangul_v(after) || is_hangul_t(after);
  return (is_hangul_t(before) || is_hangul_syllable(before)) && is_hangul_t(after);
}

int combining_class(char32_t c) {
  const ClassRange* row = find_range(combining, c);
  return row ? row->value : 0;
}

void decompose(char32_t c, std::u32string& out) {
  if (is_hangul_syllable(c)) {
    const char32_t index = c - hangul_base;
    out.push_back(hangul_l + index / (hangul_v_count * hangul_t_count));
    out.push_back(hangul_v + index % (hangul_v_count * hangul_t_count) / hangul_t_count);
    if (index % hangul_t_count != 0) out.push_back(hangul_t + index % hangul_t_count);
    return;
  }
  const auto at = std::lower_bound(mappings.begin(), mappings.end(), c, [](const Mapping& m, char32_t x) { return m.composed < x; });
  if (at == mappings.end() || at->composed != c) {
    out.push_back(c);
    return;
  }
  decompose(at->first, out);
  if (at->second != 0) decompose(at->second, out);
}

char32_t compose(char32_t a, char32_t b) {
  if (a >= hangul_l && a < hangul_l + hangul_l_count && b >= hangul_v && b < hangul_v + hangul_v_count)
    return hangul_base + ((a - hangul_l) * hangul_v_count + (b - hangul_v)) * hangul_t_count;
  if (is_hangul_lv(a) && b > hangul_t && b < hangul_t + hangul_t_count) return a + (b - hangul_t);
  for (const Mapping& m : mappings)
    if (m.composes && m.first == a && m.second == b) return m.composed;
  return 0;
}

/// Marks behind each starter in the order of their classes.
void order_marks(std::u32string& text) {
  for (std::size_t i = 0; i < text.size();) {
    std::size_t end = i;
    while (end < text.size() && combining_class(text[end]) != 0) ++end;
    std::stable_sort(text.begin() + static_cast<std::ptrdiff_t>(i), text.begin() + static_cast<std::ptrdiff_t>(end),
                     [](char32_t a, char32_t b) { return combining_class(a) < combining_class(b); });
    i = end == i ? i + 1 : end;
  }
}

std::u32string composed(const std::u32string& text) {
  std::u32string out;
  std::size_t starter = std::u32string::npos;
  int last_class = 0;
  for (const char32_t c : text) {
    const int own_class = combining_class(c);
    const bool blocked = starter == std::u32string::npos || (out.size() > starter + 1 && last_class >= own_class);
    if (!blocked) {
      if (const char32_t joined = compose(out[starter], c); joined != 0) {
        out[starter] = joined;
        continue;
      }
    }
    if (own_class == 0) starter = out.size();
    last_class = own_class;
    out.push_back(c);
  }
  return out;
}

std::string map_case(std::string_view text, bool upper) {
  std::string out;
  while (!text.empty()) {
    const Decoded d = decode(text);
    if (d.bytes == 0) {
      out.push_back(text[0]);
      text.remove_prefix(1);
      continue;
    }
    char32_t c = d.code;
    if (c < 128) {
      if (upper && c >= 'a' && c <= 'z') c -= 32;
      if (!upper && c >= 'A' && c <= 'Z') c += 32;
    } else if (const CaseMapping* row = find_range(cases, c)) {
      c = static_cast<char32_t>(static_cast<std::int64_t>(c) + (upper ? row->upper : row->lower));
    }
    append(out, c);
    text.remove_prefix(d.bytes);
  }
  return out;
}

}  // namespace

Decoded decode(std::string_view text) {
  if (text.empty()) return {};
  const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char lead = byte(0);
  if (lead < 0x80) return {lead, 1};
  const std::size_t bytes = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
  if (lead < 0xC2 || lead > 0xF4 || text.size() < bytes) return {};
  char32_t code = lead & (0xFF >> (bytes + 1));
  for (std::size_t i = 1; i < bytes; ++i) {
    if ((byte(i) & 0xC0) != 0x80) return {};
    code = (code << 6) | (byte(i) & 0x3F);
  }
  const bool overlong = (bytes == 3 && code < 0x800) || (bytes == 4 && code < 0x10000);
  if (overlong || code > 0x10FFFF || (code >= 0xD800 && code <= 0xDFFF)) return {};
  return {code, bytes};
}

bool append(std::string& out, char32_t c) {
  if (c > 0x10FFFF || (c >= 0xD800 && c <= 0xDFFF)) return false;
  const auto put = [&](char32_t byte) { out.push_back(static_cast<char>(byte)); };
  if (c < 0x80) {
    put(c);
  } else if (c < 0x800) {
    put(0xC0 | (c >> 6));
    put(0x80 | (c & 0x3F));
  } else if (c < 0x10000) {
    put(0xE0 | (c >> 12));
    put(0x80 | ((c >> 6) & 0x3F));
    put(0x80 | (c & 0x3F));
  } else {
    put(0xF0 | (c >> 18));
    put(0x80 | ((c >> 12) & 0x3F));
    put(0x80 | ((c >> 6) & 0x3F));
    put(0x80 | (c & 0x3F));
  }
  return true;
}

std::size_t first_invalid(std::string_view text) {
  for (std::size_t i = 0; i < text.size();) {
    const std::size_t bytes = decode(text.substr(i)).bytes;
    if (bytes == 0) return i;
    i += bytes;
  }
  return std::string_view::npos;
}

bool is_identifier_start(char32_t c) {
  if (c < 128) return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_';
  return find_range(id_start, c) != nullptr;
}

bool is_identifier_part(char32_t c) {
  if (c < 128) return is_identifier_start(c) || (c >= '0' && c <= '9') || c == '-';
  return find_range(id_continue, c) != nullptr;
}

bool is_identifier(std::string_view text) {
  bool first = true;
  while (!text.empty()) {
    const Decoded d = decode(text);
    if (d.bytes == 0 || !(first ? is_identifier_start(d.code) : is_identifier_part(d.code))) return false;
    text.remove_prefix(d.bytes);
    first = false;
  }
  return !first;
}

bool is_space(char32_t c) {
  return (c >= 9 && c <= 13) || c == ' ' || c == 0x85 || c == 0xA0 || c == 0x1680 || (c >= 0x2000 && c <= 0x200A) || c == 0x2028 ||
         c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

std::size_t cluster_length(std::string_view text) {
  Decoded current = decode(text);
  if (current.bytes == 0) return 1;
  std::size_t length = current.bytes;
  if (current.code == '\r') return text.size() > 1 && text[1] == '\n' ? 2 : 1;
  if (current.code < 32) return length;
  bool pictured = find_range(pictographic, current.code) != nullptr;  // a pictograph, extended or not, so far
  int regionals = is_regional(current.code) ? 1 : 0;
  char32_t before = current.code;
  while (length < text.size()) {
    // Nearly all text is ASCII: nothing below 128 continues a cluster.
    if (static_cast<unsigned char>(text[length]) < 0x80) break;
    const Decoded next = decode(text.substr(length));
    if (next.bytes == 0) break;
    const bool pair_of_flags = is_regional(next.code) && regionals == 1 && is_regional(before);
    const bool joined_picture = pictured && before == zero_width_joiner && find_range(pictographic, next.code);
    if (!extends(next.code) && !find_range(spacing_mark, next.code) && !pair_of_flags && !joined_picture && !joins_hangul(before, next.code)) break;
    if (pair_of_flags) regionals = 2;
    before = next.code;
    length += next.bytes;
  }
  return length;
}

std::size_t count_clusters(std::string_view text) {
  std::size_t count = 0;
  for (; !text.empty(); ++count) text.remove_prefix(cluster_length(text));
  return count;
}

std::string normalize(std::string_view text) {
  // Below U+0300 everything is in normal form already.
  const bool plain = std::all_of(text.begin(), text.end(), [](char c) { return static_cast<unsigned char>(c) < 0xCC; });
  if (plain || first_invalid(text) != std::string_view::npos) return std::string(text);
  std::u32string decomposed;
  while (!text.empty()) {
    const Decoded d = decode(text);
    decompose(d.code, decomposed);
    text.remove_prefix(d.bytes);
  }
  order_marks(decomposed);
  std::string out;
  for (const char32_t c : composed(decomposed)) append(out, c);
  return out;
}

std::string to_upper(std::string_view text) { return map_case(text, true); }
std::string to_lower(std::string_view text) { return map_case(text, false); }

std::string_view trim_left(std::string_view text) {
  while (!text.empty()) {
    const Decoded d = decode(text);
    if (d.bytes == 0 || !is_space(d.code)) break;
    text.remove_prefix(d.bytes);
  }
  return text;
}

std::string_view trim_right(std::string_view text) {
  std::size_t end = 0;
  for (std::size_t i = 0; i < text.size();) {
    const Decoded d = decode(text.substr(i));
    const std::size_t bytes = std::max<std::size_t>(d.bytes, 1);
    if (d.bytes == 0 || !is_space(d.code)) end = i + bytes;
    i += bytes;
  }
  return text.substr(0, end);
}

std::string_view trim(std::string_view text) { return trim_left(trim_right(text)); }

std::size_t edit_distance(std::string_view a, std::string_view b, std::size_t limit) {
  if ((a.size() > b.size() ? a.size() - b.size() : b.size() - a.size()) >= limit) return limit;
  std::vector<std::size_t> row(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) row[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::size_t diagonal = row[0];
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
      diagonal = row[j];
      row[j] = std::min({row[j] + 1, row[j - 1] + 1, replaced});
    }
  }
  return std::min(row[b.size()], limit);
}

}  // namespace drover::hcl::unicode
