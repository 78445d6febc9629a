#include "server/http/json_words.h"

#include <drover/result.h>

#include <optional>

namespace drover::server {
namespace {

constexpr const char* ends_early = "unexpected EOF";

bool is_blank(char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_hex(char c) { return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F'); }

std::string quoted(char c) {
  if (c == '\'') return R"('\'')";
  if (c == '\n') return R"('\n')";
  if (c == '\t') return R"('\t')";
  if (c == '\r') return R"('\r')";
  const auto byte = static_cast<unsigned char>(c);
  if (byte >= 0x20 && byte < 0x7f) return text("'{}'", c);
  constexpr std::string_view digits = "0123456789abcdef";
  return text("'\\{}{}{}'", byte < 0x80 ? "x" : "u00", digits[byte >> 4], digits[byte & 15]);
}

/// Walks over JSON text until something is wrong.
class Scanner {
 public:
  explicit Scanner(std::string_view text) : text_(text) {}

  /// What is wrong, or "" when one whole value has been read.
  std::string run() {
    for (;;) {
      if (!skip_blanks()) return ends_early;
      const bool inside = step();
      if (!problem_.empty()) return problem_;
      if (!inside) return "";
    }
  }

 private:
  enum class Wants { value, value_or_end, key, key_or_end, colon, comma_or_end };

  bool skip_blanks() {
    while (at_ < text_.size() && is_blank(text_[at_])) ++at_;
    return at_ < text_.size();
  }

  void refuse(std::string_view where) { problem_ = text("invalid character {} {}", quoted(text_[at_]), where); }

  /// The next character; refuses the end of the text.
  std::optional<char> next() {
    if (at_ < text_.size()) return text_[at_];
    problem_ = ends_early;
    return std::nullopt;
  }

  /// Reads one token. False when the outermost value has ended.
  bool step() {
    const char c = text_[at_];
    switch (wants_) {
      case Wants::value_or_end:
        if (c == ']') return close();
        [[fallthrough]];
      case Wants::value: return value(c);
      case Wants::key_or_end:
        if (c == '}') return close();
        [[fallthrough]];
      case Wants::key: return key(c);
      case Wants::colon:
        if (c != ':') return refuse("after object key"), true;
        ++at_;
        wants_ = Wants::value;
        return true;
      case Wants::comma_or_end: return after_value(c);
    }
    return false;
  }

  bool close() {
    ++at_;
    open_.pop_back();
    return ended();
  }

  bool ended() {
    wants_ = Wants::comma_or_end;
    return !open_.empty();
  }

  bool after_value(char c) {
    const bool in_object = open_.back() == '{';
    if (c == (in_object ? '}' : ']')) return close();
    if (c != ',') return refuse(in_object ? "after object key:value pair" : "after array element"), true;
    ++at_;
    wants_ = in_object ? Wants::key : Wants::value;
    return true;
  }

  bool key(char c) {
    if (c != '"') return refuse("looking for beginning of object key string"), true;
    string();
    wants_ = Wants::colon;
    return true;
  }

  bool value(char c) {
    if (c == '{' || c == '[') {
      ++at_;
      open_.push_back(c);
      wants_ = c == '{' ? Wants::key_or_end : Wants::value_or_end;
      return true;
    }
    if (c == '"') string();
    else if (c == '-' || is_digit(c)) number();
    else if (c == 't') literal("true");
    else if (c == 'f') literal("false");
    else if (c == 'n') literal("null");
    else refuse("looking for beginning of value");
    return ended();
  }

  void literal(std::string_view word) {
    for (const char wanted : word) {
      const auto c = next();
      if (!c) return;
      if (*c != wanted) return refuse(text("in literal {} (expecting {})", word, quoted(wanted)));
      ++at_;
    }
  }

  void string() {
    ++at_;
    for (;;) {
      const auto c = next();
      if (!c) return;
      if (static_cast<unsigned char>(*c) < 0x20) return refuse("in string literal");
      ++at_;
      if (*c == '"') return;
      if (*c == '\\') escape();
      if (!problem_.empty()) return;
    }
  }

  void escape() {
    const auto c = next();
    if (!c) return;
    if (std::string_view("\"\\/bfnrtu").find(*c) == std::string_view::npos) return refuse("in string escape code");
    ++at_;
    for (int digits = *c == 'u' ? 4 : 0; digits > 0; --digits) {
      const auto digit = next();
      if (!digit) return;
      if (!is_hex(*digit)) return refuse("in \\u hexadecimal character escape");
      ++at_;
    }
  }

  void number() {
    if (text_[at_] == '-') ++at_;
    const auto first = next();
    if (!first) return;
    if (!is_digit(*first)) return refuse("in numeric literal");
    if (*first == '0') ++at_;
    else skip_digits();
    if (at_ < text_.size() && text_[at_] == '.') {
      ++at_;
      digits("after decimal point in numeric literal");
    }
    if (problem_.empty() && at_ < text_.size() && (text_[at_] | 0x20) == 'e') {
      ++at_;
      if (at_ < text_.size() && (text_[at_] == '+' || text_[at_] == '-')) ++at_;
      digits("in exponent of numeric literal");
    }
  }

  void digits(std::string_view where) {
    const auto c = next();
    if (!c) return;
    if (!is_digit(*c)) return refuse(where);
    skip_digits();
  }

  void skip_digits() {
    while (at_ < text_.size() && is_digit(text_[at_])) ++at_;
  }

  std::string_view text_;
  std::size_t at_ = 0;
  Wants wants_ = Wants::value;
  std::string open_;  ///< the brackets that are open, innermost last
  std::string problem_;
};

}  // namespace

std::string json_syntax_problem(std::string_view text) { return Scanner(text).run(); }

}  // namespace drover::server
